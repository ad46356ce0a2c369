"""What stands behind a model URL: rules, a model in this process, a server, or what a model said before."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...tiers.errors import InputError
from ..budget import Price
from ..chat import Chat
from ..journal import Journal
from .engine import EngineConfig, release
from .offline import OfflineChat, is_offline
from .url import HOLDS_MEMORY, ModelUrl, parse_url

__all__ = ["EngineConfig", "check", "is_offline", "open_chat", "parse_url", "release"]


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
    engine: EngineConfig | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Chat:
    """The model at `url`; torch is imported for models in this process only, and `vllm:` and `hf:` load when asked.

    Args:
        url: one of `url.SCHEMES`.
        student_path: folder of the model that `student:`, `hf:` and `vllm:` mean when nothing follows.
        journal: where answers are recorded before they are used; those of the student and of a replay are not.
        timeout_seconds: of one attempt, from the connection to the last byte of a server's answer.
        retries: further attempts after a failure that may pass.
        max_wait_seconds: longest wait that a server may ask for.
        concurrency: connections to the server.
        max_answer_tokens: longest answer.
        request: further fields of every request to a server; None takes one of ours away.
        price: of the model; free without it.
        engine: how `vllm:` lies in memory.
        sleep: waits between attempts (tests replace it).

    Raises:
        InputError: an unknown or malformed URL, or no model, adapter or journal where one is named.
    """
    parts = parse_url(url)
    if parts.scheme == "offline":
        return OfflineChat()
    if parts.scheme == "student":
        from .student import StudentChat

        path = _folder(parts, student_path)
        return StudentChat(path, url=f"student:{path.name}" if parts.path else "student:")
    if parts.scheme == "replay":
        from .replay import ReplayChat

        scope = journal.scope if journal else ""
        return ReplayChat(parts, max_answer_tokens=max_answer_tokens, scope=scope)
    if parts.scheme in HOLDS_MEMORY:
        local = parts if parts.path else ModelUrl(parts.scheme, path=str(_folder(parts, student_path)))
        return _local(url, local, engine or EngineConfig(), journal, max_answer_tokens, price)
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
    """Whether there is a model behind `chat` at all, asked once; what was opened from this machine's disk is there.

    Raises:
        SpendingError: the server refuses the key.
        AgentError: the server cannot be reached, or does not speak the OpenAI protocol.
    """
    ask = getattr(chat, "check", None)
    if ask is not None:
        ask()


def _folder(parts: ModelUrl, student_path: Path | None) -> Path:
    if not parts.path and student_path is None:
        raise InputError(
            f"{parts.scheme}: needs a model folder; write {parts.scheme}:PATH, or let a round provide its student"
        )
    return Path(parts.path) if parts.path else Path(student_path or "")


def _local(
    url: str, at: ModelUrl, config: EngineConfig, journal: Journal | None, answer_tokens: int, price: Price | None
) -> Chat:
    from .engine import Engine, desk
    from .local import LocalChat, check_folders, check_vllm

    check_folders(url, at)

    def hf() -> Engine:
        from .hf_engine import HFEngine

        return HFEngine(at.path, at.adapter)

    def vllm() -> Engine:
        from .vllm_engine import VllmEngine

        return VllmEngine(at.path, config)

    if at.scheme == "vllm":
        check_vllm()
        counter = desk(f"vllm:{at.path}", vllm)  # one engine for all its adapters
    else:
        counter = desk(f"hf:{at.path}+{at.adapter}", hf)
    return LocalChat(url, at, counter, journal=journal, max_answer_tokens=answer_tokens, price=price)
