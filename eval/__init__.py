"""Benchmarks in, per-item scores out; two score files in, paired deltas with error out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arithmetic import reserved
    from .composite import Scale, scale_of
    from .config import EvalConfig
    from .delta import compare, deltas, evidence_cov
    from .harness import code_version, measure
    from .noise import NoiseFloor, minimum_detectable_effect, noise_floor
    from .score import Benchmark, Delta, Item, Omitted, Suite
    from .scores import ItemScores, read_scores
    from .suites import HeldOut, build_suite, load_suite, save_suite, suite_texts

_HOMES = {
    "arithmetic": ("reserved",),
    "composite": ("Scale", "scale_of"),
    "config": ("EvalConfig",),
    "delta": ("compare", "deltas", "evidence_cov"),
    "harness": ("code_version", "measure"),
    "noise": ("NoiseFloor", "minimum_detectable_effect", "noise_floor"),
    "score": ("Benchmark", "Delta", "Item", "Omitted", "Suite"),
    "scores": ("ItemScores", "read_scores"),
    "suites": ("HeldOut", "build_suite", "load_suite", "save_suite", "suite_texts"),
}

__all__ = [
    "Benchmark",
    "Delta",
    "EvalConfig",
    "HeldOut",
    "Item",
    "ItemScores",
    "NoiseFloor",
    "Omitted",
    "Scale",
    "Suite",
    "build_suite",
    "code_version",
    "compare",
    "deltas",
    "evidence_cov",
    "load_suite",
    "measure",
    "minimum_detectable_effect",
    "noise_floor",
    "read_scores",
    "reserved",
    "save_suite",
    "scale_of",
    "suite_texts",
]


def __getattr__(name: str) -> Any:
    """Find a public name on first use: the command line must answer before Arrow is loaded."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
