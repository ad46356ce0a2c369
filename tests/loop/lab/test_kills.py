"""Killed before every write of allocate and learn, each mechanism plans and learns what it would have undisturbed."""

from typing import Any, Literal

import pytest

from coevo.loop.feedback import MECHANISMS
from coevo.loop.graph import ROUND
from coevo.loop.lab.bench import WorldBench
from coevo.loop.lab.planted import PlantedWorld
from coevo.loop.lab.simulate import fits, lab_context, nodes_of, settings
from coevo.loop.progress import Progress
from coevo.loop.run_db import RunDB
from tests.loop.kills import Killer

ROUNDS = 2
WALL_TIME = {"started", "ended", "seconds", "at"}
COUNTS = "tests.loop.lab.worlds:Counts"
MODES: tuple[Literal["continue", "reset"], ...] = ("continue", "reset")


def tables(db: RunDB) -> dict[str, list[dict[str, Any]]]:
    """What a run remembers, without wall times and without the events' order."""
    names = ("rounds", "runs", "deltas", "rubrics", "arms", "meta", "events")
    return {n: [{k: v for k, v in row.items() if k not in WALL_TIME} for row in db.rows(n)] for n in names}


def played(config: Any, killer: Killer | None) -> RunDB:
    """A run in a world, its deciding nodes killed before each of their writes where a killer is given."""
    bench = WorldBench(PlantedWorld(3), lab_context(config, RunDB(":memory:", create=True), Progress(quiet=True)))
    nodes, state = nodes_of(bench), {"round": 0}
    for name in ("prepare", *ROUND * ROUNDS, "finish"):
        given = dict(state)

        def attempt(name: str = name, given: dict[str, Any] = given) -> Any:
            return nodes[name](bench.context, given)  # type: ignore[arg-type]

        deciding = killer is not None and name in ("allocate", "learn")
        state |= killer.batter(attempt) if killer and deciding else attempt()
    return bench.context.db


@pytest.mark.parametrize("mechanism", [*sorted(MECHANISMS), COUNTS])
def test_kills_between_all_writes_change_nothing(mechanism: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mode = next(m for m in MODES if fits(mechanism, PlantedWorld(3), m))
    feedback = {"mechanism": mechanism, "gate": "always"}
    config = settings(PlantedWorld(3), ROUNDS, feedback, mode, {})
    killer = Killer()
    killer.watch_rows(monkeypatch)
    whole, battered = played(config, None), played(config, killer)
    assert killer.kills >= 3 * ROUNDS
    assert tables(battered) == tables(whole)
    if mechanism == COUNTS:
        learned = [r["learned_state"] for r in whole.rows("rounds") if r["round"]]
        assert learned == [{"plans": n, "lessons": n} for n in range(1, ROUNDS + 1)]


@pytest.mark.parametrize("feedback", [{"gate": "posterior"}, {"rollback": 1.001, "gate": "always"}])
@pytest.mark.parametrize("mechanism", ["trust_blr", "exp3", "lin_ts"])
def test_gates_and_rollbacks_survive_kills(
    mechanism: str, feedback: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(PlantedWorld(3), ROUNDS, {"mechanism": mechanism} | feedback, "continue", {})
    killer = Killer()
    killer.watch_rows(monkeypatch)
    assert tables(played(config, killer)) == tables(played(config, None))
