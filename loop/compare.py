"""Comparing whole runs: the final models of two runs on the same hidden items, and pairs of runs over seeds."""

from pathlib import Path
from typing import Any

from ..eval.composite import Scale
from ..eval.delta import deltas
from ..eval.noise import NoiseFloor
from ..eval.score import Delta
from ..eval.suites import load_suite
from ..tiers.errors import InputError
from .run_db import RunDB
from .run_folder import RunFolder, open_run
from .view.compare import compared, tried


def compare_runs(runs: Path, reference: str, treatment: str) -> dict[str, Any]:
    """Deltas of two runs' accepted models, `treatment` minus `reference`, on hidden items.

    Raises:
        InputError: a run is missing, unfinished, or was measured on other items or from another base.
    """
    folder = open_run(runs, reference)
    made = final_deltas(folder, open_run(runs, treatment))
    units = Scale.model_validate(RunDB(folder.database).meta("scale-hidden")).sd
    return compared(reference, treatment, made, units)


def final_deltas(reference: RunFolder, treatment: RunFolder) -> list[Delta]:
    """Hidden deltas of two runs' final models, with item and seed error; the composite is the last."""
    one, other = RunDB(reference.database), RunDB(treatment.database)
    paths = [reference.scores / "suite-hidden.json", treatment.scores / "suite-hidden.json"]
    suites = [load_suite(p) for p in paths]
    if suites[0].digest != suites[1].digest or one.meta("base")["fingerprint"] != other.meta("base")["fingerprint"]:
        raise InputError(
            f"runs {reference.name!r} and {treatment.name!r} have other hidden items or another base: "
            "compare runs of the same sources, seed and model, such as those of 'coevo trial'"
        )
    noise = NoiseFloor.model_validate(one.meta("noise-hidden"))
    scale = Scale.model_validate(one.meta("scale-hidden"))
    before, after = _final_scores(reference, one), _final_scores(treatment, other)
    return deltas(before, after, suites[0], noise, scale, names=(reference.name, treatment.name))


def run_trial(preset: str, against: str, seeds: int, overrides: tuple[str, ...], runs: Path) -> dict[str, Any]:
    """Pairs of runs that differ in one setting, finished ones reused and begun ones continued.

    Both runs of a pair have the same base, seed, documents, order and tokens of their full-length runs.

    Raises:
        InputError: a bad setting, or a run of the trial's name with other settings.
    """
    pairs = {seed: _pair(preset, against, seed, overrides, runs) for seed in range(seeds)}
    setting = against.partition("=")[0]
    with_feedback = f"{Path(preset).stem} ({', '.join(overrides) or 'as it is'})"
    return tried(f"{with_feedback}, {setting} as configured", against, pairs)


def _pair(preset: str, against: str, seed: int, overrides: tuple[str, ...], runs: Path) -> Delta:
    own = (*overrides, f"seed={seed}")
    stem = f"trial-{Path(preset).stem}-{seed}"
    treatment = _finished(preset, own, runs, stem)
    reference = _finished(preset, (*own, against), runs, f"{stem}-against")
    return final_deltas(reference, treatment)[-1]


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


def _final_scores(folder: RunFolder, db: RunDB) -> Path:
    final = db.meta("final")
    if not final:
        raise InputError(f"run {folder.name!r} is not finished: continue it with '{folder.resume()}'")
    found = db.rows("scores", round=final["round"], name=final["run"], split="hidden")
    return folder.root / str(found[0]["path"])
