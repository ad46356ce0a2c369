"""The paired bootstrap covers at its level with whole clusters, and knows it is no use with one."""

import numpy as np
import pytest

from coevo.eval import paired_bootstrap
from coevo.eval.clustered import cluster_sums, mean_influence


def passages(rng: np.random.Generator, count: int, size: int) -> tuple[np.ndarray, list[str]]:
    """Skewed differences, half of their variance from the passage that they were asked about."""
    own = rng.gamma(2.0, 1.0, (count, size)) - 2
    shared = rng.gamma(2.0, 1.0, (count, 1)) - 2
    return (own + shared).ravel(), [f"passage {c}" for c in range(count) for _ in range(size)]


def covered(method: str, clustered: bool = True) -> float:
    rng, hits = np.random.default_rng(1), []
    for turn in range(800):
        d, clusters = passages(rng, 30, 10)
        names = clusters if clustered else [str(i) for i in range(len(d))]
        found = paired_bootstrap(d, names, draws=500, seed=turn, method=method)  # type: ignore[arg-type]
        hits.append(found.low[0] <= 0 <= found.high[0])
    return float(np.mean(hits))


def test_it_covers_with_thirty_skewed_passages_and_not_without_clusters() -> None:
    assert 0.925 <= covered("studentized") <= 0.975
    assert 0.88 <= covered("percentile") < 0.94
    assert covered("studentized", clustered=False) < 0.7


def test_its_error_is_the_clustered_one_and_runs_share_the_draws() -> None:
    d, clusters = passages(np.random.default_rng(2), 200, 5)
    found = paired_bootstrap(np.stack([d, 2 * d + 1, -d], axis=1), clusters, seed=3)
    se = np.sqrt((cluster_sums(mean_influence(d, clusters), clusters) ** 2).sum())
    np.testing.assert_allclose(found.se, se * np.array([1, 2, 1]), rtol=0.06)
    np.testing.assert_allclose(found.low[1], 2 * found.low[0] + 1)
    np.testing.assert_allclose([found.low[2], found.high[2]], [-found.high[0], -found.low[0]])
    again = paired_bootstrap(d, clusters, seed=3)
    assert (again.low[0], again.high[0]) == pytest.approx((found.low[0], found.high[0]))


def test_many_clusters_are_drawn_in_slices_that_fit_into_memory() -> None:
    d = np.random.default_rng(4).normal(0.1, 1, 60_000)
    found = paired_bootstrap(d, [str(i) for i in range(len(d))], draws=300)
    assert found.se[0] == pytest.approx(1 / np.sqrt(len(d)), rel=0.15)
    assert found.low[0] < d.mean() < found.high[0]


def test_one_cluster_is_no_sample() -> None:
    with pytest.raises(ValueError, match="one cluster gives no error estimate"):
        paired_bootstrap(np.arange(5.0), ["a"] * 5)
