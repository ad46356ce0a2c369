"""Agent: what every role shares; a model that does not answer becomes a decision that says so."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from ..prompts import Prompt, PromptError, PromptSet, built_in
from ..tiers.decision import Action, Decision, Usage
from ..tiers.document import Document
from ..tiers.errors import AgentError, SpendingError
from .chat import Chat, Completion, S, UselessAnswer, failure_text, writable


class Agent:
    """One role, played by one model for one round; it proposes decisions and changes nothing.

    It is what `pool.run` drives. An AgentError of the model becomes a decision with `action=none`; only a refusal to
    serve for money (SpendingError) is passed on, for the pool to stop calling and account for the documents left over.
    """

    role: ClassVar[str]
    """Who decides, as it stands in decisions."""
    stage: str
    """The step of the round, as it stands in the ledger."""
    rule: ClassVar[str]
    """Who decides when the model is `offline:`."""
    batch_size: int = 1
    """How many documents to give `batch` at a time."""

    def __init__(self, chat: Chat, *, round: int, prompts: PromptSet | None = None) -> None:  # noqa: A002
        """`prompts`: those of the run; without them the built-in ones."""
        self.chat = chat
        self.round = round
        self.prompts = prompts or built_in()
        self.name: str = self.rule if self.offline else self.role

    @property
    def offline(self) -> bool:
        """Whether rules decide, because there is no model."""
        return self.chat.url.startswith("offline:")

    def __call__(self, document: Document, /) -> list[Decision]:
        """What the role decides about one document."""
        return self.batch([document])

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """What the role decides about each document, in their order.

        Raises:
            SpendingError: the provider refuses to serve for credentials or money.
        """
        raise NotImplementedError

    def ask(
        self,
        prompt: Prompt,
        schema: type[S],
        documents: Mapping[str, str],
        *,
        chat: Chat | None = None,
        more: str = "",
        **values: Any,
    ) -> Completion[S]:
        """The model's answer to `prompt`, in the form of `schema`; `values` as `Prompt.render` takes them.

        `chat` is another model than the agent's own, `more` what is said after the prompt.

        Raises:
            PromptError: the prompt asks for an answer of another form.
            AgentError: the model gives no useful answer.
        """
        if prompt.answer != schema.__name__:
            raise PromptError(f"prompt {prompt.ref} wants an answer of schema {prompt.answer}, not {schema.__name__}")
        said = prompt.render(documents, **values) + more
        return (chat or self.chat).complete([{"role": "user", "content": said}], schema)

    def attempt(self, document: Document, ask: Callable[[], Decision]) -> Decision:
        """What `ask` decides, or, where the model gives no useful answer, that nothing was decided and why."""
        try:
            return ask()
        except SpendingError:
            raise
        except AgentError as error:
            return self.failed(document, error)

    def failed(self, document: Document, error: AgentError) -> Decision:
        """Nothing was decided because of `error`; what the useless answers cost is counted."""
        usage = error.usage if isinstance(error, UselessAnswer) else Usage()
        return self.nothing(document, "no useful answer", error=failure_text(error), usage=usage)

    def nothing(self, document: Document, reason: str, **fields: Any) -> Decision:
        """Nothing was decided about `document`, and why."""
        return self.decision(document, Action.NONE, reason, **fields)

    def decision(
        self, document: Document, action: Action, reason: str, *, prompt: Prompt | None = None, **fields: Any
    ) -> Decision:
        """A decision about `document` by this agent; `fields` are further fields of Decision."""
        said: dict[str, Any] = {
            "agent": self.name,
            "domain": document.domain,
            "kind": document.kind,
            "source": document.source,
            "prompt": prompt.ref if prompt else "",
            "model": self.chat.url,
        }
        return Decision(
            round=self.round,
            stage=self.stage,
            doc=document.id,
            action=action,
            reason=writable(reason),
            **{name: _all_writable(value) for name, value in {**said, **fields}.items()},
        )


def _all_writable(value: Any) -> Any:
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {name: _all_writable(inner) for name, inner in value.items()}
    return [_all_writable(inner) for inner in value] if isinstance(value, list) else value
