"""Influence: how far a step on each arm's documents would help the model on the feedback items, by gradients alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ...eval.suites import item_text
from ...tiers.parts import write_part
from ...tiers.tier import Arm, Tier, arms
from ...training.spec import InfluenceConfig
from ..context import RunContext
from ..feedback.arm_influence import arm_influence
from ..feedback.mechanism import Evidence, Floats, Signals
from ..feedback.rubric_influence import regress
from ..jobs import influence_job, loss_job
from .drawing import draw_key, halves
from .evaluate import round_suite
from .judges import rubrics_in_use
from .selection import standardised

TARGETS = 64
"""Feedback items whose loss influence is measured on, as many of every benchmark."""
WARM = 128
"""Documents that the warm-up may read."""


@dataclass(frozen=True)
class Targets:
    """Feedback items as texts."""

    texts: tuple[str, ...]
    benchmarks: tuple[str, ...]
    """[m] the benchmark of each."""
    clusters: tuple[str, ...]
    """[m] the source that each was cut from."""


def feedback_targets(context: RunContext, number: int) -> Targets:
    """A sample of the feedback items that judge the round, never of other folds or of hidden ones."""
    suite = round_suite(context, "feedback", number)
    rows = []
    for benchmark in suite.benchmarks:
        said = sorted(
            (draw_key(context, 0, f"target:{item_text(i)}"), item_text(i), i.cluster) for i in benchmark.items
        )
        rows += [(t, benchmark.name, c) for _, t, c in said[: max(1, TARGETS // len(suite.benchmarks))]]
    texts, benchmarks, clusters = (tuple(column) for column in zip(*rows, strict=True))
    return Targets(texts, benchmarks, clusters)


def influence_on(context: RunContext, texts: Sequence[str], model: Path, targets: Targets) -> Floats:
    """[n, m] influence of each text on each target; NaN for a text of fewer than two tokens."""
    warm = sorted(texts, key=lambda t: draw_key(context, 0, f"warm:{t}"))[:WARM]
    how = InfluenceConfig(
        form=context.config.feedback.influence_form,
        checkpoints=context.config.feedback.influence_checkpoints,
        seed=context.config.seed,
        device=context.config.training.device,
    ).model_dump_json()
    parts = halves(texts, context.config.workers)
    found = context.workers.map(influence_job, [(str(model), p, targets.texts, warm, how) for p in parts])
    return np.concatenate([np.asarray(part) for part in found])


def influence_of(context: RunContext, number: int, texts: Sequence[str], model: Path) -> Floats:
    """[n] of each text on the round's feedback items, all benchmarks alike; NaN for a text of fewer than two tokens."""
    targets = feedback_targets(context, number)
    worth: Floats = by_benchmark(influence_on(context, texts, model, targets), targets).mean(1)
    return worth


def by_benchmark(influence: Floats, targets: Targets) -> Floats:
    """[n, B] means over the targets of each benchmark, in the order in which they come."""
    names = np.array(targets.benchmarks)
    return np.stack([influence[:, names == name].mean(1) for name in dict.fromkeys(targets.benchmarks)], axis=1)


