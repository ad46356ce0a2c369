"""The estimate before a run: what it counts, and how rounds that are done replace the guess."""

import pytest

from coevo.loop.config import RunConfig, parse_config
from coevo.loop.estimate import Measured, estimate, trained_tokens

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
