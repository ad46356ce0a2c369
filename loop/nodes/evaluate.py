"""evaluate: per-item results of every run on feedback items, and of main and control on hidden ones."""

from pathlib import Path

from ...eval.dividing import fold
from ...eval.score import Suite
from ...eval.suites import load_suite
from ..context import RunContext
from ..jobs import measure_job
from ..state import State, Update

HIDDEN_RUNS = ("main", "control")
"""Runs measured on hidden items, which no mechanism and no agent sees."""


def evaluate(context: RunContext, state: State) -> Update:
    """Measure the round's runs, side by side in the workers."""
    number = state["round"]
    wanted = [(r["name"], r["path"]) for r in context.db.rows("runs", round=number) if not r["diverged"]]
    measure_models(context, number, wanted, state["start"])
    return Update()


def measure_models(context: RunContext, number: int, models: list[tuple[str, str]], start: str) -> None:
    """Measure named models (folders relative to the run) and write down where their scores lie.

    Args:
        context: the run.
        number: the round.
        models: names and folders.
        start: folder of the model that they were trained from.
    """
    splits = [(name, path, "feedback") for name, path in models]
    splits += [(name, path, "hidden") for name, path in models if name in HIDDEN_RUNS or number == 0]
    context.progress.say(f"round {number} · evaluate · {', '.join(n for n, _ in models)}")
    _measure(context, number, splits, start)


def measure_split(context: RunContext, number: int, models: list[tuple[str, str]], start: str, split: str) -> None:
    """Measure named models on one split alone."""
    _measure(context, number, [(name, path, split) for name, path in models], start)


def _measure(context: RunContext, number: int, wanted: list[tuple[str, str, str]], start: str) -> None:
    """Measure (name, folder, split) triples; a folder that has several names is measured once."""
    first: dict[tuple[str, str], Path] = {}
    for name, path, split in wanted:
        first.setdefault((path, split), score_path(context, number, name, split))
    measure_all(context, [job(context, *group) for group in _grouped(context, first, start)])
    rows = [
        {"round": number, "name": name, "split": split, "path": context.relative(first[path, split])}
        for name, path, split in wanted
    ]
    context.db.insert("scores", rows)


def measure_all(context: RunContext, jobs: list[tuple[object, ...]]) -> None:
    """Do jobs of `job` side by side; one after the other where vLLM may take the whole GPU."""
    for together in [jobs] if context.config.evaluation.engine == "hf" else [[one] for one in jobs]:
        context.workers.map(measure_job, together)


def job(context: RunContext, name: str, base: str, outs: dict[str, str], split: str) -> tuple[object, ...]:
    """What `measure_job` takes: a base, an adapter's folder (or nothing) by the file to write, and how to measure."""
    how = (context.config.evaluation.model_dump_json(), context.config.training.device)
    return name, base, outs, str(suite_path(context, split)), *how


def _grouped(
    context: RunContext, first: dict[tuple[str, str], Path], start: str
) -> list[tuple[str, str, dict[str, str], str]]:
    """(name, base, adapter by file to write, split): one a model, or one for all adapters of a round's base."""
    if context.config.mode == "stack":  # adapters there stand on the first base, not on the model of the round before
        start = context.relative(context.folder.models / "base")
    found: list[tuple[str, str, dict[str, str], str]] = []
    shared: dict[str, dict[str, str]] = {}
    for (path, split), out in first.items():
        adapter = context.absolute(path) / "adapter"
        if context.config.evaluation.adapters and (adapter.is_dir() or path == start):
            shared.setdefault(split, {})[str(out)] = str(adapter) if path != start else ""
        else:
            found.append((out.stem, str(context.absolute(path)), {str(out): ""}, split))
    return found + [(f"{split} adapters", str(context.absolute(start)), outs, split) for split, outs in shared.items()]


def suite_path(context: RunContext, split: str) -> Path:
    """Where a suite lies."""
    return context.folder.scores / f"suite-{split}.json"


def suite(context: RunContext, split: str) -> Suite:
    """The benchmarks of a split."""
    return load_suite(suite_path(context, split))


def round_suite(context: RunContext, split: str, number: int) -> Suite:
    """The benchmarks that a round is judged by: of the feedback ones the fold whose turn it is."""
    whole = suite(context, split)
    if split != "feedback":
        return whole
    return fold(whole, number, context.config.evaluation.folds, context.config.seed)


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
