"""Base: what the mechanisms of this room share: their settings, random numbers and state."""

from typing import Any, ClassVar

import numpy as np
from pydantic import ValidationError

from ...tiers.errors import InputError
from ...tiers.record import Record
from .config import FeedbackConfig
from .mechanism import Context, Evidence, Floats, Mode, Probe

ANY_MODE: frozenset[Mode] = frozenset({"reset", "continue"})
RESET: frozenset[Mode] = frozenset({"reset"})
CONTINUE: frozenset[Mode] = frozenset({"continue"})


class NoSettings(Record):
    """A mechanism without settings of its own."""


class Base:
    """A mechanism without opinion; others say what they do differently."""

    name: str
    source: str
    """Where the method is from."""
    modes: ClassVar[frozenset[Mode]] = ANY_MODE
    needs: ClassVar[frozenset[str]] = frozenset()
    """`probes`, `sizes`, or names of `Signals`: what it cannot do without."""
    Settings: ClassVar[type[Record]] = NoSettings
    """What `feedback.options` may set."""
    remembers: tuple[str, ...] = ()
    """Attributes that are its state: arrays, numbers, or lists of them."""

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        self.config, self.arms, self.seed = config, arms, seed
        self.settings: Any = settings_of(type(self), config)

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The reference."""
        return context.reference.copy(), (), f"{self.name}: the reference mixture"

    def observe(self, evidence: Evidence) -> None:
        """Evidence changes nothing."""

    def posterior(self) -> tuple[Floats, Floats]:
        """Zero values [K] with zero covariance [K, K]: no opinion."""
        return np.zeros(len(self.arms)), np.zeros((len(self.arms), len(self.arms)))

    def recommend(self, context: Context) -> Floats:
        """[K] the mixture to train on in the end."""
        return self.plan(context)[0]

    def signal(self, context: Context, name: str) -> Floats:
        """A signal that the mechanism cannot do without.

        Raises:
            InputError: nobody measured it in this round.
        """
        found = context.sizes if name == "sizes" else getattr(context.signals, name)
        if found is None:
            raise InputError(f"{self.name} needs {name}, which nobody measured in round {context.round}")
        return np.asarray(found, dtype=float)

    def random(self, number: int) -> np.random.Generator:
        """Random numbers of one round: the same whenever the round is planned again."""
        return np.random.default_rng([self.seed, number, *self.name.encode()])

    def state_dict(self) -> dict[str, Any]:
        """What `remembers` names, as JSON."""
        return {name: _plain(getattr(self, name)) for name in self.remembers}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state."""
        for name in self.remembers:
            kept = state[name]
            array = isinstance(getattr(self, name), np.ndarray)
            setattr(self, name, np.array(kept, dtype=float) if array else kept)


def settings_of(mechanism: type[Base], config: FeedbackConfig) -> Record:
    """`config.options` as the mechanism's settings.

    Raises:
        InputError: an option that it does not have, or a bad value.
    """
    try:
        return mechanism.Settings.model_validate(config.options)
    except ValidationError as e:
        first = e.errors()[0]
        known = ", ".join(mechanism.Settings.model_fields) or "none at all"
        where = f"feedback.options.{'.'.join(str(p) for p in first['loc'])}"
        raise InputError(f"{where}: {first['msg']}, got {first['input']!r}; {mechanism.name} knows {known}") from e


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_plain(v) for v in value] if isinstance(value, list) else value
