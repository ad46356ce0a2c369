"""Simulated runs: the real nodes, on LangGraph as in a loop; failures, nulls and controls are what they say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coevo.loop.feedback import MECHANISMS
from coevo.loop.graph import ROUND
from coevo.loop.lab.bench import WorldBench
from coevo.loop.lab.embedded import EmbeddedWorld
from coevo.loop.lab.memory import Memory
from coevo.loop.lab.oracle import trajectory, uniform
from coevo.loop.lab.planted import PlantedWorld
from coevo.loop.lab.simulate import fits, lab_context, nodes_of, settings, simulate, simulate_on_graph
from coevo.loop.lab.world import World
from coevo.loop.nodes.allocate import allocate
from coevo.loop.nodes.learn import learn
from coevo.loop.progress import Progress
from coevo.loop.run_db import RunDB

QUIET = Progress(quiet=True)
GATELESS = {"gate": "always", "step": 3.0}


def config_of(world: World, mechanism: str, rounds: int = 5, mode: Any = "continue", **feedback: Any) -> Any:
    return settings(world, rounds, {"mechanism": mechanism} | feedback, mode, {})


def bench_of(world: World, config: Any) -> WorldBench:
    return WorldBench(world, lab_context(config, RunDB(":memory:", create=True), QUIET))


def told(db: RunDB) -> Any:
    """Plans, states and verdicts of all rounds, without clock times."""
    rows = db.rows("rounds")
    keep = ("round", "plan", "accepted", "accept_reason", "posterior", "planned_state", "learned_state", "alarm")
    return [{k: r[k] for k in keep} for r in rows], db.rows("deltas"), db.rows("arms"), db.meta("evidence-3")


def test_allocate_and_learn_are_those_of_a_real_run() -> None:
    bench = bench_of(PlantedWorld(0), config_of(PlantedWorld(0), "uniform"))
    nodes = nodes_of(bench)
    assert set(nodes) == {"prepare", *ROUND, "finish"}
    assert nodes["allocate"].func is allocate  # type: ignore[attr-defined]
    assert nodes["learn"].func is learn  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", ["continue", "reset"])
@pytest.mark.parametrize("mechanism", sorted(MECHANISMS))
def test_a_plain_loop_plans_what_langgraph_plans(mechanism: str, mode: Any, tmp_path: Path) -> None:
    if not fits(mechanism, PlantedWorld(3), mode):
        pytest.skip("not made for this mode")
    config = config_of(PlantedWorld(3), mechanism, 4, mode)
    on_graph, db = simulate_on_graph(PlantedWorld(3), config, tmp_path, QUIET)
    bench = WorldBench(PlantedWorld(3), lab_context(config, RunDB(tmp_path / "plain.db", create=True), QUIET))
    state: dict[str, Any] = {"round": 0}
    for name in ("prepare", *ROUND * 4, "finish"):
        state |= nodes_of(bench)[name](bench.context, state)  # type: ignore[arg-type]
    assert told(db) == told(bench.context.db)
    plain = simulate(PlantedWorld(3), config)  # in memory, without SQLite and JSON
    assert plain.model_copy(update={"seconds": 0}) == on_graph.model_copy(update={"seconds": 0})
    assert not plain.problems


def test_uniform_is_the_yardstick() -> None:
    world = PlantedWorld(4)
    found = simulate(world, config_of(world, "uniform", 6))
    assert found.composite == pytest.approx((world.points * trajectory(world, 6, uniform(world))).tolist())
    assert found.cost == pytest.approx([1.1 * (i + 1) for i in range(6)])


def test_what_a_run_costs_is_what_was_trained_and_measured() -> None:
    world = PlantedWorld(4)
    found = simulate(world, config_of(world, "structured_blr", 1))
    assert found.cost == pytest.approx([2 * 1.1 + 4 * 0.6])  # main and control, centre and three probes of half a run


@pytest.mark.parametrize(
    ("name", "wanted"), [("Nan", "shares >= 0"), ("OffTheSimplex", "shares >= 0"), ("Raises", "boom")]
)
def test_a_mechanism_that_misbehaves_is_a_scored_failure(name: str, wanted: str) -> None:
    world = PlantedWorld(1)
    found = simulate(world, config_of(world, f"tests.loop.lab.worlds:{name}", 3))
    assert found.failed_rounds == 3 and wanted in found.problems[0]
    assert found.composite == simulate(world, config_of(world, "uniform", 3)).composite


@pytest.mark.parametrize("mechanism", ["trust_blr", "tier_prior"])
def test_where_nothing_helps_at_most_a_twentieth_of_the_rounds_claims_a_gain(mechanism: str) -> None:
    found = [simulate(w, config_of(w, mechanism, 20)) for w in (PlantedWorld(s, null=True) for s in range(400, 440))]
    claims, rounds = sum(t.claims for t in found), 20 * len(found)
    # one-sided: a 95 % interval claims a gain in 2.5 %; three standard errors of this sample on top stay below 5 %
    assert claims / rounds <= 0.05
    assert claims / rounds <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / rounds)
    assert all(t.composite[-1] == t.composite[0] for t in found)


def test_where_nothing_helps_the_ladder_stays_still() -> None:
    worlds = [PlantedWorld(s, null=True) for s in range(440, 455)]
    accepted = sum(simulate(w, config_of(w, "trust_blr", 20, gate="ladder")).accepted for w in worlds)
    assert accepted / (20 * len(worlds)) <= 0.05


def test_shuffled_feedback_teaches_nothing() -> None:
    ends: dict[str, list[float]] = {"": [], "shuffled": []}
    for seed in range(500, 516):
        for control, found in ends.items():
            world = PlantedWorld(seed)
            found.append(simulate(world, config_of(world, "influence_eg", 12, control=control, **GATELESS)).final)
    lost = np.array(ends[""]) - np.array(ends["shuffled"])
    assert lost.mean() > 4 * lost.std(ddof=1) / 4  # what influence knew is gone
    world = PlantedWorld(500)
    calm = simulate(world, config_of(world, "tier_prior", 4, control="shuffled"))
    assert calm.composite == simulate(world, config_of(world, "tier_prior", 4)).composite  # it never listened


def test_a_yoked_run_trains_on_the_mixtures_of_another_world() -> None:
    other = PlantedWorld(78)
    config = config_of(PlantedWorld(77), "influence_eg", 4, control="yoked:world", **GATELESS)
    bench = bench_of(other, config_of(other, "influence_eg", 4, **GATELESS))
    state: dict[str, Any] = {"round": 0}
    for name in ("prepare", *ROUND * 4):
        state |= nodes_of(bench)[name](bench.context, state)  # type: ignore[arg-type]
    theirs = [trajectory(PlantedWorld(77), 1, np.array([m.get(a, 0.0) for a in bench.arms]))[1] for m in bench.planned]
    ours = simulate(PlantedWorld(77), config, other=PlantedWorld(78))
    assert ours.composite[1] == pytest.approx(50 * theirs[0])


def test_the_trap_is_seen_by_hidden_items_alone() -> None:
    worlds = [PlantedWorld(s, trap=6.0, surprise=0.0) for s in range(600, 606)]
    found = [simulate(w, config_of(w, "structured_blr", 15, **GATELESS)) for w in worlds]
    ahead = np.array([(t.feedback[-1] - t.feedback[0]) - (t.composite[-1] - t.composite[0]) for t in found])
    assert ahead.mean() > 0.5


def test_the_embedded_world_runs_through_the_same_nodes() -> None:
    world = EmbeddedWorld(1000)
    found = simulate(world, config_of(world, "trust_blr", 3))
    assert len(found.composite) == 4 and not found.problems


def test_memory_holds_what_the_database_would(tmp_path: Path) -> None:
    one, other = RunDB(tmp_path / "run.db", create=True), Memory()
    for db in (one, other):
        db.insert("arms", [{"round": 2, "arm": a, "share": s} for a, s in (("en/L2", 0.5), ("en/L1", 0.25))])
        db.insert("arms", {"round": 1, "arm": "en/L1", "share": np.float64(0.125)})
        db.insert("arms", {"round": 2, "arm": "en/L1", "share": 0.75})
        db.insert("events", {"at": 1.0, "round": 1, "node": "learn", "level": "info", "message": "x"})
        db.set_meta("told", {"a": [1, 2.5, None]})
        with pytest.raises(ValueError, match="finite"):
            db.insert("arms", {"round": 3, "arm": "en/L1", "share": float("nan")})
        with pytest.raises(ValueError, match="such a row already"):
            db.insert("arms", {"round": 1, "arm": "en/L1"}, replace=False)
    for where in ({}, {"round": 2}, {"round": 2, "arm": "en/L1"}, {"arm": "zh/L1"}, {"value": None, "round": 1}):
        assert one.rows("arms", **where) == other.rows("arms", **where)
    assert one.rows("events") == other.rows("events") and one.meta("told") == other.meta("told")
    kept = {"state": [1]}
    other.set_meta("kept", kept)
    kept["state"].append(2)
    assert other.meta("kept") == {"state": [1]} and other.meta("none", 7) == 7
