"""What a world's instruments read: item luck that stays with the items, and errors that say so."""

import numpy as np
import pytest

from coevo.loop.lab.measurement import Run, measure
from coevo.loop.lab.planted import PlantedWorld
from coevo.loop.lab.specs import make_world
from coevo.loop.lab.world import World
from coevo.tiers.errors import InputError


def gains(world: World, rounds: int, split: str) -> np.ndarray:
    """[rounds, B] of main over control where no data matter: luck alone."""
    mixture = np.full(len(world.stock), 1 / len(world.stock))
    runs = [Run(name, world.train(world.start(), mixture), mixture, 1.0) for name in ("main", "control")]
    measured = [getattr(measure(world, n, runs), split) for n in range(1, rounds + 1)]
    return np.array([scores["main"] - scores["control"] for scores in measured])


@pytest.mark.parametrize("lasting", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("split", ["feedback", "hidden"])
def test_the_same_items_keep_their_luck_over_rounds(lasting: float, split: str) -> None:
    """The covariance of two rounds' gains is the lasting part of the items' variance, and the variance is all of it."""
    found = []
    for seed in range(600):
        world = make_world(f"null,lasting={lasting},calibration.seed_sd=0.0", seed)
        found.append(gains(world, 2, split))
    first, second = np.array(found).transpose(1, 0, 2).reshape(2, -1)
    spread = 2 * world.item_se**2
    assert np.concatenate([first, second]).var() == pytest.approx(spread, rel=0.08)
    assert np.mean(first * second) == pytest.approx(lasting * spread, abs=0.07 * spread)


def test_item_luck_of_the_two_splits_is_not_shared() -> None:
    worlds = [make_world("null,lasting=1.0,calibration.seed_sd=0.0", seed) for seed in range(300)]
    one, other = (np.array([gains(w, 1, split) for w in worlds]).ravel() for split in ("feedback", "hidden"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


def test_lasting_luck_is_a_setting_of_every_world() -> None:
    assert (PlantedWorld(1).lasting, make_world("embedded,lasting=0.2", 1).lasting) == (0.5, 0.2)
    for bad in ("1.5", "-0.1", "much", "true", ".nan"):
        with pytest.raises(InputError, match="lasting wants a number from 0 to 1"):
            make_world(f"planted,lasting={bad}", 1)
