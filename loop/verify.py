"""verify: a protocol carried out on the arms, the base and the hidden items of a run, seed by seed."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..eval.delta import deltas
from ..eval.pair_means import mean_gains, pair_gains
from ..eval.score import Delta
from ..tiers.errors import InputError
from ..training.spec import RunSpec, TrainedModel
from .context import RunContext, open_context
from .feedback.policy import reference_mixture
from .jobs import train_job
from .nodes.blocks import packed
from .nodes.evaluate import job, measure_all, suite
from .nodes.floor import noise, scale
from .progress import Progress
from .protocols import Protocol, StagePlan, load_protocol, overall, plan_stages
from .run_folder import RunFolder, open_run
from .workers import stop_signals

SPLIT = "hidden"
SEEDS = 50_000_000
"""Above all seeds of rounds, so that no stream is one that a round has drawn."""


@dataclass(frozen=True)
class Asked:
    """One protocol, and how it is to be carried out."""

    name: str
    candidates: tuple[str, ...] = ()
    seeds: int = 3
    steps: int = 0
    """Of each run; 0: as training.steps has it."""


def verify(runs: Path, run: str, asked: Asked, quiet: bool = False) -> dict[str, Any]:
    """Train both runs of the protocol for every seed, measure them on hidden items, and compare; finished ones stay.

    Raises:
        InputError: no such run or protocol, no finished round, or a candidate that is no arm with enough data.
    """
    folder, protocol = open_run(runs, run), load_protocol(asked.name)
    progress = Progress(quiet)
    with folder.lock(), stop_signals(progress.say) as stopping:
        context = _opened(folder, progress, stopping)
        try:
            pairs = [_pair(context, protocol, asked, seed) for seed in range(asked.seeds)]
            return _summary(context, run, asked, protocol, pairs)
        finally:
            context.workers.close()


def _opened(folder: RunFolder, progress: Progress, stopping: threading.Event) -> RunContext:
    return open_context(folder, folder.config(), progress, stopping)


def _pair(context: RunContext, protocol: Protocol, asked: Asked, seed: int) -> tuple[Path, Path]:
    """Score files of one seed's reference and treatment, both trained and measured."""
    number = _newest(context)
    specs = [_spec(context, protocol, asked, number, side, seed) for side in ("reference", "treatment")]
    context.progress.say(f"verify {Path(asked.name).stem} · seed {seed} · {specs[0].steps} steps each")
    done = context.workers.map(train_job, [(s.model_dump_json(),) for s in specs])
    trained = [TrainedModel.model_validate_json(d) for d in done]
    if bad := [t.name for t in trained if t.diverged]:
        raise InputError(f"{', '.join(bad)} diverged: lower training.lr in another run, and verify that")
    outs = [context.folder.scores / f"{t.name}-{SPLIT}.parquet" for t in trained]
    jobs = [job(context, t.name, t.path, {str(o): ""}, SPLIT) for t, o in zip(trained, outs, strict=True)]
    measure_all(context, jobs)
    return outs[0], outs[1]


def _spec(context: RunContext, protocol: Protocol, asked: Asked, number: int, side: str, seed: int) -> RunSpec:
    plans: tuple[StagePlan, ...] = protocol.treatment if side == "treatment" else protocol.reference
    stages = plan_stages(plans, *_arms(context, protocol, asked, number))
    training = context.config.training
    changed = {"warmup": protocol.warmup, "decay": protocol.decay, "mixing": "none"}
    about = "-".join((Path(asked.name).stem, *(c.replace("/", "-") for c in asked.candidates)))
    name = f"verify-{about}-{asked.steps or training.steps}-{seed}-{side}"
    return RunSpec(
        name=name,
        group="full",
        base=str(context.folder.models / "base"),
        blocks=str(context.folder.blocks(number)),
        mixture=overall(stages),
        stages=stages,
        steps=asked.steps or training.steps,
        seed=SEEDS + seed,
        order=SEEDS + seed,
        out=str(context.folder.models / "verify" / name),
        config=training.model_copy(update={k: v for k, v in changed.items() if v is not None}),
        metrics=str(context.folder.root / "metrics"),
    )


def _arms(
    context: RunContext, protocol: Protocol, asked: Asked, number: int
) -> tuple[tuple[str, ...], dict[str, float], tuple[str, ...]]:
    """Live arms, the reference mixture over them, and the candidates."""
    import numpy as np

    held = packed(context, number).arms
    keys = tuple(held)
    enough = np.array([held[a].blocks >= context.config.training.min_blocks for a in keys])
    live = tuple(a for a, there in zip(keys, enough, strict=True) if there)
    wrong = [c for c in asked.candidates if c not in live]
    if wrong or (protocol.wants_candidate and not asked.candidates):
        got = f"got {wrong[0]!r}" if wrong else "got none"
        raise InputError(f"--candidate wants an arm with enough data, {got}: there are {', '.join(live)}")
    if asked.candidates and not protocol.wants_candidate:
        raise InputError(f"protocol {asked.name} has no candidate: leave --candidate out")
    reference = reference_mixture(context.config.feedback, keys, enough)
    return live, {a: float(s) for a, s in zip(keys, reference, strict=True) if a in live}, asked.candidates


def _newest(context: RunContext) -> int:
    done = [int(r["round"]) for r in context.db.rows("rounds", status="done")]
    if not done:
        raise InputError(f"run {context.folder.name!r} has no finished round: {context.folder.resume()}")
    return max(done)


def _summary(
    context: RunContext, run: str, asked: Asked, protocol: Protocol, pairs: list[tuple[Path, Path]]
) -> dict[str, Any]:
    """A seed a row, and the mean over seeds of every benchmark."""
    from .view.compare import tried
    from .view.several import counted

    questions, units, floor = suite(context, SPLIT), scale(context, SPLIT), noise(context, SPLIT)
    single = [deltas(*pair, questions, floor, units, names=("reference", "treatment")) for pair in pairs]
    means = mean_gains([pair_gains(*pair, questions, units) for pair in pairs]) if len(pairs) > 1 else []
    title = f"{' '.join((asked.name, *asked.candidates))} in {run}"
    data = tried(title, "its reference", {seed: d[-1] for seed, d in enumerate(single)}, means[-1] if means else None)
    rows = [m.model_dump(mode="json") for m in means] or [_alone(d) for d in single[0]]
    return data | {"protocol": protocol.model_dump(mode="json"), "benchmarks": counted(rows)}


def _alone(delta: Delta) -> dict[str, Any]:
    """One pair's row in the table of means."""
    keys = {"benchmark", "gain", "se", "dof", "low", "high", "p", "verdict"}
    return delta.model_dump(mode="json", include=keys) | {"seeds": 1}
