"""Mechanism, Evidence, Signals and Plan: all that a feedback mechanism may see, and all it may ask for."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...tiers.record import Record

Floats = NDArray[np.float64]
Kind = Literal["full", "probe", "rubric"]
Mode = Literal["reset", "continue"]
"""reset: every round starts from the same base. continue: the accepted model carries over."""


def _nothing() -> Floats:
    return np.zeros(0)


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
class Signals:
    """What is known of the arms besides paired runs, measured on the model a round starts from; None: nobody did.

    A mechanism names the ones it cannot do without in `needs`; where they are not measured it is refused at the start.
    """

    influence: Floats | None = None
    """[K] alignment of an arm's gradient with the target's, in any unit; more is better."""
    influence_cov: Floats | None = None
    """[K, K] error of the influence: of the documents and targets that it was measured on."""
    losses: Floats | None = None
    """[K] loss of the model on texts of each arm, in nats (a run measures them per byte)."""
    reference_losses: Floats | None = None
    """[K] the same loss of a reference model that has finished its training on the reference mixture."""
    skills: Floats | None = None
    """[K, K] how much training on arm i lowers the loss on arm j (the skills graph)."""
    target_logprobs: Floats | None = None
    """[n, K] log-probability per token of n target texts under K models, each trained on one arm alone."""
    failures: Floats | None = None
    """[K] share of the failed feedback items that are attributed to each arm."""
    proposal: dict[str, float] | None = None
    """Changes of log shares that a language model wants, by arm key; empty when it wants none."""


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
    mode: Mode = "continue"
    sizes: Floats | None = None
    """[K] unique tokens of every arm, in full runs; None where nobody counted."""
    signals: Signals = field(default_factory=Signals)


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
    benchmarks: Floats = field(default_factory=_nothing)
    """[B] gain on every benchmark, in sds of its items; empty where only the composite is known."""
    buckets: Floats = field(default_factory=_nothing)
    """[C] difference of the two training sets' shares of the score buckets; empty where there are none."""


@dataclass(frozen=True)
class Evidence:
    """Contrasts of one round with their joint error; a shared reference makes the errors correlated (GLS)."""

    round: int
    contrasts: tuple[Contrast, ...]
    cov: Floats
    """[n, n] covariance of the gains: item error (clustered) + seed noise, off-diagonal where a reference is shared."""
    rubrics: tuple[str, ...] = ()
    trust: Floats = field(default_factory=_nothing)
    """[P] calibration of each rubric in [0, 1]; 0 where it failed its canaries."""
    signals: Signals = field(default_factory=Signals)
    """What the round's plan was made with."""
    rubric_influence: Floats | None = None
    """[P] regression of documents' gradient influence on their rubric scores (`rubric_influence.regress`)."""
    rubric_buckets: Floats | None = None
    """[P, C] shares of the score buckets if a rubric alone had selected."""


class Mechanism(Protocol):
    """Evidence in, arm values with covariance out. Deterministic given its seed; its state is JSON.

    Four more attributes are looked for, and may be missing: `source` (where the method is from), `modes` (those it is
    made for), `needs` (what it cannot do without: `probes`, `sizes`, or names of `Signals`), and `recommend(context)`
    (the mixture it would train on in the end, where that is not the next one it would try).
    """

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
