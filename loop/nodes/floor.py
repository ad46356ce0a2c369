"""The noise floor: runs on the same mixture with other seeds, before anything acts on a difference."""

from ...eval.composite import Scale, scale_of
from ...eval.noise import NoiseFloor, noise_floor
from ...eval.power import Detectable, detectable
from ..context import Controls, RunContext
from ..feedback.policy import shares
from .allocate import planning_context
from .bench import Bench
from .evaluate import measure_models, scores_of, suite
from .train import check_sound, full_run, train_runs

SPLITS = ("feedback", "hidden")


def equal_runs(context: Controls) -> dict[str, int]:
    """The A/A runs' seeds by their names."""
    return {f"aa-{seed}": seed for seed in range(1, context.config.evaluation.aa_runs + 1)}


def measure_floor(bench: Bench, context: RunContext, start: str) -> None:
    """Baseline scores, the composite's units, and the seed variance of both splits."""
    world = planning_context(bench, context, 1, None)
    mixture = shares(world.reference, world.arms)
    base = context.absolute(start)
    specs = [full_run(context, 0, name, mixture, base, seed=seed) for name, seed in equal_runs(context).items()]
    # what a run's own losses do to its mixture differs from seed to seed as well, and main is trained so
    how = {"mixing": context.config.training.mixing}
    trained = train_runs(context, 0, [spec.model_copy(update=how) for spec in specs])
    check_sound(context, trained)
    models = [("base", start)] + [(t.name, context.relative(t.path)) for t in trained]
    measure_models(context, 0, models, start)
    for split in SPLITS:
        asked = suite(context, split)
        scale = scale_of(scores_of(context, 0, "base", split), asked, context.config.evaluation.max_share)
        floor = noise_floor([scores_of(context, 0, name, split) for name in equal_runs(context)], asked, scale)
        context.db.set_meta(f"scale-{split}", scale)
        context.db.set_meta(f"noise-{split}", floor)
        if split == "feedback":
            context.progress.say(f"noise floor · {_told(detectable(floor, asked), scale)}")


def _told(found: list[Detectable], scale: Scale) -> str:
    """What a round can resolve, said before there is one."""
    *single, composite = found
    finest = min(single, key=lambda d: d.effect / scale.sd[d.benchmark])
    coarsest = max(single, key=lambda d: d.effect / scale.sd[d.benchmark])
    return (
        f"a round can resolve a feedback composite of {composite.effect:.3f} sd; of single benchmarks "
        f"{finest.benchmark} best ({finest.effect:.3f}), {coarsest.benchmark} worst ({coarsest.effect:.3f})"
    )


def scale(context: Controls, split: str) -> Scale:
    """The composite's units."""
    return Scale.model_validate(context.db.meta(f"scale-{split}"))


def noise(context: RunContext, split: str) -> NoiseFloor:
    """The seed variance."""
    return NoiseFloor.model_validate(context.db.meta(f"noise-{split}"))
