"""What stands behind a model URL: rules, the student in this process, or a server."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...tiers.errors import InputError
from ..budget import Price
from ..chat import Chat
from ..journal import Journal
from .offline import OfflineChat, is_offline
from .url import parse_url

__all__ = ["check", "is_offline", "open_chat", "parse_url"]


def open_chat(
    url: str,
    *,
    student_path: Path | None = None,
    journal: Journal | None = None,
    timeout_seconds: float = 120.0,
    retries: int = 4,
    max_wait_seconds: float = 60.0,
    concurrency: int = 8,
    max_answer_tokens: int = 1024,
    request: Mapping[str, Any] | None = None,
    price: Price | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Chat:
    """The model at `url`; torch is imported for `student:` only.

    Args:
        url: `offline:`, `student:`, `student:PATH` or `openai:MODEL@BASE_URL`.
        student_path: folder of the model that `student:` means.
        journal: where a server's answers are recorded before they are used.
        timeout_seconds: to the first byte of a server's answer, and from there to the last.
        retries: further attempts after a failure that may pass.
        max_wait_seconds: longest wait that a server may ask for.
        concurrency: connections to the server.
        max_answer_tokens: longest answer.
        request: further fields of every request; None takes one of ours away.
        price: of the model; free without it.
        sleep: waits between attempts (tests replace it).

    Raises:
        InputError: an unknown or malformed URL, or no model folder where `student:` needs one.
    """
    parts = parse_url(url)
    if parts.scheme == "offline":
        return OfflineChat()
    if parts.scheme == "student":
        from .student import StudentChat

        path = Path(parts.path) if parts.path else student_path
        if path is None:
            raise InputError("student: needs a model folder; write student:PATH, or let a round provide its student")
        return StudentChat(path, url=f"student:{path.name}" if parts.path else "student:")
    from .openai import OpenAIChat
    from .transport import Patience

    return OpenAIChat(
        parts,
        patience=Patience(timeout_seconds, retries, max_wait_seconds),
        journal=journal,
        concurrency=concurrency,
        max_answer_tokens=max_answer_tokens,
        request=request or {},
        price=price,
        sleep=sleep,
    )


def check(chat: Chat) -> None:
    """Whether there is a model behind `chat` at all, asked once; rules and the student always are.

    Raises:
        SpendingError: the server refuses the key.
        AgentError: the server cannot be reached, or does not speak the OpenAI protocol.
    """
    ask = getattr(chat, "check", None)
    if ask is not None:
        ask()
