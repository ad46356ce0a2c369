"""The composite: its unit, its cap, and an error that counts a source file once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from coevo.eval.clustered import Error, cluster_sums, degrees_of_freedom, mean_influence
from coevo.eval.composite import cap, composite, gains
from coevo.eval.seeds import Seeds

from .worlds import planted_run, planted_scale, planted_suite

Floats = NDArray[np.float64]
contributions = st.lists(st.floats(-1, 1).map(lambda x: round(x, 6)), min_size=4, max_size=9).map(np.array)


@given(contributions)
def test_no_contribution_exceeds_its_share(values: Floats) -> None:
    clipped, _ = cap(values, 0.3)
    sizes = np.abs(clipped)
    assert sizes.max() <= 0.3 * sizes.sum() + 1e-9
    assert (np.sign(clipped) * np.sign(values) >= 0).all() and (sizes <= np.abs(values) + 1e-12).all()


@given(contributions)
def test_the_cap_clips_no_more_than_it_must(values: Floats) -> None:
    clipped, slope = cap(values, 0.3)
    touched = np.abs(clipped) < np.abs(values) - 1e-9
    assert (slope[touched] == 0).all()
    if not touched.any():
        return
    limit = np.abs(clipped[touched]).max()
    assert np.abs(clipped[touched]).min() == pytest.approx(limit, abs=1e-9)
    more = np.minimum(np.abs(values), limit + 1e-3)
    assert more.max() > 0.3 * more.sum(), "a higher limit would have kept every share"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1]),
        ([1.0, 0.1, 0.1, 0.1, -0.05], [0.15, 0.1, 0.1, 0.1, -0.05]),  # 0.3 * 0.35 / 0.7
        ([1.0, -1.0, 0.1, 0.1, 0.1], [0.225, -0.225, 0.1, 0.1, 0.1]),  # 0.3 * 0.3 / 0.4
        ([1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]),
        ([0.9, 0.1, 0.2], [0.3, 0.1, 0.2]),  # three benchmarks: half each at most
        ([0.9, 0.1], [0.9, 0.1]),
        ([-0.4], [-0.4]),
    ],
)
def test_the_cap_by_hand(values: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(cap(np.array(values), 0.3)[0], expected, atol=1e-12)


def test_small_gains_are_never_capped() -> None:
    np.testing.assert_allclose(cap(np.array([0.2, 0.0, 0.0, 0.0]), 0.3, 0.2)[0], [0.2, 0, 0, 0])
    clipped, slope = cap(np.array([1.0, 0.01, -0.01, 0.0]), 0.3, 0.2)
    np.testing.assert_allclose(clipped, [0.2, 0.01, -0.01, 0.0])
    np.testing.assert_allclose(slope, [0, 1, 1, 1])


def test_one_benchmark_that_moves_alone_counts_and_has_an_error() -> None:
    """Three benchmarks of which two stand still: the cap made of this a gain of 0 with an interval from 0 to 0."""
    rng = np.random.default_rng(3)
    suite = planted_suite(names=("bpb_en", "cloze_en", "arithmetic"))
    one, moved = planted_run(suite, rng), planted_run(suite, rng, gain=0.1)
    other = {**planted_run(suite, rng), "bpb_en": moved["bpb_en"]}
    found = composite(gains(one, other, suite), suite, planted_scale(suite, sd=0.5))
    assert found.gain == pytest.approx(0.1 / 0.5 / 3, abs=0.03)
    assert (found.influence**2).sum() > 0


@given(
    st.lists(st.floats(-1, 1), min_size=5, max_size=8).map(np.array), st.integers(0, 4), st.sampled_from([0.0, 0.05])
)
def test_the_slope_is_the_derivative_of_the_capped_sum(values: Floats, place: int, free: float) -> None:
    values = values + np.linspace(0.01, 0.0137, len(values))
    step = np.zeros(len(values))
    step[place] = 1e-7
    up, down = cap(values + step, 0.3, free), cap(values - step, 0.3, free)
    if not np.allclose(up[1], down[1], atol=1e-6):
        return  # a corner lies between them
    numeric = (up[0].sum() - down[0].sum()) / 2e-7
    assert up[1][place] == pytest.approx(numeric, abs=1e-4)


def test_clustered_variance_equals_the_textbook_at_equal_clusters() -> None:
    rng = np.random.default_rng(0)
    values, clusters = rng.standard_normal(40), [str(n // 4) for n in range(40)]
    sums = cluster_sums(mean_influence(values, clusters), clusters)
    means = values.reshape(10, 4).mean(axis=1)
    assert (sums**2).sum() == pytest.approx(means.var(ddof=1) / 10)
    assert degrees_of_freedom(cluster_sums(np.full(40, 1 / 40), clusters)) == pytest.approx(9)


def test_one_cluster_is_no_error_estimate() -> None:
    with pytest.raises(ValueError, match="one cluster"):
        mean_influence(np.arange(5.0), ["a"] * 5)


def test_unequal_clusters_count_for_fewer() -> None:
    assert degrees_of_freedom(cluster_sums(np.ones(23), ["big"] * 20 + ["a", "b", "c"])) == 1.0


def test_an_error_knows_how_well_it_is_known() -> None:
    assert Error.of(1.0, 5.0).dof == pytest.approx(5.0)
    assert Error.of(0.0, 5.0, Seeds(1.0, 0.0, 3.0)).dof == pytest.approx(3.0, rel=0.01)
    assert Error.of(0.0, 7.0) == Error(0.0, 7.0) == Error.of(0.0, 7.0, Seeds(0.0, 0.0, 5.0))
    both = Error.of(1.0, 5.0, Seeds(1.0, 0.0, 5.0))
    assert both.se == pytest.approx(math.sqrt(2)) and 5 < both.dof < 10, "less than Satterthwaite's"
    agreed = Error.of(1.0, 40.0, Seeds.estimate(0.1, 0.5, 1.0))
    assert agreed.se == 1.0 and agreed.dof < 5, "two runs that agree by chance do not show that there is no seed noise"
    doubtful = Error.of(1.0, 40.0, Seeds.estimate(100.0, 100.0, 1.0))
    assert doubtful.dof == 1.0 and doubtful.se > 1.0
    assert Error.of(1.0, 5.0, Seeds(1.0)).half_width == pytest.approx(math.sqrt(2.571**2 + 1.96**2), rel=1e-3)
    assert Error(1.0, 4.0).half_width == pytest.approx(2.776, abs=1e-3)
    assert Error(2.0, math.inf).half_width == pytest.approx(2 * 1.960, abs=1e-3)
    assert Error(2.0, 4.0).p(2 * 2.776) == pytest.approx(0.05, abs=1e-4)
    assert (Error(0.0, 4.0).p(0.0), Error(0.0, 4.0).p(0.1)) == (1.0, 0.0)
    assert Error(2.0, 1e6).detectable == pytest.approx(2 * 2.80, abs=0.01)


def test_the_composite_is_the_mean_gain_in_standard_deviations() -> None:
    suite = planted_suite()
    rng = np.random.default_rng(1)
    one, other = planted_run(suite, rng), planted_run(suite, rng, gain=0.2)
    found = composite(gains(one, other, suite), suite, planted_scale(suite, sd=0.5))
    paired = gains(one, other, suite)
    assert found.gain == pytest.approx(paired.gain.mean() / 0.5)
    assert found.gain == pytest.approx(0.4, abs=0.05)
    assert (found.slope == 1).all() and found.n == 7 * 70


def test_a_file_that_two_benchmarks_share_counts_once() -> None:
    """Files are 30 times noisier than items: the composite of twins is no better known than one of them."""
    rng = np.random.default_rng(2)
    suite = planted_suite(files=20, names=("bpb_en", "cloze_en"))
    one, other = (planted_run(suite, rng, item=0.003, cluster=0.1) for _ in range(2))
    paired = gains(one, other, suite)
    both = np.sqrt((composite(paired, suite, planted_scale(suite, sd=1.0)).influence ** 2).sum())
    single = np.sqrt((paired.sums**2).sum(axis=1))
    assert both == pytest.approx(single.mean(), rel=0.05)
