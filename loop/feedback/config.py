"""FeedbackConfig: which mechanism decides, how far it may move a round, and what the gate asks for."""

from typing import Any, Literal

from pydantic import Field, JsonValue, model_validator

from ...tiers.record import Record


class FeedbackConfig(Record):
    """Every knob of mechanism, policy, gate and rubric weights; tuned on planted worlds 0-99 (docs/feedback.md)."""

    mechanism: str = "horizon_blr"
    """A name of `MECHANISMS` or `module:Class` of your own."""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """The mechanism's own settings (docs/mechanisms.md)."""
    policy: Literal["own", "eg", "thompson"] = "own"
    """From posterior to mixture: what the mechanism itself wants, or a step on its posterior's mean or on a draw."""
    gate: Literal["paired", "posterior", "ladder", "always"] = "paired"
    """What main has to show to be accepted (`gate.accept`)."""
    control: str = Field(default="", pattern=r"^(shuffled|yoked:.+)?$")
    """A control of the loop itself: `shuffled` feedback, or `yoked:RUN`, another run's mixtures; empty means none."""
    reference: dict[str, float] = Field(default_factory=dict)
    """The control's mixture by arm key (normalised over the live arms); empty means uniform."""

    floor: float = Field(default=0.01, ge=0, lt=1)
    """Smallest share of a live arm, as long as its epoch cap allows that much."""
    step: float = Field(default=0.5, gt=0)
    """Trust region: largest change of a log share in one round."""
    anchor: float = Field(default=0.0, ge=0, le=1)
    """Pull of the reference on what any mechanism wants: weight of the reference in their geometric mean."""

    point: float = Field(default=0.02, gt=0)
    """Composite gain that stands for a percentage point: the unit of constants that were published in points (items
    that are right or wrong have an sd near one half)."""
    tau: float = Field(default=6.0, gt=0)
    """Points per unit of share that move a log share by one in an exponentiated-gradient step."""
    probe_first: int = Field(default=0, ge=0)
    """Rounds at the start that all have probes."""
    probe_every: int = Field(default=1, ge=1)
    """After those, every how-manieth round has."""

    tier_weight: float = 0.6
    """How far the tier prior (L1 lowest, L3 highest) tilts: log share per unit of z; `tier_prior` uses 1."""
    scale: float = Field(default=0.015, gt=0)
    """Prior sd of an arm's value, in composite sds per unit of log share; multiples of it are averaged over."""
    returns: float = Field(default=0.3, ge=0)
    """Mean elasticity of an arm in units of its sd: diminishing returns, which pull towards the reference."""
    bias: float = Field(default=1.0, ge=0)
    """Prior sd of a probe's horizon bias, in units of the sd of the values; a grid around it is averaged over."""
    caution: float = Field(default=0.5, ge=0)
    """Posterior sds of the gain over the reference that the mixture is charged for."""
    discount: float = Field(default=0.8, gt=0, le=1)
    """Weight of evidence that is one round older."""
    probe_size: float = Field(default=0.8, gt=0)
    """Log-share amplitude of a probe's perturbation."""

    accept: float = Field(default=0.6, ge=0, le=1)
    """Main is accepted when P(it is better than control) on feedback items is at least this; else control."""
    promote: float = Field(default=0.8, ge=0, le=1)
    """The same for the gate `posterior`: P(gain > 0) under everything that the mechanism has learned."""
    ladder: float = Field(default=2.0, ge=0)
    """Standard errors that main has to gain over control at the gate `ladder`."""
    guard: float = Field(default=0.25, ge=0)
    """Largest loss on a guarded benchmark that is tolerated, in sds of its items, at one-sided 95 % certainty."""
    guarded: tuple[str, ...] = ()
    """Benchmarks that may not lose; empty means all of them."""
    regression: float = Field(default=0.0, ge=0)
    """Sds that a guarded benchmark may lose to control over all rounds in which main went on; 0 means no limit."""
    rollback: float = Field(default=20.0, ge=0)
    """E-value that following the mechanism does harm at which it is put back to its beginning; 0 means never."""
    explore: float = Field(default=0.0, ge=0, le=1)
    """Share of the probes that have to be of a family of ideas that is new (`quota`)."""
    alarm: float = Field(default=2.0, gt=0)
    """Standard errors by which the feedback gain may exceed the hidden gain before the alarm is raised."""

    influence: int = Field(default=0, ge=0, le=10_000)
    """Documents of every arm whose gradients are compared with the feedback items' before a round; 0: none."""
    influence_form: Literal["less", "cosine", "tracin"] = "less"
    """Adam's step on a document against an item's gradient; plain gradients; their product (docs/training.md)."""
    influence_checkpoints: int = Field(default=2, ge=1, le=16)
    """Places of a short warm-up at which gradients are compared."""
    rubric_method: Literal["fusion", "influence", "hedge"] = "fusion"
    """Regression on selection differences with influence as far as it is borne out; influence alone; or hedge."""
    rubric_signed: bool = False
    """Whether a rubric may have a negative weight: what it dislikes is selected."""
    rubric_trust: tuple[float, float] = (1.6, 1.5)
    """Prior mean and sd, in `rubric_unit`, of what the direction of influence is worth."""
    rubric_rate: float = Field(default=0.5, ge=0, le=1)
    """How far rubric weights move to their measured worth in one round."""
    rubric_mean: float = 0.15
    """Prior mean of a rubric's worth, in `rubric_unit`."""
    rubric_sd: float = Field(default=0.7, gt=0)
    """Prior sd of a rubric's worth, in `rubric_unit`."""
    rubric_unit: float = Field(default=0.05, gt=0)
    """Composite sds that one sd of a perfect rubric's score is thought to be worth."""

    @model_validator(mode="before")
    @classmethod
    def _one_name_each(cls, data: Any) -> Any:
        """Configs of the time when `calibration` told which of two mechanisms `trust_blr` was."""
        if not isinstance(data, dict) or "calibration" not in data:
            return data
        names = {"embedded": "horizon_blr", "published": "trust_blr"}
        settings = {k: v for k, v in data.items() if k != "calibration"}
        if (old := data["calibration"]) not in names:
            raise ValueError(f"calibration={old!r} is no more: set mechanism=horizon_blr (the default) or trust_blr")
        if settings.get("mechanism", "trust_blr") == "trust_blr":
            settings["mechanism"] = names[old]
        return settings


PUBLISHED = FeedbackConfig(mechanism="trust_blr", gate="always", rollback=0.0, step=3.0, floor=0.002)
"""What mechanisms are compared with in the lab: each as it was published, its own steps bounded by itself, no gate."""
