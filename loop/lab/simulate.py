"""Simulated runs: the nodes of a real run in a world, walked by LangGraph or by a plain loop, and how they ended."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...tiers.errors import InputError
from ...tiers.record import Record
from ...tiers.tier import arms
from ..config import RunConfig, parse_config
from ..context import Controls
from ..feedback import create
from ..feedback.config import FeedbackConfig
from ..feedback.mechanism import Mode
from ..graph import build, walk
from ..nodes.allocate import allocate
from ..nodes.control import YOKED
from ..nodes.learn import learn
from ..nodes.once import once
from ..progress import Progress
from ..run_db import RunDB
from ..state import State, Update
from .bench import WorldBench, offers
from .memory import Memory
from .world import World


@dataclass(frozen=True)
class LabContext(Controls):
    """What deciding needs, and nothing else."""

    config: RunConfig
    db: RunDB
    progress: Progress
    stopping: threading.Event


class Trajectory(Record):
    """How one simulated run went; composites in the world's points, true and on hidden items."""

    mechanism: str
    world: str
    seed: int
    composite: tuple[float, ...]
    """[rounds + 1] of the accepted model, the base first."""
    feedback: tuple[float, ...]
    """[rounds + 1] the same on feedback items: where it runs ahead, the items are being gamed."""
    truth: tuple[float, ...]
    """[rounds] true gain of main over control."""
    cost: tuple[float, ...]
    """[rounds] run-equivalents spent so far."""
    accepted: int
    """Rounds in which main went on."""
    claims: int
    """Rounds with verdict `gain`."""
    problems: tuple[str, ...] = ()
    """What the mechanism did that it may not, each once; a run with any is a scored failure."""
    failed_rounds: int = 0
    seconds: float = 0.0
    recommended: float | None = None
    """In reset mode: true composite of the mixture that the mechanism recommends in the end."""

    @property
    def final(self) -> float:
        """What it is judged by: the last accepted model, in reset mode the recommendation."""
        return self.composite[-1] if self.recommended is None else self.recommended

    @classmethod
    def refused(cls, mechanism: str, world: str, seed: int, reason: str) -> "Trajectory":
        """A mechanism that was not made for this."""
        nothing: dict[str, Any] = {"composite": (), "feedback": (), "truth": (), "cost": (), "accepted": 0, "claims": 0}
        return cls(mechanism=mechanism, world=world, seed=seed, problems=(reason,), **nothing)


def nodes_of(bench: WorldBench) -> dict[str, Callable[[Controls, State], Update]]:
    """The nodes of a run: allocate and learn are the real ones, the world plays the others."""
    return {
        "prepare": bench.prepare,
        "allocate": partial(allocate, bench),
        "curate": bench.curate,
        "train": bench.train,
        "evaluate": bench.evaluate,
        "learn": partial(learn, bench),
        "finish": bench.finish,
    }


def settings(world: World, rounds: int, feedback: dict[str, Any], mode: str, overrides: dict[str, Any]) -> RunConfig:
    """The config of a run in a world: its domains and seed, three probes of half a round unless set otherwise.

    What belongs to the mechanism (`feedback`) goes before what is set for all runs (`overrides`).

    Raises:
        InputError: an unknown setting or a bad value.
    """
    tree: dict[str, Any] = {"domains": world.domains, "rounds": rounds, "mode": mode, "seed": world.seed}
    own = world.feedback.model_dump(mode="json", exclude_unset=True)
    probes = {"count": 3, "fraction": 0.5, "rubrics": False} | overrides.get("probes", {})
    tree = overrides | tree | {"feedback": own | overrides.get("feedback", {}) | feedback, "probes": probes}
    return parse_config(tree, "lab")


def fits(mechanism: str, world: World, mode: Mode) -> bool:
    """Whether a mechanism is made for this mode and has what it needs in a world."""
    try:
        create(FeedbackConfig(mechanism=mechanism), tuple(arms(world.domains)), 0, mode, offers(world, 1))
    except InputError:
        return False
    return True


