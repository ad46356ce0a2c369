"""Worlds that cannot be played: every setting out of bounds, every wrong shape and every NaN is one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coevo.loop.lab.calibration import BOUNDS
from coevo.loop.lab.simulate import settings, simulate
from coevo.loop.lab.specs import make_world
from coevo.loop.lab.world import World
from coevo.tiers.errors import InputError

NUMBERS = ["influence", "surprise", "drift", "noise", "trap", "item_bias", "horizon", "jitter"]
WRONG = ["-2", ".nan", ".inf", "abc", "[1]", "true", "1e9"]


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("setting", [*(f"planted,{n}" for n in NUMBERS), "embedded,noise", "embedded,horizon"])
def test_a_number_out_of_bounds_is_refused(setting: str, value: str) -> None:
    with pytest.raises(InputError, match=f"{setting.partition(',')[2]} wants a number from"):
        make_world(f"{setting}={value}", 0)


@pytest.mark.parametrize("value", ["-1000000", ".nan", ".inf", "abc", "[1]", "[[1, 2], [3]]", "1e12"])
@pytest.mark.parametrize("name", BOUNDS)
def test_a_calibration_out_of_bounds_is_refused(name: str, value: str) -> None:
    with pytest.raises(InputError, match="world 'planted,"):
        make_world(f"planted,calibration.{name}={value}", 0)


SPECS = [
    *("planted,null=maybe", "planted,channel=loss", "planted,seed=1", "planted,calibration=[1]", "planted,nosuch=1"),
    *("embedded,null=3", "replay,path=3", "replay,path=x,spread=0", "replay", "os:system", "collections:deque"),
    *("coevo.loop.lab.world:World", f"planted,a={'[' * 20_000}", f"planted,noise={'9' * 5_000}"),
]


@pytest.mark.parametrize("spec", SPECS)
def test_other_wrong_specs_are_refused(spec: str) -> None:
    with pytest.raises(InputError):
        make_world(spec, 0)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0"])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(InputError, match="whole number"):
        make_world("planted", seed)


class Fine(World):
    """Two arms' worth of nothing, as small as a world can be."""

    name = "fine"
    domains = ("en",)
    benchmarks = ("a", "b")

    def __init__(self, seed: int, **harm: Any) -> None:
        super().__init__(seed)
        self.stock = np.ones(4)
        for key, value in harm.items():
            setattr(self, key, value)

    def start(self) -> Any:
        return np.zeros(2)

    def train(self, state: Any, mixture: Any, fraction: float = 1.0) -> Any:
        return state + fraction * mixture[:2]

    def scores(self, state: Any) -> Any:
        return state


HARMS: dict[str, dict[str, Any]] = {
    "a short stock": {"stock": np.ones(3)},
    "a long stock": {"stock": np.ones(5)},
    "a square stock": {"stock": np.ones((2, 2))},
    "a NaN stock": {"stock": np.array([1, 1, 1, np.nan])},
    "a negative stock": {"stock": np.array([1, 1, 1, -1.0])},
    "an empty stock": {"stock": np.zeros(4)},
    "a stock of words": {"stock": ["a"] * 4},
    "no stock": {"stock": None},
    "no domain": {"domains": ()},
    "a domain twice": {"domains": ("en", "en")},
    "a domain that is no name": {"domains": ("E/n",)},
    "no benchmark": {"benchmarks": ()},
    "one benchmark too many": {"benchmarks": ("a", "b", "c")},
    "a benchmark called composite": {"benchmarks": ("a", "composite")},
    "a NaN state": {"start": lambda: np.full(2, np.nan)},
    "no state": {"start": lambda: None},
    "NaN after training": {"train": lambda *_: np.full(2, np.nan)},
    "infinite after training": {"train": lambda *_: np.full(2, np.inf)},
    "a score too few": {"scores": lambda _: np.zeros(1)},
    "a score alone": {"scores": lambda _: 0.0},
    "scores of words": {"scores": lambda _: np.array(["a", "b"])},
    "a NaN hidden score": {"hidden": lambda _: np.array([0, np.nan])},
    "a negative error": {"item_se": -1.0},
    "a NaN error": {"seed_sd": float("nan")},
    "a mixture that is none": {"realised": lambda w: 2 * w},
    "no mode": {"modes": frozenset()},
    "an unknown mode": {"modes": frozenset({"sideways"})},
    "an unknown signal": {"offers": frozenset({"gossip"})},
    "a signal that is not measured": {"offers": frozenset({"influence"})},
    "a method that raises": {"train": lambda *_: 1 / 0},
}


@pytest.mark.parametrize("fault", HARMS)
def test_a_world_of_one_s_own_is_tried_before_it_is_played(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Fine):
        def __init__(self, seed: int) -> None:
            super().__init__(seed, **HARMS[fault])

    monkeypatch.setattr("tests.loop.lab.test_bad_worlds.Broken", Broken, raising=False)
    with pytest.raises(InputError, match=r"Broken.*cannot be played|wants finite numbers"):
        make_world("tests.loop.lab.test_bad_worlds:Broken", 0)


def test_a_sound_one_is_played_and_one_that_breaks_later_says_when() -> None:
    world = make_world("tests.loop.lab.test_bad_worlds:Fine", 0)
    assert len(simulate(world, settings(world, 2, {"mechanism": "uniform"}, "continue", {})).composite) == 3

    class Later(Fine):
        def scores(self, state: Any) -> Any:
            return np.where(state > 0.4, np.nan, state)

    broken = Later(0)
    with pytest.raises(InputError, match="scores in round 2 wants finite numbers"):
        simulate(broken, settings(broken, 3, {"mechanism": "uniform"}, "continue", {}))


def test_a_table_with_nan_or_too_few_columns_is_refused(tmp_path: Path) -> None:
    rows = ["mixture/en,mixture/code,score/a", *(f"{i / 10},{1 - i / 10},{'nan' if i == 3 else i}" for i in range(10))]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    with pytest.raises(InputError, match="not finite in row 4"):
        make_world(f"replay,path={tmp_path / 't.csv'}", 0)
