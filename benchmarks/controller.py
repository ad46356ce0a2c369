"""Controller overhead: what share of a round is neither agents, nor training, nor evaluation; and a checkpoint's size.

`python benchmarks/controller.py [RUN_FOLDER]` reads a finished run (default runs/embedded). A round lasts from the
checkpoint before it to its own, so nothing between nodes is lost. The nodes curate, train and evaluate are work; all
else is controller: allocate, learn (statistics, mechanism, gate, demotion, sealing, report), LangGraph, checkpoints.

`--live` makes a run of its own and times the work itself: agents and worker jobs, packing included. The rest of the
three nodes (drawing documents, rules and gates, the ledger, handing out jobs) then counts as controller too.
"""

import argparse
import itertools
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from coevo.loop.run_db import RunDB

WORK = ("curate", "train", "evaluate")
LIMIT, SIZE_LIMIT = 0.02, 10_000
PAUSE = 2.0
"""More seconds than this between a round's nodes mean that the run was interrupted there."""

Span = tuple[str, float, float]
"""What was worked on, from when to when."""


def checkpoints(path: Path) -> list[tuple[float, dict[str, Any], int]]:
    """When each was made, its channels, and its bytes with those of its pending writes."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    query = """SELECT type, checkpoint, length(checkpoint) + length(metadata) + (
        SELECT coalesce(sum(length(value)), 0) FROM writes WHERE writes.checkpoint_id = checkpoints.checkpoint_id
    ) FROM checkpoints ORDER BY checkpoint_id"""
    with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as db:
        found = db.execute(query).fetchall()
    read = [(JsonPlusSerializer().loads_typed((kind, data)), size) for kind, data, size in found]
    return [(datetime.fromisoformat(c["ts"]).timestamp(), c["channel_values"], size) for c, size in read]


def ends(path: Path) -> dict[int, float]:
    """When each round was over (0: prepare), by the checkpoint behind it."""
    over = {"branch:to:allocate", "branch:to:finish"}
    return {values["round"]: at for at, values, _ in checkpoints(path) if over & set(values)}


def windows(path: Path) -> list[tuple[int, float, float]]:
    """(round, start, end) of each; one that was interrupted is named and left out."""
    seconds: dict[int, float] = {}
    for row in RunDB(path).rows("nodes"):
        seconds[row["round"]] = seconds.get(row["round"], 0.0) + row["seconds"] * (row["node"] != "finish")
    found = []
    for (_, start), (number, end) in itertools.pairwise(sorted(ends(path).items())):
        if end - start - seconds[number] > PAUSE:
            print(f"round {number} was interrupted: left out")
        else:
            found.append((number, start, end))
    return found


def by_node(path: Path) -> list[float]:
    """Print a finished run's rounds, node by node; the controller's shares."""
    seconds = {(row["round"], row["node"]): row["seconds"] for row in RunDB(path).rows("nodes")}
    names = ("allocate", *WORK, "learn")
    print(
        f"{'round':>5} {'wall s':>8}",
        *(f"{name:>9}" for name in names),
        f"{'between':>8} {'controller':>11} {'share':>7}",
    )
    shares = []
    for number, start, end in windows(path):
        wall, mine = end - start, [seconds[number, name] for name in names]
        controller = wall - sum(seconds[number, name] for name in WORK)
        shares.append(controller / wall)
        told = " ".join(f"{s:>9.3f}" for s in mine)
        print(f"{number:>5} {wall:>8.2f} {told} {wall - sum(mine):>8.3f} {controller:>11.3f} {shares[-1]:>7.2%}")
    return shares


def live(folder: Path, rounds: int, overrides: tuple[str, ...]) -> tuple[Path, list[Span]]:
    """Make a run in this process, and time its agents and its worker jobs."""
    from coevo.agents import pool
    from coevo.loop import workers
    from coevo.loop.runner import start

    spans: list[Span] = []

    def timed(call: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        def inner(*args: Any, **kwargs: Any) -> Any:
            began = time.time()
            try:
                return call(*args, **kwargs)
            finally:
                spans.append((name(*args), began, time.time()))

        return inner

    plain = workers.Workers.map, pool.run
    setattr(workers.Workers, "map", timed(plain[0], lambda _, job, items: job.__name__.removesuffix("_job")))  # noqa: B010
    setattr(pool, "run", timed(plain[1], lambda *_: "agents"))  # noqa: B010
    try:
        return start("embedded", overrides, folder, "live", {"rounds": rounds}).database, spans
    finally:
        setattr(workers.Workers, "map", plain[0])  # noqa: B010
        setattr(pool, "run", plain[1])  # noqa: B010


def by_work(path: Path, spans: list[Span]) -> list[float]:
    """Print a timed run's rounds, work by work; the shares of all that is no work."""
    kinds = sorted({name for name, _, _ in spans} - {"base"})
    print(f"{'round':>5} {'wall s':>8}", *(f"{kind:>9}" for kind in kinds), f"{'all else':>9} {'share':>7}")
    shares = []
    for number, start, end in windows(path):
        mine = [sum(to - at for name, at, to in spans if name == kind and start <= at < end) for kind in kinds]
        shares.append(1 - sum(mine) / (end - start))
        told = " ".join(f"{s:>9.3f}" for s in mine)
        print(f"{number:>5} {end - start:>8.2f} {told} {end - start - sum(mine):>9.3f} {shares[-1]:>7.2%}")
    return shares


def line(name: str, values: list[float], limit: float, unit: str, pick: Callable[[list[float]], float]) -> str:
    """The JSON line of one figure against its limit."""
    ours = pick(values)
    told: dict[str, object] = {"name": name, "ours": round(ours, 5), "peer": limit, "ratio": round(ours / limit, 3)}
    told |= {"unit": unit, "peer_name": "limit", "n": len(values)}
    return json.dumps(told | {"spread": [round(min(values), 5), round(max(values), 5)]})


def main() -> None:
    """Print the tables, and JSON lines last."""
    parser = argparse.ArgumentParser(description="What share of a round is controller, and what a checkpoint weighs")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs/embedded"), help="a finished run")
    parser.add_argument("--quick", action="store_true", help="accepted for likeness: reading a run takes a second")
    parser.add_argument("--live", action="store_true", help="make a run and time the work inside its nodes")
    parser.add_argument("--rounds", type=int, default=2, help="of the live run")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the live run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = live(Path(folder), options.rounds, tuple(options.set)) if options.live else None
        path = made[0] if made else options.folder / "run.db"
        if not path.is_file():
            parser.error(f"{path} is missing: make a run with 'coevo run', or use --live")
        shares, sizes = by_node(path), [float(size) for _, _, size in checkpoints(path)]
        strict = by_work(path, made[1]) if made else []
    if not shares:
        parser.error(f"{path} holds no round that went through without an interruption")
    middle = statistics.median(sizes)
    print(f"{len(sizes)} checkpoints, pending writes included: median {middle:.0f} bytes, largest {max(sizes):.0f}")
    print(line("checkpoint", sizes, SIZE_LIMIT, "bytes (largest)", max))
    if strict:
        print(line("controller-strict", strict, LIMIT, "share of a round", statistics.median))
    print(line("controller", shares, LIMIT, "share of a round", statistics.median))


if __name__ == "__main__":
    main()
