"""The noise floor: planted seed variance is found, and none is not invented."""

from pathlib import Path

import numpy as np
import pytest

from coevo.eval import Suite, minimum_detectable_effect, noise, noise_floor
from coevo.eval.noise import NoiseFloor
from coevo.tiers.errors import EvalError

from .worlds import World, planted_run, planted_scale, planted_suite

SUITE = planted_suite()
SCALE = planted_scale(SUITE)


@pytest.fixture(autouse=True)
def runs_in_memory(monkeypatch: pytest.MonkeyPatch) -> dict[Path, World]:
    runs: dict[Path, World] = {}
    monkeypatch.setattr(noise, "read_scores", lambda path, suite: runs[path])
    return runs


def floors(runs: dict[Path, World], seed: float, count: int, repeats: int) -> list[NoiseFloor]:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(repeats):
        paths = [Path(f"aa-{n}") for n in range(count)]
        runs.update({path: planted_run(SUITE, rng, seed=seed) for path in paths})
        found.append(noise_floor(paths, SUITE, SCALE))
    return found


@pytest.mark.parametrize("count", [2, 5])
def test_planted_seed_variance_is_found_on_average(runs_in_memory: dict[Path, World], count: int) -> None:
    found = floors(runs_in_memory, seed=0.05, count=count, repeats=150)
    mean = np.mean([[f.variance[b.name] for b in SUITE.benchmarks] for f in found])
    assert mean == pytest.approx(0.05**2, rel=0.15)
    assert {f.dof for f in found} == {count - 1 + 4.0}


def test_item_noise_is_not_taken_for_seed_noise(runs_in_memory: dict[Path, World]) -> None:
    found = floors(runs_in_memory, seed=0.0, count=2, repeats=150)
    items = np.mean([f.se["bpb_en"] for f in found]) ** 2
    assert np.mean([f.variance["bpb_en"] for f in found]) < 0.2 * items
    assert min(v for f in found for v in f.variance.values()) == 0.0


def test_two_runs_borrow_strength_from_the_other_benchmarks(runs_in_memory: dict[Path, World]) -> None:
    found = floors(runs_in_memory, seed=0.05, count=2, repeats=150)
    spread = np.std([f.variance["bpb_en"] for f in found]) / 0.05**2
    assert spread < 0.9, "an estimate from one difference alone spreads by 1.41 of its value"


def test_the_composite_errs_on_the_safe_side(runs_in_memory: dict[Path, World]) -> None:
    found = floors(runs_in_memory, seed=0.05, count=2, repeats=150)
    truth = (0.05 / 0.5) ** 2 / 7  # independent seed effects
    assert truth < np.mean([f.variance["composite"] for f in found]) < 5 * truth


def test_one_run_is_no_noise_floor(runs_in_memory: dict[Path, World]) -> None:
    with pytest.raises(EvalError, match="two or more A/A runs, got 1"):
        noise_floor([Path("aa-0")], SUITE, SCALE)


def test_minimum_detectable_effect() -> None:
    assert minimum_detectable_effect(0.01) == pytest.approx(0.028)


def test_the_floor_survives_the_disk(runs_in_memory: dict[Path, World], suite: Suite) -> None:
    (found,) = floors(runs_in_memory, seed=0.05, count=2, repeats=1)
    assert NoiseFloor.model_validate_json(found.model_dump_json()) == found
    assert set(found.variance) == {b.name for b in suite.benchmarks} | {"composite"}
