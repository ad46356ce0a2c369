"""The noise floor: planted seed variance is found, and none is not invented."""

from pathlib import Path

import numpy as np
import pytest

from coevo.eval import Suite, compare, noise, noise_floor
from coevo.eval.noise import NoiseFloor
from coevo.tiers.errors import EvalError

from .worlds import World, planted_run, planted_scale, planted_suite

SUITE = planted_suite()
SCALE = planted_scale(SUITE)
SHORT = planted_suite(per_file=2, names=("bpb_en", "cloze_code"))
"""For simulations of many comparisons."""


@pytest.fixture(autouse=True)
def runs_in_memory(monkeypatch: pytest.MonkeyPatch) -> dict[Path, World]:
    runs: dict[Path, World] = {}
    monkeypatch.setattr(noise, "read_scores", lambda path, suite: runs[path])
    return runs


def floors(
    runs: dict[Path, World],
    seed: float,
    count: int,
    repeats: int,
    rng: np.random.Generator | None = None,
    suite: Suite = SUITE,
) -> list[NoiseFloor]:
    rng = rng or np.random.default_rng(3)
    found = []
    for _ in range(repeats):
        paths = [Path(f"aa-{n}") for n in range(count)]
        runs.update({path: planted_run(suite, rng, seed=seed) for path in paths})
        found.append(noise_floor(paths, suite, SCALE))
    return found


@pytest.mark.parametrize("count", [2, 5])
def test_planted_seed_variance_is_found_on_average(runs_in_memory: dict[Path, World], count: int) -> None:
    found = floors(runs_in_memory, seed=0.05, count=count, repeats=150)
    values = np.array([[f.variance[b.name] for b in SUITE.benchmarks] for f in found])
    assert values.mean() == pytest.approx(0.05**2, rel=0.15)
    whole = values + np.array([[f.own[b.name] for b in SUITE.benchmarks] for f in found])
    assert whole.std() == pytest.approx(whole.mean() * np.sqrt(2 / (count - 1)), rel=0.15), "a chi-square of `known`"
    assert {d for f in found for d in f.known.values()} == {count - 1}


def test_item_noise_is_not_taken_for_seed_noise(runs_in_memory: dict[Path, World]) -> None:
    found = floors(runs_in_memory, seed=0.0, count=6, repeats=100)
    items = np.mean([f.items["bpb_en"] for f in found])
    assert np.mean([f.variance["bpb_en"] for f in found]) < 0.2 * items
    assert min(v for f in found for v in f.variance.values()) == 0.0


def test_a_noisy_benchmark_does_not_lend_its_noise_to_a_quiet_one(runs_in_memory: dict[Path, World]) -> None:
    """Seed noise ten times larger on one of seven: a mean over benchmarks would miss both by a factor."""
    rng, found = np.random.default_rng(14), []
    for _ in range(100):
        paths = [Path(f"aa-{n}") for n in range(6)]
        for path in paths:
            quiet, loud = planted_run(SUITE, rng, seed=0.03), planted_run(SUITE, rng, seed=0.3)
            runs_in_memory[path] = {**quiet, "arithmetic": loud["arithmetic"]}
        found.append(noise_floor(paths, SUITE, SCALE))
    assert np.mean([f.variance["bpb_en"] for f in found]) == pytest.approx(0.03**2, rel=0.2)
    assert np.mean([f.variance["arithmetic"] for f in found]) == pytest.approx(0.3**2, rel=0.25)
    truth = (0.3**2 + 6 * 0.03**2) / 0.5**2 / 7**2
    assert np.mean([f.variance["composite"] for f in found]) == pytest.approx(truth, rel=0.25)


def chained(rng: np.random.Generator, rounds: int, kept: float, seed: float) -> float:
    """Seed effect after rounds of which each keeps a share of what was there: 1 adds up, 0 forgets all."""
    effect = 0.0
    for _ in range(rounds):
        effect = kept * effect + seed * rng.standard_normal()
    return effect


@pytest.mark.parametrize("kept", [1.0, 0.6])
@pytest.mark.parametrize("rounds", [1, 3, 10])
def test_comparisons_over_rounds_cover_with_a_floor_of_six_runs(
    runs_in_memory: dict[Path, World], rounds: int, kept: float
) -> None:
    """A whole run against its base, and two whole runs; where seed effects add up nothing is left over."""
    rng, seed = np.random.default_rng(rounds), 0.03
    covers: list[tuple[list[bool], list[bool]]] = []
    for _ in range(250):
        (floor,) = floors(runs_in_memory, seed, 6, 1, rng, SHORT)
        worlds = [planted_run(SHORT, rng) for _ in range(3)]
        for world in worlds[1:]:
            for scores in world.values():
                scores.values[:] += chained(rng, rounds, kept, seed)
        base, one, other = worlds
        whole = compare(base, one, SHORT, NoiseFloor.across([(floor, rounds)]), SCALE)
        pair = compare(one, other, SHORT, NoiseFloor.across([(floor, rounds), (floor, rounds)]), SCALE)
        covers.append(([d.low <= 0 <= d.high for d in whole], [d.low <= 0 <= d.high for d in pair]))
    share = np.mean(covers, axis=(0, 2))
    assert share.min() >= 0.93
    if kept == 1.0:
        assert share.max() <= 0.99


def test_floors_of_other_runs_are_independent_and_of_equal_ones_the_same(runs_in_memory: dict[Path, World]) -> None:
    one, other = floors(runs_in_memory, seed=0.05, count=6, repeats=2)
    twice, mixed = NoiseFloor.across([(one, 3), (one, 1)]), NoiseFloor.across([(one, 2), (other, 2)])
    for name in one.names:
        assert twice.variance[name] == pytest.approx(2 * one.variance[name])
        assert twice.own[name] == pytest.approx(2 * one.own[name]) and twice.known[name] == 5
        assert mixed.variance[name] == pytest.approx(one.variance[name] + other.variance[name])
        assert mixed.own[name] == pytest.approx(one.own[name] + other.own[name]) and 5 <= mixed.known[name] <= 10
    with pytest.raises(ValueError, match="got none"):
        NoiseFloor.across([])


def test_one_run_is_no_noise_floor(runs_in_memory: dict[Path, World]) -> None:
    with pytest.raises(EvalError, match="two or more A/A runs, got 1"):
        noise_floor([Path("aa-0")], SUITE, SCALE)


def test_the_floor_survives_the_disk(runs_in_memory: dict[Path, World], suite: Suite) -> None:
    (found,) = floors(runs_in_memory, seed=0.05, count=2, repeats=1)
    assert NoiseFloor.model_validate_json(found.model_dump_json()) == found
    assert set(found.variance) == {b.name for b in suite.benchmarks} | {"composite"}


def test_floors_of_older_runs_are_read(runs_in_memory: dict[Path, World]) -> None:
    """They hold the standard error of each variance in place of what it follows from."""
    (found,) = floors(runs_in_memory, seed=0.05, count=4, repeats=1)
    old = {k: v for k, v in found.model_dump().items() if k not in ("own", "known")} | {"spread": found.variance}
    assert NoiseFloor.model_validate(old) == found
