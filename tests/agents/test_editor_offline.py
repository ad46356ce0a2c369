"""The editor by rules: what is taken out, and what stays as it was."""

import pytest

from coevo.agents.editor import Editor
from coevo.tiers.decision import Action, Usage
from coevo.tiers.tier import Tier

from .offline import CODE, GOOD, MATH, OFFLINE, README, document, made


def test_rules_make_real_edits_and_say_which() -> None:
    decision = Editor(OFFLINE, round=1)(document(README))[0]
    assert decision.action is Action.EDIT and decision.tier is Tier.L3 and decision.agent == "rule:edit-rules"
    after = made(decision).text
    assert "computes étale covers of curves in 3 steps; see x.Cover for" in after
    gone = ("shields.io", "badge.fury", "Skip to", "Home >", "cookies", "a.example", "Copyright")
    assert not [word for word in gone if word in after]
    rules = decision.evidence["rules"]
    assert isinstance(rules, list)
    assert {"badge", "navigation", "consent", "link-farm", "licence", "encoding", "markup"} <= set(rules)
    assert "-Skip to main content" in str(decision.evidence["diff"])
    assert decision.sources == (decision.doc,) and decision.usage == Usage()


def test_a_licence_header_leaves_the_code_as_it_was() -> None:
    decision = Editor(OFFLINE, round=1)(document(CODE, "code", "source"))[0]
    assert made(decision).text.strip() == CODE.split("\n\n", 1)[1].strip()


@pytest.mark.parametrize(
    "text", [GOOD, "x = 1\n", MATH, "", "Search the docs. He sued for copyright in 1905, a long story about nothing."]
)
def test_what_needs_no_edit_gets_none(text: str) -> None:
    decision = Editor(OFFLINE, round=1)(document(text))[0]
    assert (decision.action, decision.reason, decision.error) == (Action.NONE, "nothing to edit", None)


def test_an_edit_that_would_leave_little_is_refused() -> None:
    text = "Copyright 2020 A. All rights reserved.\nPermission is hereby granted without warranty.\n\nShort."
    decision = Editor(OFFLINE, round=1)(document(text))[0]
    assert decision.action is Action.REFUSE and "would delete" in decision.reason


def test_a_string_literal_keeps_its_white_space() -> None:
    text = '# Copyright 2020 A B.\nX = """a   \n\n\n\n\nb"""\n' + "Y = 1   \n" * 5
    after = made(Editor(OFFLINE, round=1)(document(text, "code"))[0]).text
    assert "Copyright" not in after and '"""a   \n\n\n\n\nb"""' in after
