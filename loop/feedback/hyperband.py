"""hyperband: races of successive halving, from many mixtures tried once to few tried often."""

from math import ceil, floor, log

from pydantic import Field

from .successive_halving import Settings as HalvingSettings
from .successive_halving import SuccessiveHalving


class Settings(HalvingSettings):
    """The races."""

    eta: int = Field(default=3, ge=2)


class Hyperband(SuccessiveHalving):
    """Brackets s = s_max .. 0 of n = ceil((s_max + 1) / (s + 1) eta^s) mixtures, eta^(s_max - s) trials each."""

    name = "hyperband"
    source = "Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar 2018"
    Settings = Settings

    def brackets(self, rounds: int) -> list[tuple[int, int]]:
        """As many whole races as the rounds suffice for, the widest first."""
        eta = self.settings.eta
        most = floor(log(max(self.settings.candidates, eta)) / log(eta) + 1e-9)
        for s_max in range(most, -1, -1):
            wanted = [(ceil((s_max + 1) / (s + 1) * eta**s), eta ** (s_max - s)) for s in range(s_max, -1, -1)]
            if sum(self._length(n, r) for n, r in wanted) <= rounds:
                return wanted
        return [(min(self.settings.candidates, max(rounds, 1)), 1)]
