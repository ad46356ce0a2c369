"""Foreseen: what a round will be able to resolve, written down before it is trained."""

from ...eval.noise import COMPOSITE, NoiseFloor
from ...training.order import slots_apart
from ..context import Controls
from ..feedback.mechanism import Plan

SPLITS = ("feedback", "hidden")


def foresee(context: Controls, plan: Plan) -> None:
    """Write down the smallest gains of main over control that the round finds in four of five cases, and say it.

    They follow from the noise floor, the share of slots in which the planned mixtures differ, and how many items count.
    A world of the lab has no floor and foresees nothing.
    """
    mixed = context.config.training.mixing != "none"
    apart = 1.0 if mixed else slots_apart(plan.mixture, plan.reference)
    found: dict[str, dict[str, float]] = {}
    for split in SPLITS:
        kept = context.db.meta(f"noise-{split}")
        if kept and apart > 0:
            floor = NoiseFloor.model_validate(kept).between(apart)
            folds = context.config.evaluation.folds if split == "feedback" else 1
            found[split] = {name: floor.foreseen(name, folds).detectable for name in floor.names}
    if not found:
        return
    context.db.set_meta(f"foreseen-{plan.round}", found)
    least = ", ".join(f"{told[COMPOSITE]:.3f} sd on {split} items" for split, told in found.items())
    context.event(
        plan.round, "allocate", "info", f"main against control can resolve a composite gain of {least} (80 % power)"
    )
