"""Verdict: main or control, by the gate that is configured; and back to the beginning when following harms."""

from ...eval.clustered import Error
from ...eval.noise import COMPOSITE
from ...tiers.tier import arms
from ..context import Controls
from ..feedback.gate import Accepted, Known, accept
from ..feedback.guard import guarded_posterior
from ..feedback.mechanism import Mechanism
from ..feedback.policy import vector
from ..feedback.regression import log_shares
from .bench import Bench, Found
from .floor import scale

ROLLBACKS = "rollbacks"
"""Meta key: rounds in which the mechanism was put back to its beginning."""


def judge(bench: Bench, context: Controls, number: int, found: Found, mechanism: Mechanism) -> Accepted:
    """Main or control, by feedback items alone; control where following the mechanism was shown to harm."""
    made = found.get(("main", "control", "feedback"))
    if made is None:
        return Accepted(run="control", probability=0.0, verdict="unresolved", reason="main was not scored: it diverged")
    config = context.config.feedback
    foreseen = expected(context, number, mechanism) if config.gate == "posterior" else None
    known = Known(scale(context, "feedback").sd, foreseen, totals(bench, context, number))
    decided = accept(made[-1], made[:-1], config, known)
    harm = harmful(bench, context, number) if config.rollback else 0.0
    if not config.rollback or harm < config.rollback:
        return decided
    context.db.set_meta(ROLLBACKS, [*(n for n in rollbacks(context) if n < number), number])
    reason = f"rolled back: e-value {harm:.3g} >= {config.rollback:g} that following {mechanism.name} does harm"
    context.event(number, "learn", "alarm", f"{reason}; it starts anew")
    return decided.model_copy(update={"run": "control", "reason": f"{reason} ({decided.reason})"})


def rollbacks(context: Controls) -> list[int]:
    """Rounds after which the mechanism started anew."""
    return list(context.db.meta(ROLLBACKS, []))


def harmful(bench: Bench, context: Controls, number: int) -> float:
    """E-value against "main is never worse than control", over the rounds since the last rollback.

    Rounds share items and the noise floor, so they are judged together and not one by one (`eval.eprocess.harms`).
    """
    began = max((n for n in rollbacks(context) if n < number), default=0)
    rounds = [n for n in compared(context, number) if n > began]
    path = bench.together(rounds)[COMPOSITE].harm().tolist() if rounds else []
    return path[-1] if path else 1.0


def compared(context: Controls, number: int) -> list[int]:
    """Rounds up to `number` in which main was compared with control."""
    rows = context.db.rows("deltas", split="feedback", treatment="main", reference="control", benchmark=COMPOSITE)
    return [r["round"] for r in rows if r["round"] <= number]


def expected(context: Controls, number: int, mechanism: Mechanism) -> tuple[float, float] | None:
    """Gain of main over control under the mechanism's posterior, and its sd; None where it has no opinion."""
    keys = tuple(arms(context.config.domains))
    mean, cov, problem = guarded_posterior(mechanism, keys)
    if problem or not cov.any():
        return None
    runs = {r["name"]: vector(dict(r["mixture"]), keys) for r in context.db.rows("runs", round=number, grp="full")}
    moved = log_shares(runs["main"]) - log_shares(runs["control"])
    return float(mean @ moved), max(float(moved @ cov @ moved), 0.0) ** 0.5


def totals(bench: Bench, context: Controls, number: int) -> dict[str, tuple[float, Error]]:
    """By benchmark, what main would have gained over control in all rounds in which it went on and this one, in sds."""
    followed = {r["round"] for r in context.db.rows("rounds", accepted="main") if r["round"] < number}
    rounds = [n for n in compared(context, number) if n in followed or n == number]
    if not context.config.feedback.regression or len(rounds) < 2:
        return {}
    units = scale(context, "feedback").sd
    joint = bench.together(rounds)
    return {name: joint[name].total(unit) for name, unit in units.items() if name in joint}
