"""The lab's speed: one simulated controller round apart from LangGraph, LangGraph's own share, and a whole tournament.

`python benchmarks/lab.py` plays 20 mechanisms in 100 worlds for 20 rounds on all cores, in wall time, and times one
round in this process, in CPU time, which other work on the machine does not add to; `--quick` plays the same mechanisms
in fewer worlds and scales up. Every process has one thread.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

# numpy reads these as it is imported
from coevo.loop.feedback import MECHANISMS  # noqa: E402
from coevo.loop.feedback.config import PUBLISHED  # noqa: E402
from coevo.loop.lab.planted import PlantedWorld  # noqa: E402
from coevo.loop.lab.simulate import fits, settings, simulate, simulate_on_graph  # noqa: E402
from coevo.loop.lab.tournament import Entry, run  # noqa: E402
from coevo.loop.progress import Progress  # noqa: E402

ROUNDS, WORLDS, PARTICIPANTS = 20, 100, 20
ROUND_LIMIT, TOURNAMENT_LIMIT = 5.0, 600.0
FEEDBACK = PUBLISHED.model_dump(exclude_defaults=True)
QUIET = Progress(quiet=True)


def round_times(mechanism: str, repeats: int) -> tuple[list[float], list[float]]:
    """CPU milliseconds a round in a plain loop, and as LangGraph walks it with checkpoints, in alternating runs."""
    plain, graph = [], []
    for seed in range(repeats):
        config = settings(PlantedWorld(seed), ROUNDS, FEEDBACK | {"mechanism": mechanism}, "continue", {})
        began = time.process_time()
        simulate(PlantedWorld(seed), config)
        between = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            simulate_on_graph(PlantedWorld(seed), config, Path(folder), QUIET)[1].close()
        plain.append(1000 * (between - began) / ROUNDS)
        graph.append(1000 * (time.process_time() - between) / ROUNDS)
    return plain, graph


def participants() -> list[str]:
    """Twenty mechanisms that are made for `continue`, the first ones again with another discount if there are fewer."""
    world = PlantedWorld(0)
    names = [m for m in MECHANISMS if fits(m, world, "continue")]
    again = [f"{m},discount=0.9" for m in names]
    return (names + again)[:PARTICIPANTS]


def tournament(worlds: int, workers: int) -> float:
    """Seconds of a tournament on `workers` processes, their start included."""
    entry = Entry(
        mechanisms=tuple(participants()),
        worlds=("planted",),
        seeds=tuple(range(5000, 5000 + worlds)),
        rounds=ROUNDS,
        overrides={"feedback": FEEDBACK},
    )
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        run(entry, Path(folder), workers, QUIET, threading.Event())
        return time.monotonic() - began


def line(name: str, values: list[float], limit: float, unit: str, peer: str = "limit") -> str:
    """The JSON line of one figure against its limit or its peer."""
    ours = statistics.median(values)
    told: dict[str, object] = {
        "name": name,
        "ours": round(ours, 3),
        "peer": round(limit, 3),
        "ratio": round(ours / limit, 3),
    }
    told |= {"unit": unit, "peer_name": peer, "n": len(values)}
    return json.dumps(told | {"spread": [round(min(values), 3), round(max(values), 3)]})


def main() -> None:
    """Print the tables, and JSON lines last."""
    parser = argparse.ArgumentParser(description="The lab's speed")
    parser.add_argument("--quick", action="store_true", help="fewer worlds, scaled up; under 50 s")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    lines = []
    print(f"{'mechanism':>16} {'round ms':>10} {'on LangGraph':>13} {'LangGraph and disk':>19}")
    for mechanism in ("uniform", "influence_eg", "structured_blr", "trust_blr"):
        plain, graph = round_times(mechanism, 2 if options.quick else 9)
        own = [g - p for p, g in zip(plain, graph, strict=True)]
        middle = [statistics.median(v) for v in (plain, graph, own)]
        print(f"{mechanism:>16} {middle[0]:>10.2f} {middle[1]:>13.2f} {middle[2]:>19.2f}")
        if mechanism == "trust_blr":
            added = "CPU ms a round that LangGraph, its checkpoints and the disk add"
            lines += [line("lab-langgraph", own, middle[0], added, "the round itself")]
            lines += [line("lab-round", plain, ROUND_LIMIT, "CPU ms a round of trust_blr, apart from LangGraph")]
    small = 5 if options.quick else WORLDS
    startup = tournament(1, options.workers) if options.quick else 0.0
    seconds = tournament(small, options.workers)
    print(
        f"{PARTICIPANTS} mechanisms x {small} worlds x {ROUNDS} rounds on {options.workers} processes: {seconds:.1f} s"
    )
    if options.quick:
        each = (seconds - startup) / (small - 1)
        seconds = startup + each * (WORLDS - 1)
        print(f"with {startup:.1f} s for the first world and {each:.1f} s for another, {WORLDS} take {seconds:.0f} s")
    lines.append(line("lab-tournament", [seconds], TOURNAMENT_LIMIT, "s"))
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
