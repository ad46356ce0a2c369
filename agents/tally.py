"""Tally: what several calls about one document cost together, also when a later one fails."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ..tiers.decision import Usage
from ..tiers.errors import AgentError, SpendingError
from .chat import UselessAnswer


class Paid(Protocol):
    """What a call gives, with its cost."""

    @property
    def usage(self) -> Usage:
        """What it cost."""
        ...


P = TypeVar("P", bound=Paid)


@dataclass
class Tally:
    """The sum of what was paid so far."""

    usage: Usage = field(default_factory=Usage)

    def pay(self, call: Callable[[], P]) -> P:
        """What `call` gives, its cost added to that of the calls before it.

        Raises:
            UselessAnswer: it failed after something was paid; the error brings all of that along.
            AgentError: it failed and nothing was paid.
            SpendingError: the provider refuses to serve for money.
        """
        try:
            given = call()
        except SpendingError:
            raise
        except AgentError as error:
            spent = self.usage + (error.usage if isinstance(error, UselessAnswer) else Usage())
            raise (UselessAnswer(str(error), spent) if spent.calls else error) from error
        self.usage += given.usage
        return given
