"""Deltas: errors that cover at their nominal rate, power where it is promised, and joint covariances that hold."""

from pathlib import Path

import numpy as np
import pytest

from coevo.eval import (
    NoiseFloor,
    Suite,
    compare,
    delta,
    deltas,
    detectable,
    evidence_cov,
    measure,
    noise,
    noise_floor,
    read_scores,
    scale_of,
)
from coevo.eval.composite import composite, gains
from coevo.tiers.errors import EvalError

from .test_harness import MakeModel
from .worlds import World, planted_run, planted_scale, planted_suite

SUITE = planted_suite()
SCALE = planted_scale(SUITE)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> dict[Path, World]:
    found: dict[Path, World] = {}
    for module in (delta, noise):
        monkeypatch.setattr(module, "read_scores", lambda path, suite: found[path])
    return found


def known_noise(seed: float) -> NoiseFloor:
    names = [b.name for b in SUITE.benchmarks]
    both = (seed / 0.5) ** 2 / len(names)
    variance = {**dict.fromkeys(names, seed**2), "composite": both}
    zero = dict.fromkeys(variance, 0.0)
    many = dict.fromkeys(variance, 999.0)
    return NoiseFloor(split="feedback", runs=1000, variance=variance, own=zero, known=many, items=zero, dof=zero)


def unresolved(seed: float, floor: NoiseFloor | None, gain: float = 0.0, repeats: int = 500) -> dict[str, float]:
    rng = np.random.default_rng(4)
    calls: dict[str, list[bool]] = {}
    for _ in range(repeats):
        one, other = planted_run(SUITE, rng, seed=seed), planted_run(SUITE, rng, seed=seed, gain=gain)
        for d in compare(one, other, SUITE, floor, SCALE):
            calls.setdefault(d.benchmark, []).append(d.verdict == "unresolved")
    return {name: float(np.mean(calls[name])) for name in calls}


def test_equal_models_are_called_unresolved() -> None:
    share = unresolved(seed=0.0, floor=None)
    single = [share[b.name] for b in SUITE.benchmarks]
    assert 0.93 <= np.mean(single) <= 0.97
    assert min(single) >= 0.91 and share["composite"] >= 0.93


def test_equal_models_with_seed_noise_need_the_noise_floor() -> None:
    share = unresolved(seed=0.03, floor=known_noise(0.03))
    assert np.mean([share[b.name] for b in SUITE.benchmarks]) >= 0.93 and share["composite"] >= 0.93
    without = unresolved(seed=0.03, floor=None, repeats=150)
    assert np.mean(list(without.values())) < 0.75


@pytest.mark.parametrize(("seed", "loud"), [(0.0, 0.0), (0.02, 0.02), (0.005, 0.3)])
def test_a_noise_floor_from_six_runs_covers_whatever_the_benchmarks_noise(
    runs: dict[Path, World], seed: float, loud: float
) -> None:
    """No seed noise, as much as item noise, and sixty times more of it on one benchmark than on the others."""
    rng, calls = np.random.default_rng(5), []
    aa = [Path(f"aa-{n}") for n in range(6)]
    for _ in range(250):
        for path in (*aa, Path("control"), Path("main")):
            odd = planted_run(SUITE, rng, seed=loud)["arithmetic"]
            runs[path] = {**planted_run(SUITE, rng, seed=seed), "arithmetic": odd}
        floor = noise_floor(aa, SUITE, SCALE)
        calls.append([d.verdict == "unresolved" for d in deltas(Path("control"), Path("main"), SUITE, floor, SCALE)])
    share = np.mean(calls, axis=0)
    assert min(share) >= 0.91 and np.mean(share) >= 0.94, share


def test_what_is_said_to_be_detectable_is_detected_four_times_in_five(runs: dict[Path, World]) -> None:
    """A gain of the size that the floor names before the round, with seed noise and a floor of six runs."""
    rng, hits = np.random.default_rng(13), []
    aa = [Path(f"aa-{n}") for n in range(6)]
    floors = []
    for _ in range(60):
        runs.update({path: planted_run(SUITE, rng, seed=0.05) for path in aa})
        floors.append(noise_floor(aa, SUITE, SCALE))
    gain = float(np.sqrt(np.mean([detectable(f, SUITE)[0].effect ** 2 for f in floors])))
    for floor in floors * 5:
        one, other = planted_run(SUITE, rng, seed=0.05), planted_run(SUITE, rng, seed=0.05, gain=gain)
        hits.append([d.verdict == "gain" for d in compare(one, other, SUITE, floor, SCALE)[:-1]])
    assert np.mean(hits) == pytest.approx(0.8, abs=0.06)


def test_an_effect_of_the_minimum_detectable_size_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(6)
    se = np.mean(
        [compare(planted_run(SUITE, rng), planted_run(SUITE, rng), SUITE, None, SCALE)[0].se for _ in range(50)]
    )
    share = unresolved(seed=0.0, floor=None, gain=float(2.8 * se))
    assert 0.7 < 1 - np.mean([share[b.name] for b in SUITE.benchmarks]) < 0.85
    assert share["composite"] < 0.05


def test_a_wrong_direction_is_a_loss() -> None:
    rng = np.random.default_rng(7)
    found = compare(planted_run(SUITE, rng), planted_run(SUITE, rng, gain=-0.3), SUITE, None, SCALE, names=("a", "b"))
    assert {d.verdict for d in found} == {"loss"} and all(d.high < 0 for d in found)
    assert all(
        (d.after - d.before) * (-1 if d.metric == "bits_per_byte" else 1) == pytest.approx(d.gain) for d in found
    )
    assert (found[0].reference, found[0].treatment, found[0].n, found[0].clusters) == ("a", "b", 70, 14)
    assert found[-1].benchmark == "composite" and found[-1].n == 490


