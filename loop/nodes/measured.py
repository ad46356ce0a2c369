"""What earlier rounds measured an arm to be worth: the evidence that the gates ask for."""

from ..context import RunContext


def arm_values(context: RunContext, number: int) -> dict[str, tuple[float, float]]:
    """(mean, sd) by arm after the last finished round; empty while nothing was measured."""
    found = context.db.rows("rounds", round=number - 1, status="done") if number > 1 else []
    told = found[0]["posterior"] if found else None
    if not told:
        return {}
    return {a: (m, s) for a, m, s in zip(told["arms"], told["mean"], told["sd"], strict=True)}
