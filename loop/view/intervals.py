"""Intervals of what a run keeps as an estimate and its standard error."""

from collections.abc import Mapping
from typing import Any

from ...eval.clustered import EXACT, Error
from ...eval.score import verdict


def with_interval(row: Mapping[str, Any], value: str, error: str, dof: float = EXACT) -> dict[str, Any]:
    """`row` with `VALUE_low`, `VALUE_high` (95 % interval) and `VALUE_verdict`; None where nothing was estimated.

    A posterior (worth of an arm or a rubric, and the credit that follows from it) is a normal distribution: what a
    mechanism learns from are covariances that were widened to the Student's t of the measurements (`eval.delta`).

    Args:
        row: holds the estimate.
        value: key of the estimate.
        error: key of its standard error.
        dof: degrees of freedom of a standard error that was estimated from a sample.
    """
    estimate, se = row.get(value), row.get(error)
    if estimate is None or se is None:
        absent = dict.fromkeys((value, error, f"{value}_low", f"{value}_high", f"{value}_verdict"))
        return absent | dict(row)
    half = Error(se, dof).half_width
    low, high = estimate - half, estimate + half
    return {**row, f"{value}_low": low, f"{value}_high": high, f"{value}_verdict": verdict(low, high)}
