"""A tournament from the command line: what was asked for, who stops it, and its standings."""

import os
from pathlib import Path
from typing import Any

from ...tiers.errors import InputError
from ..feedback import MECHANISMS
from ..progress import Progress
from ..workers import Stopping, stop_signals
from .simulate import fits
from .specs import make_world
from .standings import standings
from .tournament import Entry, run


def play_tournament(
    mechanisms: tuple[str, ...],
    worlds: tuple[str, ...],
    seeds: str,
    rounds: int,
    mode: Any,
    overrides: dict[str, Any],
    out: Path,
    workers: int | None,
) -> dict[str, Any]:
    """Play it, or what is left of it, and return the standings.

    Raises:
        InputError: a wrong spec, or the folder holds another tournament.
        KeyboardInterrupt: stopped; the same command goes on.
    """
    numbers = parse_seeds(seeds)
    chosen = mechanisms or _fitting(worlds, numbers[0], mode)
    entry = Entry(mechanisms=chosen, worlds=worlds, seeds=numbers, rounds=rounds, mode=mode, overrides=overrides)
    progress = Progress()
    with stop_signals(progress.say) as stopping:
        try:
            return standings(run(entry, out, workers or os.cpu_count() or 1, progress, stopping))
        except Stopping:
            progress.say(f"stopped; what was played is in {out}. The same command goes on")
            raise KeyboardInterrupt from None


def parse_seeds(text: str) -> tuple[int, ...]:
    """Numbers of `7`, `1000-1099` or `1,5,9`.

    Raises:
        InputError: not so written.
    """
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdigit() or (dash and not high.isdigit()):
            raise InputError(f"--seeds wants numbers such as 7, 1000-1099 or 1,5,9, got {text!r}")
        found += range(int(low), int(high or low) + 1)
    if not found:
        raise InputError(f"--seeds wants at least one number, got {text!r}")
    return tuple(dict.fromkeys(found))


def _fitting(worlds: tuple[str, ...], seed: int, mode: Any) -> tuple[str, ...]:
    """Every mechanism that comes with coevo and is made for this mode and has what it needs in every world."""
    made = [make_world(w, seed) for w in worlds]
    return tuple(m for m in MECHANISMS if all(fits(m, w, mode) for w in made))
