"""Tests of one and of many hypotheses keep their error rates: McNemar, Holm, Benjamini-Hochberg, e-BH."""

import numpy as np
import pytest
from scipy.stats import binomtest, false_discovery_control, norm

from coevo.eval import benjamini_hochberg, e_bh, holm, mcnemar


@pytest.mark.parametrize("n", [40, 1000])
def test_mcnemar_keeps_its_level_and_finds_what_it_should(n: int) -> None:
    """Twelve per cent of the items flip: nothing planted, and 2.8 standard errors planted."""
    rng, shift = np.random.default_rng(n), 2.8 * np.sqrt(0.12 / n) / 2
    seen: dict[bool, list[bool]] = {False: [], True: []}
    for planted in seen:
        up, down = (0.06 + shift, max(0.0, 0.06 - shift)) if planted else (0.06, 0.06)
        for _ in range(1500):
            flip = rng.choice([1, -1, 0], size=n, p=[up, down, 1 - up - down])
            before = np.where(flip == 0, rng.integers(0, 2, n), flip < 0).astype(float)
            seen[planted].append(mcnemar(before, np.clip(before + flip, 0, 1)).p < 0.05)
    assert np.mean(seen[False]) <= 0.06
    if n == 1000:
        assert np.mean(seen[False]) >= 0.035
        assert 0.72 < np.mean(seen[True]) < 0.88


def test_mcnemar_counts_and_is_exact() -> None:
    before, after = np.array([0, 0, 0, 0, 1, 1, 0.0]), np.array([1, 1, 1, 1, 0, 1, 0.0])
    found = mcnemar(before, after)
    assert (found.better, found.worse) == (4, 1)
    exact = binomtest(1, 5).pvalue
    assert found.p == pytest.approx(exact - 5 / 2**5), "mid-p counts the observed table half"
    assert mcnemar(before, before).p == 1.0
    with pytest.raises(ValueError, match="0 and 1"):
        mcnemar(before, after + 0.5)


def p_values(rng: np.random.Generator, false: int, true: int, rho: float) -> np.ndarray:
    z = np.sqrt(rho) * rng.standard_normal() + np.sqrt(1 - rho) * rng.standard_normal(false + true)
    z[false:] += 3.0
    return np.asarray(2 * norm.sf(np.abs(z)))


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_holm_is_hardly_ever_wrong_at_all(rho: float) -> None:
    rng = np.random.default_rng(5)
    wrong = [(holm(p_values(rng, 12, 4, rho).tolist())[:12] <= 0.05).any() for _ in range(3000)]
    assert np.mean(wrong) <= 0.06
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_benjamini_hochberg_is_wrong_in_a_twentieth_of_its_list() -> None:
    rng, shares, found = np.random.default_rng(6), [], []
    for _ in range(2000):
        called = benjamini_hochberg(p_values(rng, 12, 8, 0.0).tolist()) <= 0.05
        shares.append(called[:12].sum() / max(1, called.sum()))
        found.append(called[12:].mean())
    assert np.mean(shares) <= 0.05 and np.mean(found) > 0.6
    for p in (rng.random(30) ** 3, np.full(4, 0.02), np.zeros(0)):
        assert benjamini_hochberg(p.tolist()) == pytest.approx(false_discovery_control(p))


def test_e_bh_keeps_its_rate_when_all_tests_move_together() -> None:
    """Likelihood ratios of a common shock: as dependent as tests can be."""
    rng, shares, found = np.random.default_rng(7), [], []
    for _ in range(4000):
        z = np.sqrt(0.9) * rng.standard_normal() + np.sqrt(0.1) * rng.standard_normal(20)
        z[12:] += 5.0
        called = e_bh(np.exp(4 * z - 8).tolist(), alpha=0.2)
        shares.append(called[:12].sum() / max(1, called.sum()))
        found.append(called[12:].mean())
    assert np.mean(shares) <= 0.2 and np.mean(found) > 0.6
    assert e_bh([50.0, 14.0, 1.0], alpha=0.1).tolist() == [True, False, False]
    assert e_bh([16.0, 15.0, 1.0], alpha=0.1).tolist() == [True, True, False]
    assert not e_bh([9.0, 1.0], alpha=0.05).any()


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="p-values from 0 to 1"):
        holm([0.5, 1.5])
    with pytest.raises(ValueError, match="e-values of at least 0"):
        e_bh([-1.0])
