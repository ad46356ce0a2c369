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
        recorded: whether the journal holds the answer, if there is a journal. It does not where the server is to
            blame, who may answer better when asked again.
    """

    def __init__(self, message: str, usage: Usage, recorded: bool = True) -> None:
        super().__init__(message)
        self.usage = usage
        self.recorded = recorded


def failure_text(error: AgentError) -> str:
    """What a decision says of an error."""
    return f"{type(error).__name__}: {error}"


def is_unanswered(text: str | None) -> bool:
    """Whether an error in a decision, as `failure_text` gives it, says that the server gave no answer at all."""
    return bool(text) and str(text).startswith(("ServerError: ", "Rejected: ", "SpendingError: "))


def writable(text: str) -> str:
    """`text` without lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


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
