"""Measurement: what the instruments of a run read off a world's models, with paired errors and a shared reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...eval.clustered import EXACT, Error
from ...eval.delta import delta_row
from ...eval.rounds import Repeated
from ...eval.score import Delta
from ...eval.seeds import Seeds
from ..feedback.mechanism import Contrast, Evidence, Floats, Kind, Signals
from .checks import check_scores
from .world import World

SLOTS = {"main": 0, "control": 1, "centre": 2}
"""Whose luck is whose: the same for every mechanism in a world, so that mechanisms are compared in pairs."""


@dataclass(frozen=True)
class Run:
    """One trained model of a round."""

    name: str
    state: Any
    mixture: Floats
    """[K] realised shares."""
    fraction: float


@dataclass(frozen=True)
class Measured:
    """A round's runs with their scores; runs that are the same but for the name share state and luck."""

    runs: dict[str, Run]
    feedback: dict[str, Floats]
    """[B] by name."""
    hidden: dict[str, Floats]


def measure(world: World, number: int, runs: Sequence[Run]) -> Measured:
    """Score the runs of a round; luck depends on the world, the round and the run's role, on nothing else.

    The items are the same in every round, so a share `world.lasting` of their luck's variance is drawn once for a role
    and stays; the rest is drawn anew, as a new training run answers them.
    """
    size = len(world.benchmarks)
    luck = np.random.default_rng([world.seed, 1, number]).normal(0, 1, (len(SLOTS) + len(runs), 3, size))
    feedback: dict[str, Floats] = {}
    hidden: dict[str, Floats] = {}
    probes = 0
    for run in runs:
        probes += run.name not in SLOTS
        same = next((r.name for r in runs if r.state is run.state), run.name)
        if same in feedback:
            feedback[run.name], hidden[run.name] = feedback[same], hidden[same]
            continue
        slot = SLOTS.get(run.name, len(SLOTS) - 1 + probes)
        seed, *fresh = luck[slot]
        items, other = np.sqrt(1 - world.lasting) * np.array(fresh) + np.sqrt(world.lasting) * _lasting(world, slot)
        feedback[run.name] = check_scores(world, world.measured(run.state, seed, items), f"scores in round {number}")
        measured = world.measured(run.state, seed, other, hidden=True)
        hidden[run.name] = check_scores(world, measured, f"hidden scores in round {number}")
    return Measured({r.name: r for r in runs}, feedback, hidden)


def _lasting(world: World, slot: int) -> Floats:
    """[2, B] standard normal luck of a role on feedback and on hidden items: the same in every round."""
    return np.random.default_rng([world.seed, 8, slot]).normal(0, 1, (2, len(world.benchmarks)))


def contrasts(world: World, number: int, found: Measured, signals: Signals) -> Evidence:
    """The evidence of a round: main against control, every probe against the centre, with their joint covariance."""
    probes = [name for name in found.runs if name not in SLOTS]
    wanted: list[tuple[Kind, str, str]] = [("full", "main", "control"), *(("probe", p, "centre") for p in probes)]
    pairs = [p for p in wanted if found.runs[p[1]].state is not found.runs[p[2]].state]
    names = list(found.runs)
    signs = np.array([[(n == new) - (n == ref) for n in names] for _, new, ref in pairs], dtype=float)
    signs = signs.reshape(len(pairs), len(names))
    made = tuple(_contrast(found, *p) for p in pairs)
    return Evidence(number, made, world.run_variance * signs @ signs.T, signals=signals)


def deltas(world: World, found: Measured, split: Literal["feedback", "hidden"]) -> list[Delta]:
    """Main against control, benchmark by benchmark, the composite last; an interval of 95 %."""
    scores = found.feedback if split == "feedback" else found.hidden
    same = found.runs["main"].state is found.runs["control"].state
    sizes = np.full(len(world.benchmarks), world.item_se**2 + world.seed_sd**2)
    se = 0.0 if same else 1.0
    before, after = scores["control"], scores["main"]
    made = [
        _delta(name, split, float(b), float(a), se * float(np.sqrt(2 * v)), 1000)
        for name, b, a, v in zip(world.benchmarks, before, after, sizes, strict=True)
    ]
    whole = se * float(np.sqrt(2 * world.run_variance))
    return [*made, _delta("composite", split, float(before.mean()), float(after.mean()), whole, 1000 * len(made))]


def together(world: World, rows: Sequence[Mapping[str, Any]]) -> dict[str, Repeated]:
    """Main against control in several rounds, by benchmark and `composite`: item luck lasts as `world.lasting` says.

    Args:
        world: the world.
        rows: of the table `deltas`.
    """
    found: dict[str, Repeated] = {}
    for name in (*world.benchmarks, "composite"):
        mine = [r for r in rows if r["benchmark"] == name]
        real = np.array([float(r["se"] > 0) for r in mine])
        size = len(world.benchmarks) if name == "composite" else 1
        same = world.lasting + (1 - world.lasting) * np.eye(len(mine))
        items = 2 * world.item_se**2 / size * same * np.outer(real, real)
        gain = np.array([r["gain"] for r in mine])
        seeds = Seeds(world.seed_sd**2 / size)
        found[name] = Repeated(gain, items, EXACT, 2 * real, seeds, np.ones((len(mine), len(mine))))
    return found


def excess(world: World, found: Measured) -> tuple[float, Error]:
    """Composite gain on feedback items less that on hidden ones: seed luck is the same on both, item luck is not."""
    gains = [float((s["main"] - s["control"]).mean()) for s in (found.feedback, found.hidden)]
    same = found.runs["main"].state is found.runs["control"].state
    se = 0.0 if same else 2 * world.item_se / len(world.benchmarks) ** 0.5
    return gains[0] - gains[1], Error(se, EXACT)


def _contrast(found: Measured, kind: Kind, new: str, ref: str) -> Contrast:
    gain = found.feedback[new] - found.feedback[ref]
    return Contrast(
        kind=kind,
        treatment=new,
        reference=ref,
        mixture=found.runs[new].mixture,
        baseline=found.runs[ref].mixture,
        fraction=found.runs[new].fraction,
        gain=float(gain.mean()),
        selection=np.zeros(0),
        benchmarks=gain,
    )


def _delta(
    name: str, split: Literal["feedback", "hidden"], before: float, after: float, se: float, items: int
) -> Delta:
    means, error = (before, after, after - before), Error(se, EXACT)
    return delta_row(name, "sd", split, ("control", "main"), means, error, (items, items))