def simulate(world: World, config: RunConfig, label: str = "", other: World | None = None) -> Trajectory:
    """One simulated run in this process, walked by a plain loop.

    Args:
        world: a fresh one, or one whose states hold nothing between runs.
        config: as of a real run; `settings` makes one that fits the world.
        label: what the mechanism is called in results.
        other: a world of the same kind, from which a yoked run (`feedback.control=yoked:world`) has its mixtures.

    Raises:
        InputError: the mechanism is not made for this.
    """
    bench = WorldBench(world, lab_context(config, Memory(), Progress(quiet=True)))
    if config.feedback.control.startswith(YOKED):
        bench.elsewhere = _planned(other, config)
    began = time.perf_counter()
    _walk(bench)
    found = trajectory_of(bench, label or config.feedback.mechanism, time.perf_counter() - began)
    bench.context.db.close()
    return found


def _planned(world: World | None, config: RunConfig) -> list[Mapping[str, float]]:
    """What the mechanism plans in another world, with its own feedback."""
    if world is None:
        raise InputError("feedback.control=yoked in the lab wants another world: play it by coevo lab")
    free = config.feedback.model_copy(update={"control": ""})
    config = config.model_copy(update={"feedback": free, "seed": world.seed})
    bench = WorldBench(world, lab_context(config, Memory(), Progress(quiet=True)))
    _walk(bench)
    bench.context.db.close()
    return bench.planned


def lab_context(config: RunConfig, db: RunDB, progress: Progress) -> LabContext:
    """Everything that deciding needs, with nobody who could stop it."""
    return LabContext(config, db, progress, threading.Event())


def _walk(bench: WorldBench) -> None:
    walk({name: partial(node, bench.context) for name, node in nodes_of(bench).items()})


def simulate_on_graph(
    world: World, config: RunConfig, folder: Path, progress: Progress, other: World | None = None
) -> tuple[Trajectory, RunDB]:
    """The same run as it really runs: LangGraph, checkpoints and every node exactly once, in `folder`/run.db."""
    context = lab_context(config, RunDB(folder / "run.db", create=True), progress)
    bench = WorldBench(world, context)
    if config.feedback.control.startswith(YOKED):
        bench.elsewhere = _planned(other, config)
    nodes = {name: partial(once, context, name, node) for name, node in nodes_of(bench).items()}
    graph = build(nodes, folder / "run.db")
    began = time.perf_counter()
    limit = {"recursion_limit": 10 * config.rounds + 20, "configurable": {"thread_id": "main"}}
    for _ in graph.stream({"round": 0}, limit, durability="sync", stream_mode="updates"):
        pass
    return trajectory_of(bench, config.feedback.mechanism, time.perf_counter() - began), context.db


def trajectory_of(bench: WorldBench, mechanism: str, seconds: float) -> Trajectory:
    """How a finished run went, read from its bench and its database."""
    db, world = bench.context.db, bench.world
    rounds = db.rows("rounds", status="done")[1:]
    blamed = [e for e in db.rows("events", level="warning") if e["message"].startswith("mechanism ")]
    verdicts = db.rows("deltas", benchmark="composite", split="feedback")
    return Trajectory(
        mechanism=mechanism,
        world=world.name,
        seed=world.seed,
        composite=tuple(world.points * c for c in bench.composite),
        feedback=tuple(world.points * c for c in bench.feedback),
        truth=tuple(world.points * t for t in bench.truth),
        cost=tuple(np.cumsum(bench.cost).tolist()),
        accepted=sum(r["accepted"] == "main" for r in rounds),
        claims=sum(d["verdict"] == "gain" for d in verdicts),
        problems=tuple(dict.fromkeys(e["message"] for e in blamed)),
        failed_rounds=len({e["round"] for e in blamed}),
        seconds=seconds,
        recommended=None if bench.recommended is None else world.points * bench.recommended,
    )
