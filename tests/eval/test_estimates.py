"""Estimates hold what they say: shrunk winners, covariates that cost no coverage, screening at its level, power."""

import numpy as np
import pytest

from coevo.eval import control_variate, detectable, items_needed, screen, shrink
from coevo.eval.clustered import Error
from coevo.eval.noise import NoiseFloor
from coevo.eval.seeds import Seeds

from .worlds import planted_suite


def test_the_winner_of_eight_is_reported_at_what_it_is_worth() -> None:
    """research/feedback.md 2.2: tau = .5, SE = .62: observed +1.14, worth +.45; coverage of the shrunk interval."""
    rng = np.random.default_rng(0)
    best: list[tuple[float, float, float]] = []
    hits = []
    for _ in range(3000):
        truth = rng.normal(0, 0.5, 8)
        seen = truth + rng.normal(0, 0.62, 8)
        got = shrink(seen, np.full(8, 0.62))
        top = int(seen.argmax())
        best.append((seen[top], truth[top], got.mean[top]))
        hits.append(np.abs(got.mean - truth) <= 1.96 * got.sd)
    observed, true, shrunk = np.mean(best, axis=0)
    assert observed == pytest.approx(1.14, abs=0.04) and true == pytest.approx(0.45, abs=0.03)
    assert shrunk == pytest.approx(true, abs=0.07)
    assert 0.92 <= np.mean(hits) <= 0.98


def test_gains_that_differ_by_luck_alone_become_equal() -> None:
    rng = np.random.default_rng(1)
    spread = [np.ptp(shrink(rng.normal(0.3, 1, 10), np.ones(10)).mean) for _ in range(500)]
    assert np.median(spread) < 0.8 and np.mean(np.array(spread) == 0) > 0.4
    with pytest.raises(ValueError, match="three or more"):
        shrink(np.array([1.0, 2.0]), np.ones(2))


def test_a_known_covariate_narrows_the_interval_and_keeps_its_coverage() -> None:
    rng, hits, ratio = np.random.default_rng(2), [], []
    clusters = [f"file {i // 4}" for i in range(240)]
    for _ in range(1500):
        z = rng.normal(0.3, 1, 60).repeat(4) + rng.normal(0, 0.5, 240)
        d = 0.1 + 0.8 * (z - 0.3) + rng.normal(0, 0.6, 240)
        got = control_variate(d, z, 0.3, clusters)
        hits.append(abs(got.gain - 0.1) <= 2 * got.se)
        ratio.append(got.se / got.raw_se)
    assert 0.93 <= np.mean(hits) <= 0.97
    assert np.mean(ratio) < 0.6


def test_a_covariate_that_says_nothing_does_no_harm_and_the_samples_own_mean_is_refused() -> None:
    rng = np.random.default_rng(3)
    d, z, clusters = rng.normal(size=200), rng.normal(size=200), [str(i) for i in range(200)]
    got = control_variate(d, z, 0.0, clusters)
    assert got.se == pytest.approx(got.raw_se, rel=0.03) and got.gain == pytest.approx(got.raw_gain, abs=0.03)
    with pytest.raises(ValueError, match="larger pool"):
        control_variate(d, z, float(z.mean()), clusters)
    with pytest.raises(ValueError, match="constant"):
        control_variate(d, np.ones(200), 0.0, clusters)


def test_screening_keeps_noise_out_at_its_level_and_signal_in() -> None:
    rng = np.random.default_rng(4)
    kept: dict[str, list[bool]] = {"noise": [], "signal": []}
    for _ in range(150):
        same = {name: rng.normal(0, 1, 5) for name in kept}
        different = {"noise": rng.normal(0, 1, 6), "signal": np.arange(6) * 2 + rng.normal(0, 1, 6)}
        for name, found in screen(different, same).items():
            kept[name].append(found.p < 0.05)
    assert np.mean(kept["noise"]) <= 0.09
    assert np.mean(kept["signal"]) > 0.8
    (flat,) = screen({"a": np.zeros(3)}, {"a": np.zeros(3)}).values()
    assert (flat.ratio, flat.p) == (0.0, 1.0)
    with pytest.raises(ValueError, match="the same benchmarks"):
        screen({"a": np.zeros(2)}, {"b": np.zeros(2)})


def test_so_many_items_find_it_four_times_in_five() -> None:
    rng, seed = np.random.default_rng(5), 0.01
    n = items_needed(0.1, 0.8, seed**2)
    found = []
    for _ in range(3000):
        d = 0.1 + seed * np.sqrt(2) * rng.standard_normal() + 0.8 * rng.standard_normal(n)
        found.append(abs(d.mean()) > 1.96 * np.sqrt(0.8**2 / n + 2 * seed**2))
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)
    with pytest.raises(ValueError, match=r"below the seed floor of 0\.0396"):
        items_needed(0.03, 0.8, seed**2)


@pytest.mark.parametrize("runs", [3, 6])
def test_a_seed_variance_from_few_runs_takes_more_items(runs: int) -> None:
    """The interval of a gain whose seed noise is estimated is wider; the power is that of such intervals."""
    rng, seed, effect = np.random.default_rng(runs), 0.01, 0.1
    n = items_needed(effect, 0.8, seed**2, runs)
    assert n > items_needed(effect, 0.8, seed**2)
    power = []
    for _ in range(400):
        seen = seed**2 * rng.chisquare(runs - 1) / (runs - 1)
        error = Error.of(0.8**2 / n, n - 1.0, Seeds(2 * seen, 0.0, runs - 1))
        gain = effect + seed * np.sqrt(2) * rng.standard_normal() + 0.8 / np.sqrt(n) * rng.standard_normal()
        power.append(abs(gain) > error.half_width)
    assert np.mean(power) == pytest.approx(0.8, abs=0.08)
    with pytest.raises(ValueError, match="below the seed floor"):
        items_needed(0.04, 0.8, seed**2, runs)


def test_what_a_round_can_resolve_is_said_by_benchmark() -> None:
    suite = planted_suite(names=("bpb_en", "arithmetic"))
    names = ("bpb_en", "arithmetic", "composite")
    parts = {"variance": 0.0001, "own": 0.0, "known": 5.0, "items": 0.0, "dof": 15.0}
    noise = NoiseFloor.model_validate(
        {"split": "feedback", "runs": 6} | {part: dict.fromkeys(names, float(x)) for part, x in parts.items()}
    )
    found = detectable(noise, suite)
    assert [d.benchmark for d in found] == list(names) and [d.n for d in found] == [70, 70, 140]
    assert found[0].effect == pytest.approx(0.01 * np.sqrt(2) * 3.514, rel=1e-3)
    assert found[0].floor == pytest.approx(found[0].effect), "no item error to begin with, and the same six A/A runs"
