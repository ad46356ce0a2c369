"""`offline:` is the absence of a model: roles decide by rules of their own, and never as if a model had."""

from collections.abc import Sequence
from typing import Never

from ...tiers.errors import AgentError
from ..chat import Chat, Choice, Completion, Message, S

URL = "offline:"


class OfflineChat:
    """A chat that never answers; a role that sees it (`is_offline`) uses its rules."""

    url = URL

    def complete(self, messages: Sequence[Message], schema: type[S]) -> Completion[S]:
        """Raises AgentError."""
        return self._refuse()

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
        """Raises AgentError."""
        return self._refuse()

    def _refuse(self) -> Never:
        raise AgentError("offline: has no model; set agents.<role> to student: or openai:MODEL@BASE_URL to ask one")


def is_offline(chat: Chat) -> bool:
    """Whether there is no model behind `chat`, so that a role must decide by its rules."""
    return chat.url == URL
