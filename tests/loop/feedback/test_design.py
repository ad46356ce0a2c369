"""Designs: what a round tries out is balanced over the rounds."""

import numpy as np
import pytest

from coevo.loop.feedback.design import hadamard, rubric_signs


@pytest.mark.parametrize("order", [1, 2, 4, 8, 16])
def test_columns_are_orthogonal(order: int) -> None:
    assert np.array_equal(hadamard(order).T @ hadamard(order), order * np.eye(order))


@pytest.mark.parametrize(("count", "rounds"), [(1, 2), (3, 4), (4, 8), (6, 8)])
def test_over_the_rounds_every_rubric_is_tried_against_all_others(count: int, rounds: int) -> None:
    names = [f"r{i}" for i in range(count)]
    told = [rubric_signs(names, number, seed=5) for number in range(1, rounds + 1)]
    signs = np.array([[row[n] for n in names] for row in told])
    assert set(signs.ravel().tolist()) == {-1.0, 1.0}
    np.testing.assert_array_equal(signs.T @ signs, rounds * np.eye(count))
    assert rubric_signs(names, rounds + 1, seed=5) == told[0], "then they come again"


def test_the_seed_decides_the_order_and_no_rubric_means_no_direction() -> None:
    names = ("clarity", "density", "education", "reasoning")
    drawn = {tuple(rubric_signs(names, 1, seed).values()) for seed in range(12)}
    assert len(drawn) > 3
    assert rubric_signs((), 1, 0) == {}
