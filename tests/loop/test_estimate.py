"""The estimate before a run: what it counts, and how rounds that are done replace the guess."""

from pathlib import Path

import pytest

from coevo.loop.config import RunConfig, parse_config
from coevo.loop.estimate import Measured, estimate, measured, trained_tokens
from coevo.loop.run_db import RunDB

URL = "openai:m@http://localhost:1/v1"


def config(**agents: object) -> RunConfig:
    return parse_config({"agents": agents, "rounds": 3}, "test")


def test_rules_and_the_student_cost_nothing() -> None:
    found = estimate(config(scorer="student:"))
    assert found.lines == () and found.usd == (0, 0) and not found.warnings and found.rounds == 3


def test_calls_follow_the_quotas_and_prices_the_tokens() -> None:
    prices = {"m": {"tokens_in": 2.0, "tokens_out": 10.0}}
    found = estimate(config(editor=URL, prices=prices))
    (line,) = found.lines
    assert line.calls[0] == 4 * 150  # what is prepared is curated once as well
    assert line.usd is not None
    for end in (0, 1):
        assert line.usd[end] == pytest.approx((2 * line.tokens_in[end] + 10 * line.tokens_out[end]) / 1e6)
    assert line.usd == found.usd and line.usd[0] < line.usd[1] and "no limit" in found.warnings[0]


def test_a_model_without_a_price_and_a_budget_that_does_not_reach_are_said() -> None:
    assert "no price of 'm'" in estimate(config(editor=URL)).warnings[0]
    short = config(editor=URL, prices={"m": {"tokens_in": 20.0, "tokens_out": 100.0}})
    short = short.model_copy(update={"budget": short.budget.model_copy(update={"usd": 1.0})})
    assert "will end the run before its last round" in estimate(short).warnings[0]


def test_rounds_that_are_done_replace_the_guess() -> None:
    known = Measured(rounds=2, usd=3.0, by_role={"editor": {"calls": 7, "tokens_in": 70, "tokens_out": 7, "usd": 1.5}})
    found = estimate(config(editor=URL, prices={"m": {"tokens_in": 1e6, "tokens_out": 0}}), known)
    (line,) = found.lines
    assert line.calls == (7, 7) and line.usd == (70, 70) and "2 finished rounds" in line.basis and found.spent_usd == 3


def test_trained_tokens_count_every_run_of_a_round() -> None:
    c = config()
    full = c.training.steps * c.training.batch * c.model.block
    probe = c.probes.steps(c.training.steps) * c.training.batch * c.model.block
    assert trained_tokens(c, 2) == 6 * full + 2 * (2 * full + 6 * probe)


@pytest.mark.parametrize(
    ("role", "more", "factor"),
    [
        (
            "scorer",
            {"curation": {"rubrics": ["clarity"], "score": 100, "audit": 0.0, "canaries": 0, "anchors": 0}},
            1.0,
        ),
        ("verifier", {"curation": {"solutions": 8}}, 4.0),
        ("second_verifier", {"curation": {"solutions": 8}}, 4.0),
        ("verifier", {"curation": {"verify": 4000}}, 5.0),
        ("second_verifier", {"curation": {"verify": 4000}}, 10.0),
        ("organizer", {"curation": {"verify": 4000}}, 5.0),
        ("synthesizer", {"curation": {"synthesize": 6000}}, 5.0),
        ("scorer", {"curation": {"audit": 1.0}}, 1.02),
        ("scorer", {"curation": {"anchors": 400}}, 1.5),
    ],
)
def test_every_setting_that_asks_more_is_counted(role: str, more: dict[str, object], factor: float) -> None:
    plain = {line.role: line.calls for line in estimate(config(**{role: URL})).lines}
    tree = {"agents": {role: URL}, "rounds": 3, **more}
    changed = {line.role: line.calls for line in estimate(parse_config(tree, "test")).lines}
    assert set(plain) == set(changed) == {role}
    if "rubrics" in str(more):
        assert changed[role][0] == 4 * 100, "one rubric, four passes"
    else:
        assert changed[role][1] >= factor * plain[role][1]


def test_a_second_verifier_is_told_from_the_first_in_what_was_measured(tmp_path: Path) -> None:
    other = "openai:n@http://localhost:1/v1"
    with RunDB(tmp_path / "run.db", create=True) as db:
        db.insert("rounds", {"round": 1, "status": "done"})
        for model, calls in ((URL, 5), (other, 7)):
            db.insert("costs", {"round": 1, "role": "verifier", "model": model, "calls": calls, "usd": 0.0})
        known = measured(db, other)
    found = {line.role: line.calls for line in estimate(config(verifier=URL, second_verifier=other), known).lines}
    assert found == {"verifier": (10, 10), "second_verifier": (14, 14)}
