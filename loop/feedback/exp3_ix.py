"""exp3_ix: exponential weights on losses with implicit exploration; vacuous below about K ln K rounds."""

import numpy as np

from .exp3 import Exp3
from .mechanism import Context, Floats
from .simplex import softmax


class Exp3Ix(Exp3):
    """Loss of the pulled arm over (p_k + g), W = exp(-eta * sum of losses), eta = sqrt(2 ln K / (K T)), g = eta / 2."""

    name = "exp3_ix"
    source = "Neu 2015"

    @property
    def eta(self) -> float:
        """Learning rate: sqrt(2 ln K / (K T))."""
        k = len(self.arms)
        return float(np.sqrt(2 * np.log(k) / (k * self.rounds)))

    def probabilities(self, context: Context) -> Floats:
        """Exponential weights, nothing mixed in."""
        self.rounds = context.rounds
        return softmax(self.logs, context.live)

    def learn(self, arm: int, gain: float, variance: float) -> None:
        """Implicitly explored loss into the log weight."""
        self.pulls[arm] += 1
        self.total[arm] += self.reward(gain)
        self.logs[arm] -= self.eta * (1 - self.reward(gain)) / (self.chance + self.eta / 2)
