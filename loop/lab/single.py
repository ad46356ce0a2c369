"""One simulated run as it really runs, on LangGraph and with a database, and its rounds as a table."""

import tempfile
from pathlib import Path
from typing import Any

from ..config import RunConfig, dump_config
from ..feedback.policy import vector
from ..progress import Progress
from ..run_db import RunDB
from .simulate import Trajectory, settings, simulate_on_graph
from .specs import make_world, parse
from .standings import digits
from .tournament import ELSEWHERE
from .world import World
from .yardsticks import Yardstick, yardstick


def run_one(
    mechanism: str, spec: str, seed: int, rounds: int, mode: Any, overrides: dict[str, Any], keep: Path | None = None
) -> dict[str, Any]:
    """Play one mechanism in one world and tell its rounds, in JSON types.

    Args:
        mechanism: spec, `name,key=value`; empty: the one that the world is played with.
        spec: of the world.
        seed: of the world.
        rounds: how many.
        mode: `continue` or `reset`.
        overrides: settings by group.
        keep: folder for the run's database and checkpoints; a temporary one unless given.

    Raises:
        InputError: a wrong spec or setting, or the folder is not empty.
    """
    world = make_world(spec, seed)
    mechanism = mechanism or world.feedback.mechanism
    name, given = parse(mechanism)
    config = settings(world, rounds, given | {"mechanism": name}, mode, overrides)
    stick = yardstick(make_world(spec, seed), spec, rounds, mode)
    with tempfile.TemporaryDirectory() as scratch:
        folder = _fresh(keep) if keep else Path(scratch)
        (folder / "resolved.yaml").write_text(dump_config(config), encoding="utf-8")
        found, db = simulate_on_graph(world, config, folder, Progress(quiet=True), make_world(spec, seed + ELSEWHERE))
        told = _told(found, stick, world, db, config)
        db.close()
    return told | {"mechanism": mechanism, "world": spec}


def _fresh(folder: Path) -> Path:
    from ...tiers.errors import InputError

    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: choose another --keep")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _told(found: Trajectory, stick: Yardstick, world: World, db: RunDB, config: RunConfig) -> dict[str, Any]:
    gap = stick.oracle[-1] - stick.uniform[-1]
    gain = found.final - stick.uniform[-1]
    verdicts = {d["round"]: d for d in db.rows("deltas", benchmark="composite", split="feedback")}
    rows = [_round(r, verdicts[r["round"]], found, stick, world) for r in db.rows("rounds", status="done")[1:]]
    return {
        "view": "lab-run",
        "seed": world.seed,
        "unit": world.unit,
        "told": str(getattr(world, "surprise", "")),
        "rounds": rows,
        "problems": list(found.problems),
        "gain": gain,
        "digits": digits(gap),
        "share": gain / gap if abs(gap) > 1e-9 else None,
        "cost": found.cost[-1],
        "round_ms": 1000 * found.seconds / config.rounds,
        "trajectory": found.model_dump(mode="json"),
        "yardstick": stick.model_dump(mode="json"),
    }


def _round(row: Any, delta: Any, found: Trajectory, stick: Yardstick, world: World) -> dict[str, Any]:
    number, plan = row["round"], row["plan"]
    arms = tuple(row["posterior"]["arms"])
    main, reference = vector(plan["mixture"], arms), vector(plan["reference"], arms)
    moved = [i for i in range(len(arms)) if abs(main[i] - reference[i]) >= 0.005]
    order = sorted(moved, key=lambda i: -abs(main[i] - reference[i]))[:2]
    return {
        "round": number,
        "moves": ", ".join(f"{arms[i]} {reference[i]:.2f}→{main[i]:.2f}" for i in order) or "none",
        "mixture": plan["mixture"],
        "probes": len(plan["probes"]),
        "measured": world.points * delta["gain"],
        "se": world.points * delta["se"],
        "verdict": delta["verdict"],
        "true": found.truth[number - 1],
        "gained": found.composite[number] - found.composite[number - 1],
        "accepted": row["accepted"],
        "reason": plan["reason"],
        "lead": found.composite[number] - stick.uniform[number],
        "regret": stick.oracle[number] - found.composite[number],
    }
