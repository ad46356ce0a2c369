"""Budget: what a run has spent, and whether another round may begin."""

from dataclasses import dataclass

from .config import BudgetConfig


@dataclass(frozen=True)
class Spent:
    """Totals over all rounds and resumes."""

    usd: float
    seconds: float
    """Wall seconds inside nodes."""
    gpu_hours: float
    """Hours of training and evaluation on a GPU; zero on CPU."""
    last_round: float
    """Wall seconds of the newest round."""


def stop_reason(budget: BudgetConfig, spent: Spent, rounds_done: int, rounds_wanted: int) -> str:
    """Why no further round begins; empty while one may.

    A round that would not fit into the time left is not begun, so that nothing paid for is thrown away.
    """
    if rounds_done >= rounds_wanted:
        return f"{rounds_done} of {rounds_wanted} rounds done"
    if budget.usd and spent.usd >= budget.usd:
        return f"spent {spent.usd:.4f} of {budget.usd:.4f} USD"
    if budget.gpu_hours and spent.gpu_hours >= budget.gpu_hours:
        return f"spent {spent.gpu_hours:.2f} of {budget.gpu_hours:.2f} GPU hours"
    if budget.seconds and spent.seconds + spent.last_round > budget.seconds:
        left = budget.seconds - spent.seconds
        return f"{left:.0f} s left of {budget.seconds:.0f} s, a round takes {spent.last_round:.0f} s"
    return ""


def warnings(budget: BudgetConfig, spent: Spent) -> list[str]:
    """Limits of which at least half is gone."""
    parts = [
        ("USD", spent.usd, budget.usd),
        ("seconds", spent.seconds, budget.seconds),
        ("GPU hours", spent.gpu_hours, budget.gpu_hours),
    ]
    return [
        f"{used / limit:.0%} of the budget of {limit:g} {unit} is spent"
        for unit, used, limit in parts
        if limit and used / limit >= 0.5
    ]
