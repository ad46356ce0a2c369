"""train: main, control, centre, probes and the rubric pair, from one base, seed, order and token count in a group."""

from collections.abc import Sequence
from pathlib import Path

from ...agents.backends import release
from ...tiers.errors import TrainingError
from ...tiers.seal import SEAL
from ...training.spec import RunSpec, TrainedModel
from ..context import RunContext
from ..feedback.mechanism import Plan
from ..jobs import train_job
from ..state import State, Update
from . import blocks, rubric_probe


def train(context: RunContext, state: State) -> Update:
    """All runs of the round, side by side in the workers."""
    number = state["round"]
    start = context.absolute(state["start"])
    blocks.pack(context, number, start)
    plan = Plan.model_validate(context.db.rows("rounds", round=number)[0]["plan"])
    specs = declare(context, number, plan, start)
    apart = rubric_probe.pack_sides(context, number, str(start), plan)
    trained = train_runs(context, number, [*specs, *_sides(context, number, apart, start)])
    check_sound(context, [t for t in trained if t.name == "control"])
    return Update(runs=[t.name for t in trained])


def declare(context: RunContext, number: int, plan: Plan, start: Path) -> list[RunSpec]:
    """The round's runs as one batch: two full ones, then the centre, its probes and what it is without each arm."""
    full = {"main": plan.mixture, "control": plan.reference}
    specs = [full_run(context, number, name, mixture, start) for name, mixture in full.items()]
    specs[0] = specs[0].model_copy(update={"mixing": context.config.training.mixing})
    probes = {p.name: p.mixture for p in plan.probes}
    without = ablations(plan.mixture) if context.config.probes.ablate else {}
    if probes or without:
        short = {"centre": plan.mixture} | probes | without
        made = {name: _short(context, full_run(context, number, name, m, start)) for name, m in short.items()}
        specs += [s.model_copy(update={"group": "ablation" if n in without else "probe"}) for n, s in made.items()]
    return specs


def ablations(mixture: dict[str, float]) -> dict[str, dict[str, float]]:
    """Mixtures that leave one arm out each, by the runs' names; the others share its place as they stand."""
    live = [arm for arm, share in mixture.items() if share > 0]
    left = {arm: {a: 0.0 if a == arm else share for a, share in mixture.items()} for arm in live}
    whole = {arm: sum(rest.values()) for arm, rest in left.items()}
    return {
        "without-" + arm.replace("/", "-"): {a: share / whole[arm] for a, share in rest.items()}
        for arm, rest in left.items()
        if whole[arm] > 0
    }


def _sides(context: RunContext, number: int, mixture: dict[str, float], start: Path) -> list[RunSpec]:
    """The two runs of the rubric probe: one mixture and order, other documents."""
    if not mixture:
        return []
    whole = {name: full_run(context, number, name, mixture, start) for name in rubric_probe.SIDES}
    return [
        _short(context, spec).model_copy(
            update={"group": "rubric", "blocks": str(context.folder.blocks(number, name)), "pool": 1.0}
        )
        for name, spec in whole.items()
    ]


def full_run(
    context: RunContext, number: int, name: str, mixture: dict[str, float], start: Path, seed: int = 0
) -> RunSpec:
    """A run of full length; `seed` sets runs of one mixture apart (A/A)."""
    drawn = (context.config.seed * 1000 + number) * 10 + seed
    base, adapter = _stands_on(context, start)
    return RunSpec(
        name=name,
        group="full",
        base=str(base),
        adapter=adapter,
        blocks=str(context.folder.blocks(number)),
        mixture=mixture,
        steps=context.config.training.steps,
        seed=drawn,
        order=drawn,
        out=str(context.folder.round_models(number) / name),
        config=context.config.training,
        metrics=str(context.folder.root / "metrics"),
    )


def _stands_on(context: RunContext, start: Path) -> tuple[Path, str]:
    """Base and adapter that a run goes on with: in mode `stack` the first base and the adapter of the accepted run."""
    adapter = start / "adapter"
    if context.config.mode != "stack" or not adapter.is_dir():
        return start, ""
    return context.folder.models / "base", str(adapter)


def _short(context: RunContext, spec: RunSpec) -> RunSpec:
    """A probe's length; it may see as much less of each arm, so that scarce arms are repeated as often."""
    steps = context.config.probes.steps(spec.steps)
    config = spec.config.model_copy(update={"lr": spec.config.lr * context.config.probes.lr})
    return spec.model_copy(update={"group": "probe", "steps": steps, "pool": steps / spec.steps, "config": config})


def train_runs(context: RunContext, number: int, specs: list[RunSpec]) -> list[TrainedModel]:
    """Train a batch and write it down; runs that are the same but for the name are trained once.

    Raises:
        Stopping: the run was asked to stop; finished runs are on disk.
    """
    release(rest=context.config.agents.engine.between == "sleep")  # the agents' models would take the memory
    names = ", ".join(s.name for s in specs)
    tokens = specs[0].steps * specs[0].config.batch * context.config.model.block
    context.progress.say(f"round {number} · train · {names} ({tokens / 1000:.0f}k tokens a full run)")
    same = {s.name: _identity(s) for s in specs}
    first = {same[s.name]: s for s in reversed(specs)}
    done = context.workers.map(train_job, [(s.model_dump_json(),) for s in first.values()])
    by_identity = dict(zip(first, map(TrainedModel.model_validate_json, done), strict=True))
    trained = [by_identity[same[s.name]].model_copy(update={"name": s.name}) for s in specs]
    context.db.insert("runs", [_row(context, number, s, t) for s, t in zip(specs, trained, strict=True)])
    for model in trained:
        context.artefacts.add(context.absolute(context.relative(model.path)) / SEAL)
        if model.diverged:
            context.event(number, "train", "warning", f"{model.name} diverged (loss {model.loss_last:.2f}): not scored")
        if model.mfu is not None:
            context.progress.say(f"round {number} · {model.name} used {model.mfu:.0%} of the GPU's peak (MFU)")
        for told in model.notices:
            context.event(number, "train", "warning", f"{model.name}: {told}")
    return trained


def check_sound(context: RunContext, models: Sequence[TrainedModel]) -> None:
    """Whether runs without which nothing can be compared have kept their weights.

    Raises:
        TrainingError: one diverged.
    """
    if bad := [m.name for m in models if m.diverged]:
        raise TrainingError(
            f"{', '.join(bad)} diverged on the reference mixture, so there is nothing to compare with: begin another "
            f"run with a lower training.lr (now {context.config.training.lr:g})"
        )


def _identity(spec: RunSpec) -> str:
    return spec.model_dump_json(exclude={"name", "out", "group", "metrics"})


def _row(context: RunContext, number: int, spec: RunSpec, model: TrainedModel) -> dict[str, object]:
    told = model.model_dump(include={"mixture", "epochs", "tokens", "seconds", "fingerprint", "diverged"})
    told |= {"loss_first": model.loss_first, "loss_last": model.loss_last, "losses": list(model.losses)}
    return told | {"round": number, "name": spec.name, "grp": spec.group, "path": context.relative(model.path)}
