"""evaluate: per-item results of every run on feedback items, and of main and control on hidden ones."""

from pathlib import Path

from ..context import RunContext
from ..jobs import measure_job
from ..state import State, Update

HIDDEN_RUNS = ("main", "control")
"""Runs measured on hidden items, which no mechanism and no agent sees."""


def evaluate(context: RunContext, state: State) -> Update:
    """Measure the round's runs, side by side in the workers."""
    number = state["round"]
    wanted = [(r["name"], r["path"]) for r in context.db.rows("runs", round=number) if not r["diverged"]]
    measure_models(context, number, wanted)
    return Update()


def measure_models(context: RunContext, number: int, models: list[tuple[str, str]]) -> None:
    """Measure named models (folders relative to the run) and write down where their scores lie."""
    splits = [(name, path, "feedback") for name, path in models]
    splits += [(name, path, "hidden") for name, path in models if name in HIDDEN_RUNS or number == 0]
    context.progress.say(f"round {number} · evaluate · {', '.join(n for n, _ in models)}")
    first: dict[tuple[str, str], Path] = {}
    for name, path, split in splits:
        first.setdefault((path, split), score_path(context, number, name, split))
    jobs = [
        (out.stem, str(context.absolute(p)), str(suite_path(context, s)), str(out)) for (p, s), out in first.items()
    ]
    context.workers.map(measure_job, jobs)
    rows = [
        {"round": number, "name": name, "split": split, "path": context.relative(first[path, split])}
        for name, path, split in splits
    ]
    context.db.insert("scores", rows)


def suite_path(context: RunContext, split: str) -> Path:
    """Where a suite lies."""
    return context.folder.scores / f"suite-{split}.json"


def score_path(context: RunContext, number: int, name: str, split: str) -> Path:
    """Where a model's per-item results lie."""
    return context.folder.scores / f"round-{number:03d}-{name}-{split}.parquet"


def scores_of(context: RunContext, number: int, name: str, split: str) -> Path:
    """The per-item results of a run that was measured.

    Raises:
        LookupError: it was not (a diverged run has none).
    """
    found = context.db.rows("scores", round=number, name=name, split=split)
    if not found:
        raise LookupError(f"round {number} has no {split} scores of {name}")
    return context.absolute(found[0]["path"])
