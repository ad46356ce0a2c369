"""Means over pairs of runs: intervals that cover although every pair was asked the same items."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from coevo.eval import pair_means
from coevo.eval.clustered import mean_influence
from coevo.eval.composite import composite, gains
from coevo.eval.pair_means import PairGains, mean_gains, pair_gains

from .worlds import World, planted_run, planted_scale, planted_suite

SUITE = planted_suite(files=20, per_file=3, names=("bpb_code", "cloze_en", "arithmetic"))
SCALE = planted_scale(SUITE)
ITEM, CLUSTER = 0.04, 0.03


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> dict[Path, World]:
    worlds: dict[Path, World] = {}
    monkeypatch.setattr(pair_means, "read_scores", lambda path, suite: worlds[path])
    return worlds


def own_variance() -> float:
    """Of one pair's gain on a benchmark, from the item and file noise of its two runs."""
    return 2 * (ITEM**2 / 60 + CLUSTER**2 / 20)


def drawn_pairs(
    runs: dict[Path, World], rng: np.random.Generator, count: int, share: float, seed: float
) -> list[PairGains]:
    """Pairs whose gains have a share of their variance from items that favour one side lastingly, no true gain."""
    lasting = np.sqrt(share / (1 - share) * (own_variance() + 2 * seed**2) * 20)
    files = {item.cluster: lasting * rng.standard_normal() for b in SUITE.benchmarks for item in b.items}
    pairs = []
    for _ in range(count):
        one, other = (planted_run(SUITE, rng, item=ITEM, cluster=CLUSTER, seed=seed) for _ in range(2))
        for b in SUITE.benchmarks:
            luck = np.array([files[c] for c in other[b.name].clusters])
            other[b.name].values[:] += luck if b.higher_is_better else -luck
        runs |= {Path("one"): one, Path("other"): other}
        pairs.append(pair_gains(Path("one"), Path("other"), SUITE, SCALE))
    return pairs


def simulated_pairs(rng: np.random.Generator, count: int, share: float, seed_share: float) -> list[PairGains]:
    """Pairs of one benchmark of 30 files, no true gain; the variance of each pair's gain is one.

    Args:
        rng: draws.
        count: pairs.
        share: of the variance, from files that favour one side in all pairs.
        seed_share: of the rest, from the pair's seed; what is left is the pair's own error on the files.
    """
    names, own = [f"file-{n:02d}" for n in range(30)], (1 - share) * (1 - seed_share)
    lasting = np.sqrt(share * 30) * rng.standard_normal(30)
    pairs = []
    for _ in range(count):
        gain = lasting + np.sqrt(own * 30) * rng.standard_normal(30)
        gain += np.sqrt((1 - share) * seed_share) * rng.standard_normal()
        influence = mean_influence(gain, names)
        pairs.append(
            PairGains(("x",), np.array([gain.mean()]), influence[None], np.full((1, 30), 1 / 30), tuple(names))
        )
    return pairs


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("count", [2, 4, 8])
def test_the_mean_covers_however_much_the_pairs_share(count: int, share: float) -> None:
    """Few pairs know their seed noise badly, and items that all were asked do not average out."""
    rng, covers, narrow = np.random.default_rng(count), [], []
    for n in range(900):
        pairs = simulated_pairs(rng, count, share, seed_share=(0.0, 0.5, 1.0)[n % 3])
        (row,) = mean_gains(pairs)
        single = np.array([pair.gain[0] for pair in pairs])
        covers.append(row.low <= 0 <= row.high)
        narrow.append(abs(single.mean()) <= t.ppf(0.975, count - 1) * single.std(ddof=1) / count**0.5)
    assert 0.93 <= np.mean(covers) <= (1.0 if count == 2 else 0.985), "two pairs may agree by chance"
    if share and count == 8:
        assert np.mean(narrow) < 0.75, "Student's t over the pairs alone"


def test_seed_noise_alone_is_students_t_over_the_pairs(runs: dict[Path, World]) -> None:
    rng = np.random.default_rng(0)
    pairs = drawn_pairs(runs, rng, 4, share=0.0, seed=5.0)
    for row in mean_gains(pairs)[:-1]:  # the composite caps what one benchmark may add
        single = np.array([pair.gain[pair.names.index(row.benchmark)] for pair in pairs])
        assert row.gain == pytest.approx(single.mean())
        assert row.se == pytest.approx(single.std(ddof=1) / 2, rel=0.01)
        assert row.dof == pytest.approx(3, rel=0.01) and row.seeds == 4


def test_pairs_that_are_one_pair_have_its_item_error(runs: dict[Path, World]) -> None:
    """Seeds without any effect: no number of them makes the items more."""
    (pair,) = drawn_pairs(runs, np.random.default_rng(1), 1, share=0.0, seed=0.0)
    runs_apart = gains(runs[Path("one")], runs[Path("other")], SUITE)
    items = np.sqrt((composite(runs_apart, SUITE, SCALE).influence ** 2).sum())
    assert mean_gains([pair] * 10)[-1].se == pytest.approx(items)


def test_pairs_that_were_asked_other_items_are_independent(runs: dict[Path, World]) -> None:
    """As pairs of runs with other hold-outs: the clusters' names do not meet."""
    (pair,) = drawn_pairs(runs, np.random.default_rng(2), 1, share=0.0, seed=0.0)
    apart = [
        PairGains(pair.names, pair.gain, pair.influence, pair.shares, tuple(f"{n}-{c}" for c in pair.clusters))
        for n in range(4)
    ]
    together, separate = mean_gains([pair] * 4)[-1], mean_gains(apart)[-1]
    assert separate.se == pytest.approx(together.se / 2)


def test_a_benchmark_that_one_pair_lacks_has_no_mean(runs: dict[Path, World]) -> None:
    one, other = drawn_pairs(runs, np.random.default_rng(3), 2, share=0.0, seed=0.0)
    rest = PairGains(other.names[1:], other.gain[1:], other.influence[1:], other.shares[1:], other.clusters)
    assert [row.benchmark for row in mean_gains([one, rest])] == ["cloze_en", "arithmetic", "composite"]


def test_one_pair_is_no_mean(runs: dict[Path, World]) -> None:
    with pytest.raises(ValueError, match="two or more pairs, got 1"):
        mean_gains(drawn_pairs(runs, np.random.default_rng(4), 1, share=0.0, seed=0.0))
