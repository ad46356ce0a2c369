"""Tournaments: every mechanism in every world for every seed, on all cores, each result kept as soon as it is there."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from ...tiers.errors import InputError
from ...tiers.plain import from_json
from ...tiers.record import Record
from ...tiers.tier import arms
from ...tiers.whole import write_whole
from ..feedback import MECHANISMS, create
from ..feedback.mechanism import Mode
from ..progress import Progress
from ..workers import Workers
from .simulate import Trajectory, settings, simulate
from .specs import make_world, parse
from .yardsticks import Yardstick, yardstick

RESULTS, SETTINGS = "results.jsonl", "tournament.json"
ELSEWHERE = 1_000_003
"""How far off the seed of the world is from which a yoked run has its mixtures."""
BATCH = 24
"""Simulated runs that a worker gets before the results are written."""


class Entry(Record):
    """Who takes part in what; results of other settings are never mixed with these."""

    mechanisms: tuple[str, ...]
    """Specs, `name,key=value,...`; keys are those of `feedback`."""
    worlds: tuple[str, ...]
    """Specs of worlds."""
    seeds: tuple[int, ...]
    rounds: int = 20
    mode: Mode = "continue"
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Settings of all runs, by group, such as `{"feedback": {"gate": "always"}}`."""

    def tasks(self) -> Iterator[tuple[str, str, int]]:
        """(mechanism, world, seed), seed by seed, so that half of it compares all mechanisms; "" is the yardstick."""
        for seed in self.seeds:
            for world in self.worlds:
                yield from ((m, world, seed) for m in ("", *self.mechanisms))


class Results(Record):
    """All that a tournament found so far."""

    entry: Entry
    trajectories: tuple[Trajectory, ...]
    yardsticks: tuple[Yardstick, ...]


def run(entry: Entry, folder: Path, workers: int, progress: Progress, stopping: threading.Event) -> Results:
    """Play what is not yet in the folder and return everything; killed at any moment, it goes on where it was.

    Raises:
        InputError: the folder holds another tournament, or a spec is wrong.
        Stopping: asked to; what was played is kept.
    """
    check(entry)
    _claim(entry, folder)
    done = _keys(folder)
    todo = [t for t in entry.tasks() if t not in done]
    if done:
        progress.say(f"{len(done)} of {len(done) + len(todo)} are there already")
    pool = Workers(workers, stopping, progress.job)
    try:
        for at in range(0, len(todo), BATCH * workers):
            batch = todo[at : at + BATCH * workers]
            jobs = [(entry.model_dump_json(exclude={"mechanisms", "worlds", "seeds"}), *t) for t in batch]
            _append(folder, pool.map(play, jobs))
            progress.say(f"{len(done) + at + len(batch)} of {len(done) + len(todo)}")
    finally:
        pool.close()
    return load(folder)


def check(entry: Entry) -> None:
    """Make every world and every config once: a wrong spec is said before any work.

    Raises:
        InputError: a spec is wrong, or no run of this mode makes sense in a world.
    """
    if not entry.mechanisms or not entry.worlds or not entry.seeds:
        raise InputError("a tournament wants at least one mechanism, one world and one seed")
    for spec in entry.worlds:
        world = make_world(spec, entry.seeds[0])
        if entry.mode not in world.modes:
            raise InputError(f"world {spec!r} is made for mode {' or '.join(sorted(world.modes))}: set --mode")
        for mechanism in entry.mechanisms:
            config = _config(entry, world, mechanism)
            if ":" not in config.feedback.mechanism and config.feedback.mechanism not in MECHANISMS:
                create(config.feedback, tuple(arms(world.domains)), 0)  # says which are known


def play(told: str, mechanism: str, spec: str, seed: int) -> str:
    """One result as a JSON line; runs in a worker."""
    entry = Entry.model_validate(json.loads(told) | {"mechanisms": [mechanism], "worlds": [spec], "seeds": [seed]})
    world = make_world(spec, seed)
    found: Record
    if not mechanism:
        found = yardstick(world, spec, entry.rounds, entry.mode)
    else:
        try:
            other = make_world(spec, seed + ELSEWHERE)
            found = simulate(world, _config(entry, world, mechanism), mechanism, other)
            found = found.model_copy(update={"world": spec})
        except InputError as e:  # not made for this: it is told in the table, and others go on
            found = Trajectory.refused(mechanism, spec, seed, str(e))
    return json.dumps({"key": [mechanism, spec, seed], "result": found.model_dump(mode="json")})


def load(folder: Path) -> Results:
    """What a tournament's folder holds.

    Raises:
        InputError: it is none.
    """
    path = folder / SETTINGS
    if not path.is_file():
        raise InputError(f"{folder} is no tournament: wanted {SETTINGS} in it; start one with: coevo lab tournament")
    entry = Entry.model_validate_json(path.read_bytes())
    rows = list(_lines(folder))
    mine = set(entry.tasks())
    kept = {tuple(r["key"]): r["result"] for r in rows if tuple(r["key"]) in mine}
    return Results(
        entry=entry,
        trajectories=tuple(Trajectory.model_validate(r) for k, r in kept.items() if k[0]),
        yardsticks=tuple(Yardstick.model_validate(r) for k, r in kept.items() if not k[0]),
    )


def _config(entry: Entry, world: Any, mechanism: str) -> Any:
    name, given = parse(mechanism)
    feedback = given | {"mechanism": name}
    return settings(world, entry.rounds, feedback, entry.mode, entry.overrides)


def _claim(entry: Entry, folder: Path) -> None:
    """Write the settings, or see that they are the same: more mechanisms, worlds or seeds may be added."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SETTINGS
    if path.exists():
        try:
            before = Entry.model_validate_json(path.read_bytes())
        except ValidationError as e:
            raise InputError(f"{path} is damaged: choose another --out") from e
        fixed = ("rounds", "mode", "overrides")
        other = [f for f in fixed if getattr(before, f) != getattr(entry, f)]
        if other:
            raise InputError(f"{folder} holds a tournament with other {', '.join(other)}: choose another --out")
    write_whole(path, entry.model_dump_json(indent=1).encode())


def _keys(folder: Path) -> set[tuple[str, str, int]]:
    return {tuple(r["key"]) for r in _lines(folder)}


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    """Whole lines; the last one may have been cut by a kill."""
    path = folder / RESULTS
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            yield from_json(line)
        except ValueError:
            continue


def _append(folder: Path, lines: Sequence[str]) -> None:
    with (folder / RESULTS).open("a+b") as file:
        if file.tell() and not _ends_with_newline(file):
            file.write(b"\n")  # a kill cut the last line: what comes next must not be glued to it
        file.write("".join(f"{line}\n" for line in lines).encode())
        file.flush()
        os.fsync(file.fileno())


def _ends_with_newline(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")
