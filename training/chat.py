"""Chat: conversations as tokens by the model's own chat template, and which of those are words to be learned."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..tiers.errors import TrainingError
from ..tiers.plain import from_json
from ..tiers.text_tokens import TemplateRefused, text_tokens

Message = dict[str, str]
ROLES = frozenset({"system", "developer", "user", "assistant", "model", "tool", "function", "environment", "ipython"})
"""Who may speak: templates build marks from a role's name, so that another name could forge one."""


class Refused(TrainingError):
    """One conversation that cannot be laid out; its message is a reason to be counted."""


def conversation(text: str) -> list[Message] | None:
    """The messages that a document holds as JSON: a list of {role, content}, or {"messages": such a list}.

    Raises:
        Refused: a turn has no words: a call of a tool alone, or a picture.
    """
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        found = from_json(text)
    except ValueError:
        return None
    found = found.get("messages") if isinstance(found, dict) else found
    if not isinstance(found, list) or not found or not all(_is_message(m) for m in found):
        return None
    return [{"role": m["role"], "content": _words(m.get("content"))} for m in found]


def _words(content: Any) -> str:
    """A turn's text, also where it stands in parts."""
    parts = content if isinstance(content, list) else [content]
    words = [part.get("text") if isinstance(part, dict) else part for part in parts]
    texts = [text for text in words if isinstance(text, str)]
    if not texts or len(texts) < len(words):
        raise Refused("has a turn whose content is no text")
    return "".join(texts)


def check_template(tokenizer: Any, path: Path) -> None:
    """Whether conversations can be laid out.

    Raises:
        TrainingError: the tokenizer has no chat template.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise TrainingError(
            f"training.format=chat wants a chat template, the tokenizer in {path} has none: put the instruct model's "
            "chat_template.jinja beside it, or set training.format=text"
        )


def encode(
    messages: Sequence[Message], tokenizer: Any, roles: Sequence[str]
) -> tuple[list[int], npt.NDArray[np.bool_]]:
    """Token ids [n] of a conversation, and [n] which of them are words (with their end of turn) of one of `roles`.

    A turn is what the template adds for it, without the opening that stands before generation, with its end.

    Raises:
        Refused: the template renders earlier turns differently once more follow, or refuses the conversation.
    """
    if unknown := {m["role"] for m in messages} - ROLES - {*roles}:
        raise Refused(f"has turns of an unknown role ({_short(min(unknown))})")
    whole = _rendered(tokenizer, messages)
    spans = [_span(tokenizer, messages, i, whole) for i, m in enumerate(messages) if m["role"] in roles]
    ids, at = text_tokens(tokenizer).with_offsets(whole)
    learn = np.zeros(len(at), dtype=bool)
    for start, end in spans:
        learn |= (at[:, 0] >= start) & (at[:, 1] <= end) & (at[:, 1] > at[:, 0])
    return ids, learn


def _span(tokenizer: Any, messages: Sequence[Message], i: int, whole: str) -> tuple[int, int]:
    """Where the words of message `i` stand in the whole text."""
    upto = _rendered(tokenizer, messages[: i + 1])
    before = _rendered(tokenizer, messages[:i], prompt=True) if i else ""
    if not upto.startswith(before):  # a turn of somebody else than the one who would be asked next
        before = _rendered(tokenizer, messages[:i])
    if not whole.startswith(upto) or not upto.startswith(before):
        raise Refused(
            "is rendered differently once more turns follow, as templates of reasoning models do, so that its turns "
            "cannot be told apart"
        )
    return len(before), len(upto)


def _rendered(tokenizer: Any, messages: Sequence[Message], prompt: bool = False) -> str:
    try:
        return text_tokens(tokenizer).render(messages, add_generation_prompt=prompt)
    except TemplateRefused as e:
        raise Refused(
            f"is refused by the chat template ({_short(str(e.__cause__) or type(e.__cause__).__name__)})"
        ) from e


def _short(words: str) -> str:
    return " ".join(words.split())[:80]


def _is_message(found: object) -> bool:
    """Whether a value is a turn; one that calls a tool may have no content."""
    return (
        isinstance(found, dict)
        and isinstance(found.get("role"), str)
        and not {"content", "tool_calls"}.isdisjoint(found)
    )
