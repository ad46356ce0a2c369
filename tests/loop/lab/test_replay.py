"""Replay worlds: published tables where they are, tables of one's own, and what bad ones are told."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from coevo.loop.lab.replay import ReplayWorld
from coevo.loop.lab.simulate import settings, simulate
from coevo.loop.lab.specs import make_world
from coevo.loop.lab.tables import read_regmix, read_table
from coevo.loop.lab.yardsticks import yardstick
from coevo.tiers.errors import InputError

REGMIX = Path(__file__).parents[3] / "../shared/data/replay/regmix"
published = pytest.mark.skipif(not REGMIX.is_dir(), reason="RegMix's tables are not beside the repository")


def table(n: int = 60, seed: int = 0) -> dict[str, np.ndarray]:
    """Runs of a log law: en is worth most, junk harms."""
    rng = np.random.default_rng(seed)
    w = rng.dirichlet(np.ones(3), n)
    gain = np.log(w + 0.01) @ np.array([0.5, 0.3, -0.2])
    return {
        "mixture/en": w[:, 0],
        "mixture/code": w[:, 1],
        "mixture/junk": w[:, 2],
        "score/quiz": gain + rng.normal(0, 0.02, n),
        "score/exam": 2 * gain + rng.normal(0, 0.02, n),
    }


def ranked(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation, no ties."""
    return float(np.corrcoef(a.argsort().argsort(), b.argsort().argsort())[0, 1])


def written(path: Path, columns: dict[str, np.ndarray]) -> Path:
    made = pa.table(columns)
    if path.suffix == ".csv":
        pacsv.write_csv(made, path)
    else:
        pq.write_table(made, path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_ones_own_becomes_a_world(suffix: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"runs{suffix}", table())
    world = make_world(f"replay,path={path}", 3)
    assert isinstance(world, ReplayWorld) and world.emulator.explained > 0.9
    assert world.domains == ("en", "code", "junk") and world.benchmarks == ("quiz", "exam")
    unseen = table(40, seed=9)
    w = np.column_stack([unseen[f"mixture/{a}"] for a in world.domains])
    rho = ranked(world.emulator.predict(w).mean(axis=1), unseen["score/quiz"])
    assert rho > 0.95
    found = simulate(world, settings(world, 10, {"mechanism": "tier_prior", "gate": "always"}, "reset", {}))
    assert found.recommended is not None and not found.problems
    stick = yardstick(world, "replay", 10, "reset")
    assert stick.oracle[-1] > stick.uniform[-1]


def test_losses_are_turned_round(tmp_path: Path) -> None:
    path = written(tmp_path / "runs.csv", table())
    one, other = read_table(path), read_table(path, lower_is_better=True)
    assert np.array_equal(one.scores, -other.scores)


def test_arms_may_be_tiers(tmp_path: Path) -> None:
    names = {"mixture/en": "mixture/en/L1", "mixture/code": "mixture/en/L3", "mixture/junk": "mixture/math/L2"}
    columns = {names.get(k, k): v for k, v in table().items()}
    world = ReplayWorld(0, path=str(written(tmp_path / "runs.parquet", columns)))
    assert world.domains == ("en", "math") and int((world.stock > 0).sum()) == 3


def bad(change: str) -> dict[str, np.ndarray]:
    columns = table()
    if change == "no mixture":
        return {k: v for k, v in columns.items() if not k.startswith("mixture/")}
    if change == "no score":
        return {k: v for k, v in columns.items() if not k.startswith("score/")}
    if change == "one run":
        return {k: v[:1] for k, v in columns.items()}
    if change == "constant":
        return columns | {"score/exam": np.full(60, 3.0)}
    if change == "off the simplex":
        return columns | {"mixture/en": columns["mixture/en"] + 0.5}
    if change == "words":
        return columns | {"score/exam": np.array(["good"] * 60)}
    if change == "one mixture":
        return columns | {f"mixture/{a}": np.full(60, 1 / 3) for a in ("en", "code", "junk")}
    return columns | {"score/exam": np.where(np.arange(60) == 5, np.nan, columns["score/exam"])}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("no mixture", "wanted shares of two or more arms in columns named mixture/NAME"),
        ("no score", "wanted scores in columns named score/NAME"),
        ("one run", "1 run: wanted 8 or more"),
        ("constant", "every run has the same exam"),
        ("off the simplex", "the shares of row 1 want to be >= 0 and sum to 1"),
        ("words", "column score/exam wants numbers"),
        ("one mixture", "every run has the same mixture"),
        ("a gap", "column score/exam is empty or not finite in row 6"),
    ],
)
def test_bad_tables_get_a_clear_error(change: str, wanted: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as e:
        ReplayWorld(0, path=str(written(tmp_path / "runs.parquet", bad(change))))
    assert wanted in str(e.value)


def test_what_is_no_table_gets_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\x00\x01\n\xff")
    (tmp_path / "y.parquet").write_bytes(b"PAR1")
    for path, wanted in (("x.csv", "in columns named"), ("y.parquet", "neither a readable"), ("z.csv", "no table")):
        with pytest.raises(InputError, match=wanted):
            ReplayWorld(0, path=str(tmp_path / path))
    with pytest.raises(InputError, match=r"wanted t\w+_mixture_1m.csv and"):
        read_regmix(tmp_path)
    with pytest.raises(InputError, match="wants path=TABLE"):
        ReplayWorld(0)


def test_scores_that_no_mixture_foretells_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    columns = table() | {"score/quiz": rng.normal(size=60), "score/exam": rng.normal(size=60)}
    with pytest.raises(InputError, match="a replay of it would be noise"):
        ReplayWorld(0, path=str(written(tmp_path / "runs.csv", columns)))


@published
def test_the_emulator_foretells_published_runs_that_it_never_saw() -> None:
    world = ReplayWorld(0, path=str(REGMIX))
    unseen = read_regmix(REGMIX, "1m", "test")
    assert len(world.benchmarks) == 13 and int((world.stock > 0).sum()) == 17
    standard = (unseen.scores - world.table.runs.scores.mean(axis=0)) / world.table.runs.scores.std(axis=0)
    foretold = world.emulator.predict(unseen.mixtures)
    assert ranked(foretold.mean(axis=1), standard.mean(axis=1)) > 0.97
    assert 1 - ((foretold - standard) ** 2).mean() / standard.var() == pytest.approx(world.emulator.explained, abs=0.03)


@published
@pytest.mark.parametrize("size", ["60m", "1B"])
def test_larger_models_can_be_replayed_too(size: str) -> None:
    world = make_world(f"replay,path={REGMIX},size={size}", 1)
    assert world.emulator.explained > 0.8  # type: ignore[attr-defined]


@published
def test_replay_worlds_are_for_reset_mode(tmp_path: Path) -> None:
    from coevo.loop.lab.tournament import Entry, check

    with pytest.raises(InputError, match="made for mode reset"):
        check(Entry(mechanisms=("uniform",), worlds=(f"replay,path={REGMIX}",), seeds=(1,)))
