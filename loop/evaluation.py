"""`coevo eval`: models on this disk, with or without adapters, on benchmark files and lm-eval tasks, in one table."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..tiers.errors import InputError
from .workers import OFFLINE, THREADS

if TYPE_CHECKING:
    from ..eval.config import EvalConfig
    from ..eval.score import Suite
    from ..eval.scores import ItemScores


MINIMA: dict[str, Any] = {"min_clusters": 2, "min_items": 2}
"""With less there is no error."""


@dataclass(frozen=True)
class Model:
    """What is measured: a base, or an adapter on it."""

    name: str
    base: Path
    adapter: Path | None = None


def evaluate_models(
    asked: Sequence[str],
    packs: Sequence[str],
    tasks: Sequence[str],
    overrides: Sequence[str],
    out: Path,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Measure models on the same questions; scores of the same model, questions and code are found again in `out`.

    Args:
        asked: folders of models, `BASE+ADAPTER` for an adapter; the first is what the others are compared with.
        packs: benchmark files or folders of them.
        tasks: names of lm-eval tasks, groups or tags.
        overrides: `evaluation.KEY=VALUE` (and `training.device=...`), as in `coevo run`.
        out: folder of the per-item scores.
        say: is told what is going on.

    Raises:
        InputError: no benchmark, a bad setting, no such model.
        EvalError: what `measure` and `import_tasks` raise.
    """
    os.environ.update({k: v for k, v in (THREADS | OFFLINE).items() if k not in os.environ})
    from .config import override, parse_config

    tree: dict[str, Any] = {}
    for item in overrides:
        override(tree, item)
    own = tree.setdefault("evaluation", {})
    if isinstance(own, dict):  # what else it may be is refused below
        named = {key: more for key, more in (("packs", [*packs]), ("tasks", [*tasks])) if more}
        tree["evaluation"] = MINIMA | own | named
    config = parse_config(tree, "--set")
    if not (config.evaluation.packs or config.evaluation.tasks):
        raise InputError("nothing to ask: name benchmark files with --packs, or lm-eval tasks with --tasks")
    models = models_of(asked)
    suite, notes = _suite(config.evaluation, config.seed)
    for note in notes:
        say(note)
    for base in dict.fromkeys(m.base for m in models):
        _measure([m for m in models if m.base == base], suite, config.evaluation, config.training.device, out, say)
    return _told(models, suite, config.evaluation.max_share, out)


def models_of(asked: Sequence[str]) -> list[Model]:
    """Models by short names that tell them apart: the folder's, or the whole path where two folders are called alike.

    Raises:
        InputError: no such folder, or the same model twice.
    """
    if again := [name for name, n in Counter(asked).items() if n > 1]:
        raise InputError(f"{again[0]} is named twice: name each model once")
    parts = [(Path(base), Path(adapter) if adapter else None) for base, _, adapter in (a.partition("+") for a in asked)]
    for folder in (f for pair in parts for f in pair if f):
        if not folder.is_dir():
            raise InputError(
                f"no model folder {folder}: wanted a transformers folder, or BASE+ADAPTER, both on this disk"
            )
    short = ["+".join(f.resolve().name for f in pair if f) for pair in parts]
    names = [s if short.count(s) == 1 else a for s, a in zip(short, asked, strict=True)]
    return [Model(name, *pair) for name, pair in zip(names, parts, strict=True)]


def _suite(config: "EvalConfig", seed: int) -> tuple["Suite", list[str]]:
    """All that is asked, as one suite, and what was left out."""
    from ..eval.dividing import divided, too_long
    from ..eval.imported import import_tasks
    from ..eval.packs import Pool, read_packs
    from ..eval.suites import build_suite

    letters = config.pack_choices == "letters"
    pools = [read_packs(config.packs, shots=config.pack_shots, letters=letters)] if config.packs else []
    pools += [import_tasks(config.tasks, config.task_folder)] if config.tasks else []
    benchmarks, notes = ([x for p in pools for x in getattr(p, name)] for name in ("benchmarks", "notes"))
    pool = Pool(benchmarks=tuple(benchmarks))
    more = divided(pool, "hidden", ("hidden",), config.pack_items, config.pack_bytes, seed)
    suite = build_suite("hidden", [], config, seed, more=more)
    silent = [b.name for b in suite.benchmarks if b.check and not config.written]
    if silent:
        told = "only likelihoods, no written answers: --set evaluation.written=TOKENS has them written and judged"
        notes.append(f"{', '.join(silent)}: {told}")
    omitted = [f"{o.benchmark} left out: {o.reason}" for o in suite.omitted]
    return suite, [*notes, *too_long(pool, config.pack_bytes), *omitted]


def _measure(
    models: Sequence[Model], suite: "Suite", config: "EvalConfig", device: str, out: Path, say: Callable[[str], None]
) -> None:
    """Measure a base and adapters of it, loaded once."""
    from ..eval.harness import measure_adapters
    from .jobs import how_of

    items = sum(len(b.items) for b in suite.benchmarks)
    say(f"measuring {', '.join(m.name for m in models)} on {items:,} questions of {len(suite.benchmarks)} benchmarks")
    outs = {_file(out, m): m.adapter for m in models}
    measure_adapters(models[0].base, outs, suite, how=how_of(config, device))


def _file(out: Path, model: Model) -> Path:
    return out / f"{model.name.replace('/', '_')}.parquet"


def _told(models: Sequence[Model], suite: "Suite", share: float, out: Path) -> dict[str, Any]:
    """Levels of each model, and differences of each from the first."""
    from ..eval.levels import levels
    from ..eval.scores import read_scores
    from .view.formats import safe

    scores = {m.name: read_scores(_file(out, m), suite) for m in models}
    found = [row.model_dump(mode="json") for name, own in scores.items() for row in levels(name, own, suite)]
    against = _against(scores, suite, share, _file(out, models[0])) if len(models) > 1 else []
    return dict(safe({"view": "eval", "models": [*scores], "levels": found, "against": against, "scores": str(out)}))


def _against(
    scores: Mapping[str, Mapping[str, "ItemScores"]], suite: "Suite", share: float, reference: Path
) -> list[dict[str, Any]]:
    from ..eval.composite import scale_of
    from ..eval.levels import differences
    from .view.several import counted

    first, *others = scores
    scale = scale_of(reference, suite, share)
    made = {name: differences(scores[first], scores[name], suite, scale, (first, name)) for name in others}
    return [
        {"reference": first, "treatment": name, "rows": counted([d.model_dump(mode="json") for d in found])}
        for name, found in made.items()
    ]
