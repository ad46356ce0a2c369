"""ucb: pull the arm whose reward might be highest; discounted, so that what an arm gave long ago counts less."""

import numpy as np
from pydantic import Field

from .mechanism import Context, Floats
from .one_arm import OneArm
from .one_arm import Settings as OneArmSettings


class Settings(OneArmSettings):
    """UCB1's exploration and the discount of the past."""

    explore: float = Field(default=1.0, ge=0)
    """Factor on the width of the bound (1: UCB1)."""
    discount: float = Field(default=0.95, gt=0, le=1)
    """Weight of what is one round older."""


class Ucb(OneArm):
    """Index: mean reward + explore * sqrt(2 ln t / pulls); an arm never pulled comes first."""

    name = "ucb"
    source = "UCB1: Auer, Cesa-Bianchi and Fischer 2002; discounted: Garivier and Moulines 2011"
    Settings = Settings

    def index(self, context: Context) -> Floats:
        """[K] upper bound of every arm's reward; infinite where it was never pulled, -infinite where it is not live."""
        time = max(float(self.pulls.sum()), 1.0)
        seen = np.maximum(self.pulls, 1e-12)
        bound = self.total / seen + self.settings.explore * np.sqrt(2 * np.log(time + 1.0) / seen)
        return np.where(context.live, np.where(self.pulls > 1e-9, bound, np.inf), -np.inf)

    def probabilities(self, context: Context) -> Floats:
        """The reference: UCB has no policy of shares but which arm it pulls."""
        return context.reference

    def pull(self, context: Context, probabilities: Floats) -> int:
        """The highest index; among equals one at random."""
        index = self.index(context)
        return int(self.random(context.round).choice(np.flatnonzero(index == index.max())))

    def learn(self, arm: int, gain: float, variance: float) -> None:
        """Discount everything, then count the pull."""
        self.pulls, self.total = self.settings.discount * self.pulls, self.settings.discount * self.total
        super().learn(arm, gain, variance)
