"""Screening of new rubrics: partial correlation against a closed form, and its error rate."""

import numpy as np
import pytest

from coevo.agents.screening import partial_spearman, screen


def world(rng: np.random.Generator, n: int, own: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z = rng.normal(size=(n, 2))
    x = z @ [0.6, 0.3] + rng.normal(size=n)
    y = z @ [0.8, -0.2] + own * (x - z @ [0.6, 0.3]) + rng.normal(size=n)
    return x, z, y


def test_partial_correlation_is_near_that_of_the_normal_model() -> None:
    x, z, y = world(np.random.default_rng(0), 4_000, own=0.75)
    assert partial_spearman(x, z, y) == pytest.approx(0.75 / (1 + 0.75**2) ** 0.5, abs=0.04)
    assert partial_spearman(z[:, 0], z, y) == 0.0  # it is one of the rubrics there are


def test_a_rubric_that_tells_nothing_new_hardly_ever_passes() -> None:
    rng = np.random.default_rng(1)
    found = [screen(*world(rng, 120, own=0.0), seed=i) for i in range(40)]
    assert sum(f.passed for f in found) <= 4  # nominal 2.5 %, one-sided
    assert sum(f.low <= 0 <= f.high for f in found) >= 34


def test_one_that_tells_something_passes() -> None:
    found = screen(*world(np.random.default_rng(2), 200, own=0.6))
    assert found.passed and found.low > 0 and "tells something new" in found.reason


def test_too_few_documents_resolve_nothing() -> None:
    x, z, y = world(np.random.default_rng(3), 100, own=2.0)
    y[30:] = np.nan
    found = screen(x, z, y)
    assert not found.passed and found.n == 30 and "only 30 documents" in found.reason
