"""strategist_only: a language model's proposal is followed as it comes; nothing measured weighs it."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .mechanism import Context, Floats, Probe
from .policy import start_of
from .simplex import softmax
from .trials import Trials


class Settings(Record):
    """How far it is followed."""

    trust: float = Field(default=1.0, gt=0)
    """Factor on the log shares that the strategist asks for."""


class StrategistOnly(Trials):
    """w <- w exp(what the strategist wants); everywhere else its wish is a probe and is graded.

    What the strategist reads of the arms is a plain ridge of the gains, as an analyst would draw it up.
    """

    name = "strategist_only"
    source = "research/feedback.md 1.22; DataEnvGym (arXiv 2410.06215), agents as data engineers (arXiv 2605.30407)"
    needs = frozenset({"proposal"})
    Settings = Settings

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """One step; where nothing is proposed the mixture stays."""
        shifts = context.signals.proposal or {}
        move = np.array([self.settings.trust * shifts.get(arm, 0.0) for arm in self.arms])
        wanted = softmax(np.log(np.maximum(start_of(context), 1e-300)) + move, context.live)
        told = ", ".join(f"{arm} {by:+.2f}" for arm, by in shifts.items()) or "nothing, so the mixture stays"
        return wanted, (), f"strategist_only: it wants {told}"
