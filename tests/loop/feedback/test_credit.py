"""Credit: designs are balanced, effects are found with the error that is promised, Shapley values add up."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.loop.feedback.credit import (
    Credit,
    leave_one_out,
    main_effects,
    of_moves,
    one_arm,
    plackett_burman,
    regression,
    shapley,
    share,
)  # fmt: skip
from coevo.tiers.errors import InputError


@pytest.mark.parametrize(("factors", "runs"), [(1, 4), (3, 4), (7, 8), (8, 12), (11, 12), (15, 16), (19, 20), (23, 24)])
def test_a_plackett_burman_design_is_balanced_and_orthogonal(factors: int, runs: int) -> None:
    design = plackett_burman(factors)
    assert design.shape == (runs, factors)
    assert (design.sum(axis=0) == 0).all()
    assert (design.T @ design == runs * np.eye(factors)).all()


def test_it_finds_main_effects_with_the_error_that_it_states() -> None:
    """Half the error of one arm at a time: 4 s^2 / J for all factors at once."""
    design, truth, rng = plackett_burman(7), np.linspace(-1, 1, 7), np.random.default_rng(0)
    found = np.array(
        [[e.value for e in main_effects(design, design @ truth / 2 + rng.normal(0, 0.3, 8), 0.3)] for _ in range(4000)]
    )
    assert found.mean(axis=0) == pytest.approx(truth, abs=0.02)
    stated = main_effects(design, np.zeros(8), 0.3)[0].se
    assert found.std(axis=0) == pytest.approx(np.full(7, stated), rel=0.05)
    assert stated == pytest.approx(0.3 * 2 / np.sqrt(8))
    with pytest.raises(InputError, match="8 runs, got 7"):
        main_effects(design, np.zeros(7), 0.3)


def test_one_arm_and_leave_one_out_designs() -> None:
    centre = np.array([0.5, 0.3, 0.2])
    raised, without = one_arm(centre, 0.7), leave_one_out(centre)
    assert raised[0] == pytest.approx(centre)
    assert raised.sum(axis=1) == pytest.approx(np.ones(4))
    assert np.log(raised[2, 1] / raised[2, 0]) - np.log(centre[1] / centre[0]) == pytest.approx(0.7)
    assert without[1] == pytest.approx([0, 0.6, 0.4])
    with pytest.raises(InputError, match="at least two arms"):
        leave_one_out(np.array([1.0, 0.0]))


def test_regression_is_generalised_least_squares() -> None:
    rng = np.random.default_rng(1)
    x, truth = rng.normal(size=(40, 3)), np.array([1.0, -2.0, 0.5])
    cov = 0.04 * (np.eye(40) + 0.5)
    y = x @ truth + np.linalg.cholesky(cov) @ rng.normal(size=40)
    mean, found = regression(x, y, cov, 1e6 * np.eye(3))
    inverse = np.linalg.inv(cov)
    assert mean == pytest.approx(np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ y), rel=1e-4)
    assert np.abs(mean - truth).max() < 4 * np.sqrt(np.diag(found)).max()


def test_credit_of_moves_adds_up_with_their_covariance() -> None:
    mean, cov = np.array([0.1, 0.2]), np.array([[0.01, -0.009], [-0.009, 0.01]])
    each, total = of_moves(np.array([1.0, 1.0]), mean, cov)
    assert sum(e.value for e in each) == pytest.approx(total.value)
    assert total.se < each[0].se, "what is uncertain in opposite ways is certain together"


def test_the_interval_of_a_share_covers_it() -> None:
    rng, held, told = np.random.default_rng(2), 0, 0
    for _ in range(2000):
        part, whole = rng.normal(0.3, 0.05), rng.normal(1.0, 0.2)
        found = share(Credit(part, 0.05), Credit(whole, 0.2))
        if found is not None:
            told += 1
            held += found[1] <= 0.3 <= found[2]
    assert told > 1900
    assert 0.93 < held / told < 0.97
    assert share(Credit(0.3, 0.1), Credit(0.1, 0.1)) is None, "a delta that is not resolved has no shares"
    assert share(Credit(0.3, 0.1), Credit(0.0, 0.1)) is None


players = st.integers(2, 5)


@settings(max_examples=30, deadline=None)
@given(players, st.integers(0, 99))
def test_shapley_values_add_up_and_are_exact_for_all_orders(n: int, seed: int) -> None:
    subsets = [frozenset(c) for k in range(n + 1) for c in combinations(range(n), k)]
    worth = dict(zip(subsets, np.random.default_rng(seed).normal(size=len(subsets)).tolist(), strict=True))
    found = shapley(lambda s: worth[s], range(n), permutations=400, seed=seed)
    assert sum(c.value for c in found.values()) == pytest.approx(worth[frozenset(range(n))] - worth[frozenset()])
    for p, credit in found.items():
        exact = sum(
            factorial(len(s)) * factorial(n - len(s) - 1) / factorial(n) * (worth[s | {p}] - worth[s])
            for s in worth if p not in s
        )  # fmt: skip
        assert abs(credit.value - exact) < 5 * credit.se + 1e-9


def test_each_subset_is_valued_once_and_additive_games_are_exact() -> None:
    asked: list[frozenset[str]] = []
    worth = {"a": 1.0, "b": -0.5, "c": 2.0}

    def value(members: frozenset[str]) -> float:
        asked.append(members)
        return sum(worth[m] for m in members)

    found = shapley(value, list(worth), permutations=50)
    assert {p: c.value for p, c in found.items()} == pytest.approx(worth)
    assert all(c.se == pytest.approx(0, abs=1e-12) for c in found.values())
    assert len(asked) == len(set(asked)) <= 8
    for bad in ([], ["a", "a"]):
        with pytest.raises(InputError, match="players, each once"):
            shapley(value, bad)
