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
    from .harness import code_version, measure
    from .multiple import benjamini_hochberg, e_bh, holm
    from .noise import NoiseFloor, minimum_detectable_effect, noise_floor
    from .power import detectable, items_needed
    from .score import Benchmark, Delta, Item, Omitted, Suite
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
    "harness": ("code_version", "measure"),
    "multiple": ("benjamini_hochberg", "e_bh", "holm"),
    "noise": ("NoiseFloor", "minimum_detectable_effect", "noise_floor"),
    "power": ("detectable", "items_needed"),
    "score": ("Benchmark", "Delta", "Item", "Omitted", "Suite"),
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
    "Interval",
    "Item",
    "ItemScores",
    "NoiseFloor",
    "Omitted",
    "Scale",
    "Suite",
    "benjamini_hochberg",
    "build_suite",
    "code_version",
    "compare",
    "control_variate",
    "deltas",
    "detectable",
    "e_bh",
    "evidence_cov",
    "holm",
    "items_needed",
    "load_suite",
    "mcnemar",
    "measure",
    "minimum_detectable_effect",
    "noise_floor",
    "paired_bootstrap",
    "read_scores",
    "reserved",
    "save_suite",
    "scale_of",
    "screen",
    "shrink",
    "suite_texts",
]


def __getattr__(name: str) -> Any:
    """Find a public name on first use: the command line must answer before Arrow is loaded."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
