"""Mechanism, Evidence and Plan: all that a feedback mechanism may see, and all it may ask for."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...tiers.record import Record

Floats = NDArray[np.float64]
Kind = Literal["full", "probe", "rubric"]


class Probe(Record):
    """A perturbed mixture that the round tries out at reduced length, and why."""

    name: str
    mixture: dict[str, float]
    reason: str


class Plan(Record):
    """What a mechanism asks of one round; logged before any result is known."""

    round: int
    mechanism: str
    mixture: dict[str, float]
    """Main mixture: shares by arm key, on the simplex."""
    reference: dict[str, float]
    """The control's mixture (uniform over the live arms unless configured)."""
    probes: tuple[Probe, ...] = ()
    rubric_weights: dict[str, float] = Field(default_factory=dict)
    rubric_probe: dict[str, float] = Field(default_factory=dict)
    """Signs by rubric: the direction in which two short runs' documents are chosen apart; empty means no such pair."""
    reason: str = ""


@dataclass(frozen=True)
class Context:
    """What is true when a round is planned: which arms have data, and how much of each a run may use."""

    round: int
    arms: tuple[str, ...]
    """All arm keys, in canonical order: the axis of every vector below."""
    live: NDArray[np.bool_]
    """[K] arms that hold enough tokens to be trained on."""
    cap: Floats
    """[K] largest share of a full run that does not repeat the arm beyond `max_epochs`."""
    reference: Floats
    """[K] the control's mixture."""
    rounds: int
    """Rounds the run was asked for (a schedule needs it)."""
    probes: int = 3
    """How many probes the round can pay for."""
    start: Floats | None = None
    """[K] accepted mixture that the policy's trust region is drawn around; None means the reference."""


@dataclass(frozen=True)
class Contrast:
    """One paired comparison: what changed in the data, and what it did to the feedback composite."""

    kind: Kind
    """`full`: main against control. `probe`: a probe against its centre, at `fraction` of a full run's tokens.
    `rubric`: documents that rubrics rank high against those ranked low, one mixture, at `fraction` as well."""
    treatment: str
    reference: str
    mixture: Floats
    """[K] realised shares of the treatment."""
    baseline: Floats
    """[K] realised shares of the reference."""
    fraction: float
    gain: float
    """Composite gain, in standard deviations of the benchmarks' items (see eval.composite)."""
    selection: Floats
    """[P] difference of the mean rubric scores (standardised within domain) of the two training sets."""


@dataclass(frozen=True)
class Evidence:
    """Contrasts of one round with their joint error; a shared reference makes the errors correlated (GLS)."""

    round: int
    contrasts: tuple[Contrast, ...]
    cov: Floats
    """[n, n] covariance of the gains: item error (clustered) + seed noise, off-diagonal where a reference is shared."""
    rubrics: tuple[str, ...] = ()
    trust: Floats = field(default_factory=lambda: np.zeros(0))
    """[P] calibration of each rubric in [0, 1]; 0 where it failed its canaries."""


class Mechanism(Protocol):
    """Evidence in, arm values with covariance out. Deterministic given its seed; its state is JSON."""

    name: str

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """Wanted main mixture [K] (the policy layer enforces floors, caps and trust region), probes, and the reason."""
        ...

    def observe(self, evidence: Evidence) -> None:
        """Take one round's evidence into the posterior."""
        ...

    def posterior(self) -> tuple[Floats, Floats]:
        """Mean [K] and covariance [K, K] of the arm values: composite gain per unit of log share."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to go on exactly where this one stands."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state."""
        ...
