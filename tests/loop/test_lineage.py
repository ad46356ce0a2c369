"""Lineages: how many trainings' seed noise stands between two models, and that comparisons of a run charge it."""

import json
from pathlib import Path

import pytest

from coevo.eval import NoiseFloor, Scale, deltas, load_suite
from coevo.loop.config import RunConfig
from coevo.loop.lineage import Training, lineage, trainings_apart
from coevo.loop.run_db import RunDB
from coevo.loop.run_folder import RunFolder, open_run
from coevo.training.order import slots_apart

from .conftest import Cli

EVEN, TILTED = {"en/L1": 0.5, "math/L1": 0.5}, {"en/L1": 0.7, "math/L1": 0.3}


def training(made: str, mixture: dict[str, float] = EVEN, stream: str = "") -> Training:
    return Training(made, mixture, stream)


def test_a_model_is_all_its_trainings_from_its_base() -> None:
    assert trainings_apart((training("a"), training("b"), training("c")), ()) == (3, 0)


def test_trainings_in_common_are_no_noise() -> None:
    first = training("a"), training("b")
    assert trainings_apart(first, first) == (0, 0)
    assert trainings_apart((*first, training("c")), (*first, training("d"), training("e"))) == (1, 2)
    assert trainings_apart((*first, training("c")), first) == (1, 0)


def test_where_two_runs_part_they_still_share_seed_and_slots() -> None:
    one = training("a"), training("b", EVEN, "0/2/blocks"), training("c", EVEN, "0/3/blocks")
    other = training("a"), training("d", TILTED, "0/2/blocks"), training("e", TILTED, "0/3/blocks")
    apart = slots_apart(EVEN, TILTED)
    assert trainings_apart(one, other) == pytest.approx((1 + apart, 1 + apart))
    another_seed = training("a"), training("d", TILTED, "1/2/blocks")
    assert trainings_apart(one, another_seed) == (2, 1)


def test_what_is_the_same_after_the_parting_counts_in_full() -> None:
    """Two runs that were trained alike on models that differ are not the same again."""
    one = training("a"), training("b"), training("c")
    other = training("x"), training("b"), training("c")
    assert trainings_apart(one, other) == (3, 3)


@pytest.mark.parametrize(("mode", "names"), [("continue", ["r1", "r2", "r3"]), ("reset", ["r3"])])
def test_a_lineage_is_what_the_rounds_accepted(tmp_path: Path, mode: str, names: list[str]) -> None:
    folder = RunFolder(tmp_path)
    with RunDB(folder.database, create=True) as db:
        for number, accepted in ((1, "control"), (2, "main"), (3, "control")):
            db.insert("rounds", {"round": number, "status": "done", "accepted": accepted})
            for name in ("main", "control"):
                made = f"r{number}" if name == accepted else "other"
                row: dict[str, object] = {"round": number, "name": name, "grp": "full", "path": name}
                row |= {"mixture": EVEN, "epochs": {}}
                row |= {"tokens": 1, "seconds": 1.0, "fingerprint": made, "diverged": False}
                db.insert("runs", row | {"loss_first": 1.0, "loss_last": 1.0, "losses": []})
        config = RunConfig.model_validate({"mode": mode})
        assert [t.fingerprint for t in lineage(folder, db, config, 3, "control")] == names
        assert {t.stream for t in lineage(folder, db, config, 3, "control")} == {""}, "no blocks, nothing in common"
        with pytest.raises(LookupError, match="no training 'probe-9' in round 3"):
            lineage(folder, db, config, 3, "probe-9")


@pytest.mark.slow
def test_a_run_charges_one_trainings_noise_a_round(finished: Cli) -> None:
    """Two rounds against the base: twice the seed variance of one run, as that between two runs is."""
    folder = open_run(finished.folder / "runs", "whole")
    with RunDB(folder.database) as db:
        recorded = db.rows("deltas", treatment="accepted", reference="base", split="hidden")
        final = db.meta("final")
        base, first, last = (
            folder.root / str(db.rows("scores", round=number, name=name, split="hidden")[0]["path"])
            for number, name in ((0, "base"), (1, "main"), (final["round"], final["run"]))
        )
        floor, scale = NoiseFloor.model_validate(db.meta("noise-hidden")), Scale.model_validate(db.meta("scale-hidden"))
        starts = db.rows("deltas", treatment="main", reference="start", split="hidden", benchmark="composite")
    questions = load_suite(folder.scores / "suite-hidden.json")
    expected = {d.benchmark: d for d in deltas(base, last, questions, NoiseFloor.across([(floor, 2)]), scale)}
    for row in recorded:
        assert (row["se"], row["dof"]) == pytest.approx((expected[row["benchmark"]].se, expected[row["benchmark"]].dof))
    one = deltas(base, first, questions, NoiseFloor.across([(floor, 1)]), scale)[-1]
    assert {r["round"]: r["se"] for r in starts}[1] == pytest.approx(one.se)


@pytest.mark.slow
def test_a_run_is_not_told_apart_from_itself(finished: Cli) -> None:
    done = finished("compare", "whole", "whole", "--json")
    assert done.returncode == 0, done.stderr
    assert {(r["gain"], r["se"], r["verdict"]) for r in json.loads(done.stdout)["rows"]} == {(0.0, 0.0, "unresolved")}
