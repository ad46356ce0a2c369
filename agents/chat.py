"""Chat: the two calls every model answers, and what they return."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypedDict, TypeVar

from pydantic import BaseModel

from ..tiers.decision import Usage
from ..tiers.errors import AgentError

S = TypeVar("S", bound=BaseModel)


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True)
class Completion(Generic[S]):
    """A structured answer that passed its schema."""

    value: S
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class Choice:
    """Probabilities of the offered options, in their order; they sum to one."""

    probabilities: tuple[float, ...]
    usage: Usage = field(default_factory=Usage)
    truncated: int = 0
    """Tokens of the prompt that the model did not see because its context was too short."""


class UselessAnswer(AgentError):
    """The model answered, but not in the wanted form: what it cost must still be counted.

    Attributes:
        usage: what the useless answers cost.
    """

    def __init__(self, message: str, usage: Usage) -> None:
        super().__init__(message)
        self.usage = usage


class Chat(Protocol):
    """A model behind a URL (`backends.url.SCHEMES`).

    Both calls raise AgentError when the model does not answer usefully after retries, SpendingError when it never will.
    """

    url: str

    def complete(self, messages: Sequence[Message], schema: type[S]) -> Completion[S]:
        """An answer in the form of `schema`."""
        ...

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
        """For each prompt, how probable each option is as its continuation."""
        ...
