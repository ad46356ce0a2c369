"""Budget: what a run has spent, and whether another round may begin."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from .config import BudgetConfig


@dataclass(frozen=True)
class Spent:
    """Totals over all rounds and resumes."""

    usd: float
    seconds: float
    """Wall seconds inside nodes."""
    gpu_hours: float
    """Hours that GPUs were busy with training, evaluation and models of this machine, added up over devices."""
    last_round: float
    """Wall seconds of the newest round."""


class End(NamedTuple):
    """Why a run ends at a round boundary."""

    reason: str
    more: str
    """Options of `coevo resume` that let another round begin."""


def stop_reason(budget: BudgetConfig, spent: Spent, rounds_done: int, rounds_wanted: int) -> str:
    """Why no further round begins; empty while one may."""
    end = end_of(budget, spent, rounds_done, rounds_wanted)
    return end.reason if end else ""


def end_of(budget: BudgetConfig, spent: Spent, rounds_done: int, rounds_wanted: int) -> End | None:
    """Why no further round begins and what would let it; None while one may.

    A round that would not fit into the time left is not begun, so that nothing paid for is thrown away.
    """
    if rounds_done >= rounds_wanted:
        return End(f"{rounds_done} of {rounds_wanted} rounds done", f"--rounds {rounds_done + 1}")
    if budget.usd and spent.usd >= budget.usd:
        return End(f"spent {spent.usd:.4f} of {budget.usd:.4f} USD", f"--max-usd {2 * spent.usd:.4g}")
    if budget.gpu_hours and spent.gpu_hours >= budget.gpu_hours:
        reason = f"spent {spent.gpu_hours:.2f} of {budget.gpu_hours:.2f} GPU hours"
        return End(reason, f"--max-gpu-hours {2 * spent.gpu_hours:.3g}")
    if budget.seconds and spent.seconds + spent.last_round > budget.seconds:
        left = max(0.0, budget.seconds - spent.seconds)
        reason = f"{left:.0f} s left of {budget.seconds:.0f} s, a round takes {spent.last_round:.0f} s"
        return End(reason, f"--timeout {math.ceil(spent.seconds + 2 * spent.last_round)}s")
    return None


MARKS = (0.8, 0.5)
"""Shares of a limit at which its owner is warned."""


def warnings(budget: BudgetConfig, spent: Spent) -> list[str]:
    """Limits of which half, or four fifths, is gone; the sentence is the same however much more it is."""
    parts = [
        ("USD", spent.usd, budget.usd),
        ("seconds", spent.seconds, budget.seconds),
        ("GPU hours", spent.gpu_hours, budget.gpu_hours),
    ]
    found = []
    for unit, used, limit in parts:
        mark = next((m for m in MARKS if limit and used >= m * limit), None)
        if mark:
            found.append(f"more than {mark:.0%} of the budget of {limit:g} {unit} is spent")
    return found
