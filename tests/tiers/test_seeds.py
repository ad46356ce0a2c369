"""Verified seeds: learned from only when training on them gained more than its error."""

import pytest

from coevo.tiers.seeds import SeedPool, accept_pool


@pytest.mark.parametrize(
    ("gain", "taken", "said"),
    [
        ((0.02, 0.005), True, "accepted"),
        ((0.02, 0.02), False, "unresolved"),
        ((-0.02, 0.005), False, "a loss"),
        (None, False, "not measured"),
    ],
)
def test_a_pool_is_accepted_only_if_training_on_it_helped(
    gain: tuple[float, float] | None, taken: bool, said: str
) -> None:
    accepted, reason = accept_pool(SeedPool("pool", gain))
    assert accepted is taken and said in reason
