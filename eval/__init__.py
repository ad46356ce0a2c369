"""Benchmarks in, per-item scores out; two score files in, paired deltas with error out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arithmetic import reserved
    from .bootstrap import Interval, paired_bootstrap
    from .composite import Scale, scale_of
    from .config import EvalConfig
    from .cuped import control_variate
    from .delta import compare, deltas, evidence_cov
    from .discordant import mcnemar
    from .dividing import divided, fold, too_long
    from .eprocess import harms
    from .harness import How, code_version, measure, measure_adapters
    from .imported import import_tasks
    from .ladder import Rung, published, submit
    from .multiple import benjamini_hochberg, e_bh, holm
    from .noise import NoiseFloor, noise_floor
    from .packs import Pool, read_packs
    from .power import detectable, items_needed
    from .score import Benchmark, Delta, Item, Omitted, Split, Suite
    from .scores import ItemScores, read_scores
    from .screening import screen
    from .shrinkage import shrink
    from .suites import HeldOut, build_suite, load_suite, save_suite, suite_texts

_HOMES = {
    "arithmetic": ("reserved",),
    "bootstrap": ("Interval", "paired_bootstrap"),
    "composite": ("Scale", "scale_of"),
    "config": ("EvalConfig",),
    "cuped": ("control_variate",),
    "delta": ("compare", "deltas", "evidence_cov"),
    "discordant": ("mcnemar",),
    "dividing": ("divided", "fold", "too_long"),
    "eprocess": ("harms",),
    "harness": ("How", "code_version", "measure", "measure_adapters"),
    "imported": ("import_tasks",),
    "ladder": ("Rung", "published", "submit"),
    "multiple": ("benjamini_hochberg", "e_bh", "holm"),
    "noise": ("NoiseFloor", "noise_floor"),
    "packs": ("Pool", "read_packs"),
    "power": ("detectable", "items_needed"),
    "score": ("Benchmark", "Delta", "Item", "Omitted", "Split", "Suite"),
    "scores": ("ItemScores", "read_scores"),
    "screening": ("screen",),
    "shrinkage": ("shrink",),
    "suites": ("HeldOut", "build_suite", "load_suite", "save_suite", "suite_texts"),
}

__all__ = [
    "Benchmark",
    "Delta",
    "EvalConfig",
    "HeldOut",
    "How",
    "Interval",
    "Item",
    "ItemScores",
    "NoiseFloor",
    "Omitted",
    "Pool",
    "Rung",
    "Scale",
    "Split",
    "Suite",
    "benjamini_hochberg",
    "build_suite",
    "code_version",
    "compare",
    "control_variate",
    "deltas",
    "detectable",
    "divided",
    "e_bh",
    "evidence_cov",
    "fold",
    "harms",
    "holm",
    "import_tasks",
    "items_needed",
    "load_suite",
    "mcnemar",
    "measure",
    "measure_adapters",
    "noise_floor",
    "paired_bootstrap",
    "published",
    "read_packs",
    "read_scores",
    "reserved",
    "save_suite",
    "scale_of",
    "screen",
    "shrink",
    "submit",
    "suite_texts",
    "too_long",
]


def __getattr__(name: str) -> Any:
    """Find a public name on first use: the command line must answer before Arrow is loaded."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
