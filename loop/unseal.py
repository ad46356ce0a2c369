"""Opening the sealed set: a finished run's model against its base on items nobody saw, with a record of every look."""

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..eval.composite import scale_of
from ..eval.delta import deltas
from ..eval.noise import noise_floor
from ..eval.score import Delta
from ..tiers.errors import InputError
from ..tiers.plain import from_json
from ..tiers.whole import RESCUE
from .context import RunContext, open_context
from .nodes.deltas import apart, from_base
from .nodes.evaluate import measure_split, scores_of, suite, suite_path
from .nodes.floor import equal_runs
from .progress import Progress
from .run_db import RunDB
from .run_folder import RunFolder, open_run
from .view.compare import unsealed
from .workers import THREADS, stop_signals

SPLIT = "sealed"
LOOKS = "sealed-looks"
"""Meta key: how many looks the record held when one was last appended, and the digest of these lines."""


def unseal(runs: Path, name: str) -> dict[str, Any]:
    """Measure base, A/A runs, final model and last control on the sealed items, and say how often that was done.

    The look is written down before anything is measured, so that a look that was broken off counts as one.

    Raises:
        InputError: the run is unfinished, or was started without a sealed set.
    """
    folder = open_run(runs, name)
    os.environ.update({k: v for k, v in THREADS.items() if k not in os.environ})
    progress = Progress(False)
    with folder.lock(), stop_signals(progress.say) as stopping:
        context = _opened(folder, progress, stopping)
        try:
            looks = _recorded(context)
            found = _compared(context)
        finally:
            context.workers.close()
    return unsealed(folder.name, looks, *found)


def record(folder: RunFolder) -> Path:
    """The access record: one JSON object a look, only ever appended to."""
    return folder.scores / "sealed-access.jsonl"


def looks(folder: RunFolder, db: RunDB) -> list[dict[str, Any]]:
    """Every look at the sealed set so far, the first one first.

    Raises:
        InputError: the record was damaged, or lacks looks that the run's database counts.
    """
    path = record(folder)
    try:
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        read = [from_json(line.decode("utf-8")) for line in lines]
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): {RESCUE}") from error
    noted = db.meta(LOOKS, {"looks": 0, "digest": _digest([])})
    if _digest(lines[: noted["looks"]]) != noted["digest"]:  # more may follow: a process died after it had appended
        raise InputError(f"{path} was altered after it was written, or lacks some of {noted['looks']} looks: {RESCUE}")
    return read


def _digest(lines: Sequence[bytes]) -> str:
    return hashlib.blake2b(b"".join(lines), digest_size=16).hexdigest()


def _opened(folder: RunFolder, progress: Progress, stopping: threading.Event) -> RunContext:
    config = folder.config()
    folder.check(config)
    context = open_context(folder, config, progress, stopping)
    try:
        if not context.db.meta("final"):
            raise InputError(
                f"run {folder.name!r} is not finished, and its sealed set is opened at the end: "
                f"continue it with '{folder.resume()}'"
            )
        if not suite_path(context, SPLIT).exists():
            raise InputError(
                f"run {folder.name!r} has no sealed set: start a run with --set holdout.sealed=0.06 to have one"
            )
    except InputError:
        context.workers.close()
        raise
    return context


def _recorded(context: RunContext) -> list[dict[str, Any]]:
    """All looks, this one appended and on disk."""
    final = context.db.meta("final")
    look = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "round": final["round"],
        "run": final["run"],
        "suite": suite(context, SPLIT).digest,
        "process": os.getpid(),
    }
    path, before = record(context.folder), looks(context.folder, context.db)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(look) + "\n")
        file.flush()
        os.fsync(file.fileno())
    lines = path.read_bytes().splitlines(keepends=True)
    context.db.set_meta(LOOKS, {"looks": len(lines), "digest": _digest(lines)})
    again = f", opened {len(before)} times before, first {before[0]['at']}" if before else ""
    context.event(final["round"], "unseal", "info", f"sealed set opened at {look['at']}{again}")
    return [*before, look]


def _compared(context: RunContext) -> tuple[list[Delta], dict[str, float]]:
    """Final model against base, and against the control of its last round where that is another model; the units."""
    final = context.db.meta("final")
    number, base = int(final["round"]), context.relative(context.folder.models / "base")
    paths = {r["name"]: str(r["path"]) for r in context.db.rows("runs", round=0)}
    measure_split(context, 0, [("base", base), *((name, paths[name]) for name in equal_runs(context))], base, SPLIT)
    last = {r["name"]: str(r["path"]) for r in context.db.rows("runs", round=number) if not r["diverged"]}
    models = [(n, last[n]) for n in dict.fromkeys((str(final["run"]), "control")) if n in last]
    measure_split(context, number, models, base, SPLIT)
    asked = suite(context, SPLIT)
    start = scores_of(context, 0, "base", SPLIT)
    scale = scale_of(start, asked, context.config.evaluation.max_share)
    noise = noise_floor([scores_of(context, 0, name, SPLIT) for name in equal_runs(context)], asked, scale)
    after = scores_of(context, number, str(final["run"]), SPLIT)
    trained = noise.between(from_base(context, number, str(final["run"])))
    found = deltas(start, after, asked, trained, scale, names=("base", "accepted"))
    if final["run"] != "control" and "control" in last:
        control = scores_of(context, number, "control", SPLIT)
        near = noise.between(apart(context, (number, str(final["run"])), (number, "control")))
        found += deltas(control, after, asked, near, scale, names=("control", "accepted"))
    return found, scale.sd