def test_the_capped_composite_covers_its_own_value() -> None:
    """One benchmark gains 7 times what the others do: its contribution is clipped, and the interval still holds."""
    rng = np.random.default_rng(8)
    big = dict.fromkeys([b.name for b in SUITE.benchmarks], 0.15) | {"arithmetic": 1.0}
    truth, hits = 0.15 / 0.5 / 7 * 6 * (1 + 0.3 / 0.7), []
    for _ in range(400):
        one, other = planted_run(SUITE, rng, cluster=0.005), planted_run(SUITE, rng, cluster=0.005)
        for b in SUITE.benchmarks:
            other[b.name].values[:] += big[b.name] * (1 if b.higher_is_better else -1)
        found = compare(one, other, SUITE, None, SCALE)[-1]
        hits.append(found.low <= truth <= found.high)
    assert np.mean(hits) >= 0.92


def test_evidence_covariance_matches_repeated_experiments(runs: dict[Path, World]) -> None:
    rng = np.random.default_rng(9)
    pairs = [(Path("centre"), Path("p1")), (Path("centre"), Path("p2")), (Path("control"), Path("main"))]
    seen, covs = [], []
    for _ in range(1000):
        runs.update(
            {
                p: planted_run(SUITE, rng, seed=0.03, gain=0.2 * (p.name[0] in "mp"))
                for p in dict.fromkeys(sum(pairs, ()))
            }
        )
        values, cov = evidence_cov(pairs, SUITE, known_noise(0.03), SCALE)
        seen.append(values)
        covs.append(cov)
    real, stated = np.cov(np.array(seen).T), np.mean(covs, axis=0)
    np.testing.assert_allclose(np.diag(stated), np.diag(real), rtol=0.15)
    assert stated[0, 1] == pytest.approx(real[0, 1], rel=0.2)
    assert stated[0, 1] == pytest.approx(stated[0, 0] / 2, rel=0.1), "a shared centre is half of the variance"
    assert abs(stated[0, 2]) < 0.05 * stated[0, 0]


def test_what_two_runs_have_in_common_is_no_noise_between_them(runs: dict[Path, World]) -> None:
    """Two runs share three quarters of their seed effect's variance: the floor between them is a quarter."""
    rng = np.random.default_rng(12)
    calls, covs = [], []
    for _ in range(300):
        shared = {b.name: 0.03 * np.sqrt(0.75) * rng.standard_normal() for b in SUITE.benchmarks}
        for name in ("control", "main"):
            world = planted_run(SUITE, rng, seed=0.03 * 0.5)
            for benchmark in world:
                world[benchmark].values[:] += shared[benchmark]
            runs[Path(name)] = world
        pair = (Path("control"), Path("main"))
        calls.append([d.verdict == "unresolved" for d in deltas(*pair, SUITE, known_noise(0.03).between(0.25), SCALE)])
        covs.append(evidence_cov([pair], SUITE, known_noise(0.03), SCALE, [0.25]))
    assert 0.93 <= np.mean(calls) <= 0.97
    gains_seen = np.array([values[0] for values, _ in covs])
    assert np.mean([cov[0, 0] for _, cov in covs]) == pytest.approx(gains_seen.var(), rel=0.2)


def test_evidence_covariance_agrees_with_the_deltas(runs: dict[Path, World]) -> None:
    rng = np.random.default_rng(10)
    runs.update({Path(n): planted_run(SUITE, rng) for n in "abc"})
    pairs = [(Path("a"), Path("b")), (Path("a"), Path("c")), (Path("b"), Path("c"))]
    values, cov = evidence_cov(pairs, SUITE, known_noise(0.02), SCALE)
    for place, (one, other) in enumerate(pairs):
        last = deltas(one, other, SUITE, known_noise(0.02), SCALE)[-1]
        assert (values[place], 1.959964 * np.sqrt(cov[place, place])) == pytest.approx(
            (last.gain, (last.high - last.low) / 2)
        )
    np.testing.assert_array_equal(cov, cov.T)
    assert np.linalg.eigvalsh(cov).min() > -1e-12


def test_models_asked_different_items_are_not_compared() -> None:
    rng = np.random.default_rng(11)
    other = planted_run(planted_suite(files=15), rng)
    with pytest.raises(EvalError, match="the items of bpb_code differ"):
        gains(planted_run(SUITE, rng), other, SUITE)


def test_from_models_to_deltas(make_model: MakeModel, suite: Suite, tmp_path: Path) -> None:
    files = [measure(make_model(seed), suite, tmp_path / f"{seed}.parquet") for seed in range(3)]
    scale = scale_of(files[0], suite)
    floor = noise_floor(files[1:], suite, scale)
    found = deltas(files[0], files[1], suite, floor, scale, names=("base", "main"))
    assert [d.benchmark for d in found] == [*(b.name for b in suite.benchmarks), "composite"]
    base = read_scores(files[0], suite)
    same = deltas(files[0], files[0], suite, floor, scale)
    assert {d.verdict for d in same} == {"unresolved"} and all(d.gain == 0 for d in same)
    assert composite(gains(base, base, suite), suite, scale).before == pytest.approx(0)


def test_a_flat_benchmark_has_no_scale(runs: dict[Path, World], monkeypatch: pytest.MonkeyPatch) -> None:
    flat = planted_run(SUITE, np.random.default_rng(0), item=0.0, cluster=0.0)
    monkeypatch.setattr("coevo.eval.composite.read_scores", lambda path, suite: flat)
    with pytest.raises(EvalError, match=r"scores every item of bpb_code, .* alike"):
        scale_of(Path("base"), SUITE)
