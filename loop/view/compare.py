"""Comparing whole runs: what the deltas between their final models say, in data that `text` renders."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...eval.pair_means import MeanGain
from ...eval.score import Delta
from .formats import count, interval, safe, signed
from .several import by_comparison, counted

WORDS = {"gain": "is better than", "loss": "is worse than", "unresolved": "is not told apart from"}


Units = Mapping[str, float]


def compared(reference: str, treatment: str, deltas: Sequence[Delta], units: Units | None = None) -> dict[str, Any]:
    """Two runs' final models on the same hidden items, composite first.

    Args:
        reference: name of the run compared with.
        treatment: name of the run in question.
        deltas: `treatment` minus `reference` by benchmark, the composite among them.
        units: sd of the items by benchmark.
    """
    rows = sorted(
        counted([d.model_dump(mode="json") for d in deltas], units),
        key=lambda d: (d["benchmark"] != "composite", d["benchmark"]),
    )
    whole = rows[0]
    sentence = (
        f"{treatment} {WORDS[whole['verdict']]} {reference} on {whole['split']} items: "
        f"{signed(whole['gain'])} sd (95 % interval {interval(whole)}, n = {count(whole['n'])})."
    )
    return dict(
        safe({"view": "compare", "reference": reference, "treatment": treatment, "sentence": sentence, "rows": rows})
    )


def unsealed(
    run: str, looks: Sequence[Mapping[str, Any]], deltas: Sequence[Delta], units: Units | None = None
) -> dict[str, Any]:
    """A run's final model on its sealed items, and how often they were looked at.

    Args:
        run: its name.
        looks: every look so far, this one last.
        deltas: the final model against the base, and against the last control.
        units: sd of the items by benchmark.
    """
    rows = sorted(
        by_comparison([d.model_dump(mode="json") for d in deltas], {"sealed": units or {}}),
        key=lambda d: (d["reference"], d["benchmark"] != "composite", d["benchmark"]),
    )
    whole = next(r for r in rows if r["reference"] == "base")
    sentence = (
        f"{run} {WORDS[whole['verdict']]} its base on sealed items: {signed(whole['gain'])} sd "
        f"(95 % interval {interval(whole)}, n = {count(whole['n'])})."
    )
    told = (
        "The sealed set was opened for the first time."
        if len(looks) == 1
        else f"The sealed set had been opened {len(looks) - 1} times before (first {looks[0]['at']}): "
        "what was decided after a look is no longer tested by it."
    )
    return dict(safe({"view": "unseal", "sentence": sentence, "record": told, "looks": list(looks), "rows": rows}))


def tried(treatment: str, against: str, pairs: Mapping[int, Delta], mean: MeanGain | None) -> dict[str, Any]:
    """Pairs of runs that differ in one setting: each pair's hidden composite, and their mean.

    Args:
        treatment: the setting in question, in words.
        against: the setting of the other run of each pair.
        pairs: composite delta by seed.
        mean: the composite's mean over the pairs; None where there is one pair.
    """
    rows = [{"seed": seed, **delta.model_dump(mode="json")} for seed, delta in sorted(pairs.items())]
    verdicts = [r["verdict"] for r in rows]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in ("gain", "unresolved", "loss"))
    summary = mean.model_dump(mode="json") if mean else None
    whole = f"mean gain {_with_interval(summary)}" if summary else f"gain {_with_interval(rows[0])}"
    sentence = f"{treatment} against {against} over {len(rows)} seed{'s' * (len(rows) != 1)}: {counts}; {whole}."
    data = {"view": "trial", "treatment": treatment, "against": against, "sentence": sentence, "pairs": rows}
    return dict(safe(data | {"mean": summary}))


def _with_interval(row: Mapping[str, Any]) -> str:
    return f"{signed(row['gain'])} sd (95 % interval {interval(row)}), {row['verdict']}"
