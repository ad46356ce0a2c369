"""Comparing whole runs: the final models of two runs on the same hidden items, and pairs of runs over seeds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..eval.composite import Scale
from ..eval.delta import deltas
from ..eval.noise import NoiseFloor
from ..eval.pair_means import mean_gains, pair_gains
from ..eval.score import Delta, Suite
from ..eval.suites import load_suite
from ..tiers.errors import InputError
from .lineage import Lineage, lineage, trainings_apart
from .run_db import RunDB
from .run_folder import RunFolder, open_run
from .view.compare import compared, tried


def compare_runs(runs: Path, reference: str, treatment: str) -> dict[str, Any]:
    """Deltas of two runs' accepted models, `treatment` minus `reference`, on hidden items.

    Raises:
        InputError: a run is missing, unfinished, or was measured on other items or from another base.
    """
    one, other = (final_model(open_run(runs, name)) for name in (reference, treatment))
    return compared(reference, treatment, final_deltas(one, other), one.scale.sd)


@dataclass(frozen=True)
class FinalModel:
    """A finished run's accepted model: where its hidden scores are, and how it came about."""

    run: str
    base: str
    suite: Suite
    scores: Path
    scale: Scale
    noise: NoiseFloor
    trainings: Lineage


def final_model(folder: RunFolder) -> FinalModel:
    """What `coevo compare` needs of a run.

    Raises:
        InputError: it is not finished.
    """
    with RunDB(folder.database) as db:
        final = db.meta("final")
        if not final:
            raise InputError(f"run {folder.name!r} is not finished: continue it with '{folder.resume()}'")
        number, name = int(final["round"]), str(final["run"])
        scored = db.rows("scores", round=number, name=name, split="hidden")
        return FinalModel(
            run=folder.name,
            base=str(db.meta("base")["fingerprint"]),
            suite=load_suite(folder.scores / "suite-hidden.json"),
            scores=folder.root / str(scored[0]["path"]),
            scale=Scale.model_validate(db.meta("scale-hidden")),
            noise=NoiseFloor.model_validate(db.meta("noise-hidden")),
            trainings=lineage(folder, db, folder.config(), number, name),
        )


def final_deltas(reference: FinalModel, treatment: FinalModel) -> list[Delta]:
    """Hidden deltas of two runs' final models, the composite last.

    Their error holds items, and the seed noise of all trainings that the two do not share.

    Raises:
        InputError: the runs have other hidden items, or another base.
    """
    one, other = reference, treatment
    if one.suite.digest != other.suite.digest or one.base != other.base:
        raise InputError(
            f"runs {one.run!r} and {other.run!r} have other hidden items or another base: "
            "compare runs of the same sources, seed and model, such as those of 'coevo trial'"
        )
    apart = trainings_apart(one.trainings, other.trainings)
    noise = NoiseFloor.across(list(zip((one.noise, other.noise), apart, strict=True)))
    return deltas(one.scores, other.scores, one.suite, noise, one.scale, names=(one.run, other.run))


def run_trial(preset: str, against: str, seeds: int, overrides: tuple[str, ...], runs: Path) -> dict[str, Any]:
    """Pairs of runs that differ in one setting, finished ones reused and begun ones continued.

    Both runs of a pair have the same base, seed, documents, order and tokens of their full-length runs.

    Raises:
        InputError: a bad setting, or a run of the trial's name with other settings.
    """
    pairs = [_pair(preset, against, seed, overrides, runs) for seed in range(seeds)]
    found = {seed: final_deltas(*pair)[-1] for seed, pair in enumerate(pairs)}
    gains = [pair_gains(one.scores, other.scores, one.suite, one.scale) for one, other in pairs]
    setting = against.partition("=")[0]
    with_feedback = f"{Path(preset).stem} ({', '.join(overrides) or 'as it is'})"
    mean = mean_gains(gains)[-1] if len(gains) > 1 else None
    return tried(f"{with_feedback}, {setting} as configured", against, found, mean)


def _pair(
    preset: str, against: str, seed: int, overrides: tuple[str, ...], runs: Path
) -> tuple[FinalModel, FinalModel]:
    """The reference and the treatment of one seed, both finished."""
    own = (*overrides, f"seed={seed}")
    stem = f"trial-{Path(preset).stem}-{seed}"
    treatment = _finished(preset, own, runs, stem)
    reference = _finished(preset, (*own, against), runs, f"{stem}-against")
    return final_model(reference), final_model(treatment)


def _finished(preset: str, overrides: tuple[str, ...], runs: Path, name: str) -> RunFolder:
    """The run, done: made, continued or found."""
    from .config import load_config
    from .runner import resume, start
    from .view.tables import is_finished

    if not (runs / name).exists():
        return start(preset, overrides, runs, name, {})
    folder = open_run(runs, name)
    if folder.config().fingerprint != load_config(preset, overrides).fingerprint:
        raise InputError(f"{folder.root} has other settings than this trial: choose another --runs folder")
    return folder if is_finished(folder.root) else resume(runs, name, {})
