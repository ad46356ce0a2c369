"""Judges by options of every sort, and what becomes of the reasons that they give."""

from typing import Any

import pytest

from coevo.agents import pool
from coevo.agents.audit import Audit
from coevo.agents.backends import open_chat
from coevo.agents.scorer import Scorer
from coevo.prompts import Prompt, built_in
from coevo.tiers.decision import Action, Decision
from coevo.tiers.document import Document, document_id
from coevo.tiers.tier import Tier

from .model_server import ModelServer, serving

TEXT = "Photosynthesis turns light into sugar. It takes place in the chloroplast of a cell."


def document(text: str = TEXT, domain: str = "en") -> Document:
    return Document(id=document_id(text, "s"), text=text, domain=domain, tier=Tier.L1, source="s")


def judged(server: ModelServer, documents: list[Document], **options: Any) -> list[Decision]:
    return pool.run(Scorer(open_chat(server.url, retries=0), round=1, **options), documents)


@pytest.mark.parametrize(
    ("shares", "grade"),
    [
        ({"5": 1.0, "4": 1e-9}, 1.0),
        ({"0": 1.0, "1": 1e-9}, 0.0),
        ({"2": 0.5, "3": 0.5}, 0.5),
        ({"4": 0.3, "5": 0.1}, 0.85),
    ],
)
def test_a_grade_is_the_expected_number(shares: dict[str, float], grade: float) -> None:
    with serving(lambda said, form: shares) as server:
        decision = judged(server, [document()], rubrics=["value"])[0]
    assert decision.scores["value"] == pytest.approx(grade, abs=1e-6)
    assert "expected grade of 0 to 5" in decision.reason and decision.prompt.startswith("score-value@")


def test_rubrics_of_several_sorts_are_asked_together_each_in_its_language() -> None:
    def answer(said: str, form: str) -> Any:
        return (
            {"3": 1.0, "2": 1e-9}
            if "from 0 to 5" in said
            else {"是": 0.75, "否": 0.25}
            if "是或否" in said
            else {" yes": 0.25, " no": 0.75}
        )

    documents = [document(), document("光合作用把光能变成糖。", "zh")]
    with serving(answer) as server:
        english, chinese = judged(server, documents, rubrics=["clarity", "value", "density"])
    assert english.scores == pytest.approx({"clarity": 0.25, "value": 0.6, "density": 0.25})
    assert chinese.scores == pytest.approx({"clarity": 0.75, "value": 0.6, "density": 0.75})
    assert (
        str(chinese.evidence["clarity"]).startswith("score-clarity.zh@")
        and english.evidence["clarity"] != chinese.evidence["clarity"]
    )
    assert "P(yes) against P(no) and expected grade of 0 to 5" in english.reason


def test_a_rubric_is_asked_of_the_domains_that_it_is_meant_for() -> None:
    proofs = Prompt.model_validate(
        {
            "name": "score-proofs",
            "role": "scorer",
            "version": 1,
            "rubric": "proofs",
            "domains": ["math"],
            "options": [" yes", " no"],
            "body": "{{ document }}\nDoes it prove?",
        }
    )
    with serving(lambda said, form: {" yes": 1.0, " no": 0.0}) as server:
        prompts = built_in().extended([proofs])
        english, math = judged(server, [document(), document(domain="math")], rubrics=["proofs"], prompts=prompts)
    assert english.action is Action.NONE and "meant for en" in english.reason and english.error is None
    assert math.scores == pytest.approx({"proofs": 1.0})


REASONS = {"grade": 9, "reason": "It explains a process.", "quote": "It takes place in  the chloroplast"}


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "agrees (0.90 stated, 0.80 judged)"),
        ({"grade": 5}, "agrees"),
        ({"grade": 2}, "states 0.20, but judged 0.80"),
        ({"grade": 11}, "outside the scale"),
        ({"quote": "It takes place in the mitochondrion"}, "the quote is not in the document"),
        ({"quote": "It"}, "too short"),
    ],
)
def test_reasons_are_held_against_the_text_and_the_grade(change: dict[str, Any], verdict: str) -> None:
    def answer(said: str, form: str) -> Any:
        return {" yes": 0.8, " no": 0.2} if form == "choose" else {**REASONS, **change}

    with serving(answer) as server:
        decision = judged(server, [document()], audit=Audit(1.0), rubrics=["clarity", "density"])[0]
    assert decision.action is Action.SCORE and verdict in str(decision.evidence["audit"]) and verdict in decision.reason
    assert decision.evidence["audit_rubric"] in decision.scores and decision.usage.calls == 3
    assert decision.evidence["audit_quote"] == {**REASONS, **change}["quote"]
    assert server.said[-1][0] == "Rationale" and "from 0 (no" in server.said[-1][1]


def test_an_audit_without_an_answer_leaves_the_grades() -> None:
    with serving(lambda said, form: {" yes": 0.8, " no": 0.2} if form == "choose" else "no json at all") as server:
        decision = judged(server, [document()], audit=Audit(1.0), rubrics=["clarity"])[0]
    assert decision.action is Action.SCORE and str(decision.evidence["audit"]).startswith("no useful answer")
    assert decision.usage.calls == 3 == len(server.said) and decision.error is None


def test_a_share_of_the_documents_is_drawn_by_seed_and_rules_are_not_asked() -> None:
    documents = [document(f"{TEXT} {n}") for n in range(400)]
    drawn = [{d.id for d in documents if Audit(0.1, seed).draws(d)} for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and 20 <= len(drawn[0]) <= 60
    assert not any(Audit(0.0).draws(d) for d in documents) and all(Audit(1.0).draws(d) for d in documents)
    offline = Scorer(open_chat("offline:"), round=1, audit=Audit(1.0))
    assert offline.audit is None and "audit" not in offline(documents[0])[0].evidence
