"""A run stops at a round boundary, and says why."""

import pytest

from coevo.loop.budget import Spent, end_of, stop_reason, warnings
from coevo.loop.config import BudgetConfig
from coevo.loop.runner import parse_seconds
from coevo.tiers.errors import InputError

SPENT = Spent(usd=1.0, seconds=600.0, gpu_hours=0.5, last_round=100.0)


@pytest.mark.parametrize(
    ("budget", "done", "says"),
    [
        (BudgetConfig(), 2, ""),
        (BudgetConfig(), 3, "3 of 3 rounds done"),
        (BudgetConfig(usd=1.0), 1, "spent 1.0000 of 1.0000 USD"),
        (BudgetConfig(usd=1.1), 1, ""),
        (BudgetConfig(gpu_hours=0.4), 1, "GPU hours"),
        (BudgetConfig(seconds=699), 1, "99 s left of 699 s, a round takes 100 s"),
        (BudgetConfig(seconds=700), 1, ""),
    ],
)
def test_a_round_begins_only_within_the_budget(budget: BudgetConfig, done: int, says: str) -> None:
    reason = stop_reason(budget, SPENT, done, 3)
    assert says in reason
    assert bool(reason) == bool(says)


@pytest.mark.parametrize(
    ("budget", "done", "more"),
    [
        (BudgetConfig(), 3, "--rounds 4"),
        (BudgetConfig(usd=1.0), 1, "--max-usd 2"),
        (BudgetConfig(gpu_hours=0.4), 1, "--max-gpu-hours 1"),
        (BudgetConfig(seconds=1), 1, "--timeout 800s"),
    ],
)
def test_an_ended_run_is_told_what_lets_it_go_on(budget: BudgetConfig, done: int, more: str) -> None:
    end = end_of(budget, SPENT, done, 3)
    assert end is not None and end.more == more


def test_half_spent_budgets_are_said() -> None:
    assert warnings(BudgetConfig(usd=1.25, seconds=2000), SPENT) == ["more than 80% of the budget of 1.25 USD is spent"]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("45", 45)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


def test_a_wrong_duration_says_what_was_wanted() -> None:
    with pytest.raises(InputError, match="90s, 30m or 12h, got 'soon'"):
        parse_seconds("soon")