def measure_influence(context: RunContext, number: int, model: Path) -> None:
    """Influence and loss of a sample of every arm on the model that the round starts from, written down once.

    Args:
        context: the run; `feedback.influence` documents of every arm are read, 0 measures nothing.
        number: the round that is planned.
        model: the model it starts from.
    """
    each = context.config.feedback.influence
    if not each or context.db.meta(f"influence-{number}"):
        return
    sample, targets = _sample(context, number, each), feedback_targets(context, number)
    texts = sample["text"].to_pylist()
    whole = influence_on(context, texts, model, targets)
    jobs = [(str(model), part) for part in halves(texts, context.config.workers)]
    losses = np.array([x for part in context.workers.map(loss_job, jobs) for x in part])
    keys = [str(Arm(d, Tier(t))) for d, t in zip(sample["domain"].to_pylist(), sample["tier"].to_pylist(), strict=True)]
    split = by_benchmark(whole, targets)
    worth = split.mean(1)
    _keep(context, number, sample["id"].to_pylist(), keys, split, targets)
    told = _of_arms(context, keys, sample["source"].to_pylist(), whole, split, targets)
    told |= {"losses": _by_arm(keys, losses, context), "documents": len(texts)}
    rubrics, known = rubrics_in_use(context), np.isfinite(worth)
    beta = regress(standardised(context, sample, rubrics)[known], worth[known])
    context.db.set_meta(f"influence-{number}", told | {"rubrics": list(rubrics), "beta": beta.tolist()})
    context.progress.say(f"round {number} · influence of {len(texts)} documents on {len(targets.texts)} feedback items")


def _of_arms(
    context: RunContext, keys: Sequence[str], sources: Sequence[str], whole: Floats, split: Floats, targets: Targets
) -> dict[str, object]:
    """Mean influence of every arm with its covariance, and on each benchmark."""
    every = arms(context.config.domains)
    mean, cov = arm_influence(whole, keys, sources, every, targets.benchmarks, targets.clusters)
    names = list(dict.fromkeys(targets.benchmarks))
    return {
        "form": context.config.feedback.influence_form,
        "influence": dict(zip(every, mean.tolist(), strict=True)),
        "cov": cov.tolist(),
        "benchmarks": {n: _by_arm(keys, split[:, b], context) for b, n in enumerate(names)},
    }


def _keep(
    context: RunContext, number: int, ids: Sequence[str], keys: Sequence[str], split: Floats, targets: Targets
) -> None:
    """Every document's influence, in `scores/influence-N.parquet`, for whoever asks about it."""
    names = dict.fromkeys(targets.benchmarks)
    columns = {"doc": pa.array(ids), "arm": pa.array(keys), "influence": pa.array(split.mean(1))}
    columns |= {f"on {name}": pa.array(split[:, b]) for b, name in enumerate(names)}
    write_part(context.folder.influence(number), pa.table(columns))
    context.artefacts.add(context.folder.influence(number))


def with_influence(context: RunContext, number: int, signals: Signals) -> Signals:
    """The signals with what was measured of the arms; an arm without documents stands at the mean."""
    told = context.db.meta(f"influence-{number}")
    if not told:
        return signals
    keys = arms(context.config.domains)
    influence, losses = (np.array([told[k][a] for a in keys]) for k in ("influence", "losses"))
    return replace(signals, influence=influence, influence_cov=np.array(told["cov"]), losses=losses)


def with_rubric_influence(context: RunContext, evidence: Evidence) -> Evidence:
    """The evidence with what the sample says of the rubrics in use."""
    told = context.db.meta(f"influence-{evidence.round}")
    if not told:
        return evidence
    known = dict(zip(told["rubrics"], told["beta"], strict=True))
    return replace(evidence, rubric_influence=np.array([known.get(r, 0.0) for r in evidence.rubrics]))


def _sample(context: RunContext, number: int, each: int) -> pa.Table:
    """`each` documents of every arm."""
    ids: list[str] = []
    for key in arms(context.config.domains):
        arm = Arm.parse(key)
        held = context.store.documents(domain=arm.domain, tier=arm.tier)["id"].to_pylist()
        ids += sorted(held, key=lambda i: draw_key(context, number, f"influence:{i}"))[:each]
    return context.store.documents(ids)


def _by_arm(keys: Sequence[str], values: Floats, context: RunContext) -> dict[str, float]:
    mine = {a: [v for k, v in zip(keys, values.tolist(), strict=True) if k == a and np.isfinite(v)] for a in
            arms(context.config.domains)}  # fmt: skip
    whole = float(np.nanmean(values))
    return {a: float(np.mean(v)) if v else whole for a, v in mine.items()}
