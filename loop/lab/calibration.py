"""Calibration of the planted world: parameter values that reproduce published gains of tiered data."""

from dataclasses import dataclass

import numpy as np

DOMAINS = ("en", "zh", "math", "code")
BENCHMARKS = ("en", "zh", "math", "code", "reasoning")


Row = tuple[float, ...]


@dataclass(frozen=True)
class Calibration:
    """Constants of the equations (research/feedback.md 4.1, 4.2); T tiers, D domains, B benchmarks.

    Three rounds of 30 % of a domain's tier and 70 % plain L1 gain 1.70 (en), 2.60 (zh), 7.07 (math) and 4.60 (code) pp
    more with L3 than with L1: the range that UltraData reports (arXiv 2602.09003; whose number is whose is assumed).
    """

    forgetting: float = 0.10
    """Share of the exposure that is lost over a full run (phi)."""
    readiness: tuple[float, ...] = (0.0, 0.15, 0.85, 0.93)
    """[T] how far a tier's value waits for a mature model (r)."""
    maturity: float = 1.0
    """Mean exposure at which half of that value is there (h)."""
    repeats: float = 15.4
    """Repeats after which another one is worth 1/e of a fresh token (R*)."""
    seed_sd: float = 0.02
    """Seed noise of an ability: .59 pp of accuracy at one half."""
    discordant: float = 0.12
    """Share of items on which two runs differ."""
    items: int = 1000
    """Items of a benchmark."""
    exposure: float = 1.0
    """Exposure of the base model to every capability."""

    quality: tuple[Row, ...] = (
        (1, 1, 1, 1),
        (1.43, 1.69, 1.63, 1.46),
        (2.98, 4.14, 3.85, 3.11),
        (3.33, 4.64, 4.31, 3.48),
    )
    """[T, D] what a token of a tier adds (Q)."""
    transfer: tuple[Row, ...] = (
        (1, 0.2, 0.1, 0.05),
        (0.2, 1, 0.05, -0.05),
        (0.05, 0.05, 1, 0.35),
        (0, -0.05, 0.3, 1),
        (0.4, 0.3, 0.45, 0.3),
    )
    """[B, D] what a token of a domain adds to a capability; below zero it interferes (T)."""
    ability: Row = (0.15, 0.10, -0.75, -0.95, -0.45)
    """[B] ability without exposure (theta0)."""
    gain: Row = (0.22, 0.22, 0.42, 0.36, 0.26)
    """[B] ability gained per log of exposure (g)."""
    onset: Row = (1, 1, 0.6, 0.6, 1)
    """[B] exposure at which that begins (e)."""
    guess: Row = (0.25, 0.25, 0, 0, 0.25)
    """[B] accuracy of guessing."""
    stock: tuple[Row, ...] = ((40, 30, 25, 30), (8, 6, 5, 6), (5, 4, 4, 4), (1, 0.8, 0.8, 0.8))
    """[T, D] distinct tokens, in full runs (U)."""

    def __post_init__(self) -> None:
        """Raise ValueError where a table has another shape, or a number is out of bounds."""
        for name, (least, most) in BOUNDS.items():
            value = np.asarray(getattr(self, name))
            shape = np.shape(getattr(Calibration, name))
            if value.shape != shape or value.dtype.kind not in "fi":
                raise ValueError(f"{name} wants numbers of shape {shape}, got {value.dtype} of shape {value.shape}")
            if not ((value >= least) & (value <= most)).all():
                raise ValueError(f"{name} wants numbers from {least:g} to {most:g}, got {value.tolist()}")


MANY = 1e6
BOUNDS: dict[str, tuple[float, float]] = {
    "forgetting": (0, 1),
    "readiness": (0, 1),
    "maturity": (1e-6, MANY),
    "repeats": (1e-6, MANY),
    "seed_sd": (0, 100),
    "discordant": (1e-6, 1),
    "items": (1, 1e9),
    "exposure": (0, MANY),
    "quality": (0, 1e4),
    "transfer": (-100, 100),
    "ability": (-50, 50),
    "gain": (-50, 50),
    "onset": (1e-6, MANY),
    "guess": (0, 0.99),
    "stock": (1e-3, MANY),
}
"""Least and most of every constant: outside, the equations mean nothing or overflow."""
