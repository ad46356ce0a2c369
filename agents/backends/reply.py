"""Reply: what a model answered, each field read once and typed, from the JSON of a server, an engine or the journal."""

import json
import math
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from ...tiers.errors import LedgerError
from ..chat import writable

Ended = Literal["whole", "cut", "filtered"]

MAX_TOKENS_REPORTED = 1 << 40
MAX_ALTERNATIVES = 4096
TEXT_PARTS = ("text", "output_text")
_THOUGHT = re.compile(r"reason|think|thought|analysis|scratchpad", re.IGNORECASE)
"""Fields of a message that hold thinking: `reasoning_content`, `reasoning`, `thinking_blocks`, `thoughts` ..."""
_FILTERED = re.compile(r"filter|safety|sensitive|recitation|blocklist|prohibited|spii|moderation", re.IGNORECASE)
_CUT = re.compile(r"length|max_tokens|max_output|context_window|token_limit|incomplete|repetition", re.IGNORECASE)
_WHOLE = re.compile(
    r"(?:finish_reason_)?(?:stop(?:_?\w*)|eos\w*|end\w*|completed?|done|finish(?:ed)?|tool\w*|function\w*|normal|success)?",
    re.IGNORECASE,
)
"""Reasons for which models end by themselves. Any other one is the server's."""
_FAILED = re.compile(r"error|abort|fail|cancel|interrupt|time", re.IGNORECASE)


class Malformed(Exception):
    """JSON that is no answer: a field is missing or of a wrong type; asking again may bring a whole one."""


class ProviderFailed(Malformed):
    """The server says itself that this is not the answer; what was written before is a fragment."""


@dataclass(frozen=True)
class Alternative:
    """A token that might have stood first in the answer."""

    token: str
    logprob: float
    raw: bytes = b""
    """The token's bytes, where the server reports them."""


@dataclass(frozen=True)
class Reply:
    """One answer."""

    text: str = ""
    """May hold half of a surrogate pair, as any JSON string."""
    refusal: str = ""
    ended: Ended = "whole"
    thought: bool = False
    """Whether it brought thinking in a field of its own."""
    instead: str = ""
    """What came in place of text, in words."""
    alternatives: tuple[Alternative, ...] | None = None
    """Of a server, to the first token; None without any."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    name: str = ""
    """The server's own name for this answer."""
    options: tuple[float, ...] | None = None
    """Of an engine in this process: the exact log-probability of each option."""
    truncated: int = 0
    """Tokens of the prompt that the engine left out."""

    def as_json(self) -> str:
        """The fields that are read, in the form of a server's answer; `read_server` gives the same reply for it."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        message |= {"refusal": self.refusal} if self.refusal else {}
        message |= {"reasoning_content": "..."} if self.thought else {}
        message |= {"tool_calls": [{"type": self.instead}]} if self.instead else {}
        ends = {"whole": "stop", "cut": "length", "filtered": "content_filter"}
        choice: dict[str, Any] = {"message": message, "finish_reason": ends[self.ended]}
        if self.alternatives is not None:
            top = [{"token": a.token, "logprob": a.logprob, "bytes": list(a.raw)} for a in self.alternatives]
            choice["logprobs"] = {"content": [{"top_logprobs": top}]}
        usage = {"prompt_tokens": self.tokens_in, "completion_tokens": self.tokens_out}
        return json.dumps({"id": self.name, "choices": [choice], "usage": usage})


def read_server(answer: dict[str, Any]) -> Reply:
    """The reply in a server's JSON; fields of other names, `options` among them, say nothing.

    Raises:
        Malformed: a field that is needed is missing or of a wrong type.
        ProviderFailed: the answer says that it broke off.
    """
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Malformed("it held no choices")
    choice = _mapping(next((c for c in choices if _first(c)), choices[0]), "choices[0]")
    ended = _ended(choice.get("finish_reason"))
    message = _mapping(choice.get("message"), "message")
    reply = _message(message)
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return replace(
        reply,
        ended=ended,
        alternatives=_alternatives(choice.get("logprobs")),
        tokens_in=_tokens(usage.get("prompt_tokens")),
        tokens_out=_tokens(usage.get("completion_tokens")),
        name=_name(answer.get("id")),
    )


def _first(choice: Any) -> bool:
    """Whether a choice says that it is the first one, wherever it stands."""
    return isinstance(choice, dict) and type(choice.get("index")) is int and choice["index"] == 0


def read_engine(answer: dict[str, Any]) -> Reply:
    """The reply in the JSON of an engine of this process, which may tell the options apart exactly.

    Raises:
        Malformed: as `read_server`.
    """
    usage = _mapping(answer.get("usage", {}), "usage")
    if "options" not in answer:
        return read_server(answer)
    exact, truncated = answer["options"], answer.get("truncated", 0)
    if not isinstance(exact, list) or not all(type(x) in (int, float) for x in exact):
        raise Malformed(f"options: wanted log-probabilities, got {_kind(exact)}")
    if type(truncated) is not int or truncated < 0:
        raise Malformed(f"truncated: wanted a number of tokens, got {_kind(truncated)}")
    return Reply(
        options=tuple(map(_number, exact)),
        truncated=truncated,
        tokens_in=_tokens(usage.get("prompt_tokens")),
        tokens_out=_tokens(usage.get("completion_tokens")),
    )


def read_recorded(text: str, where: Any, *, engine: bool) -> Reply:
    """The reply in a text of the journal.

    Raises:
        LedgerError: the text is not what was recorded.
    """
    try:
        answer = json.loads(text)
        return (read_engine if engine else read_server)(_mapping(answer, "the answer"))
    except (ValueError, RecursionError, Malformed) as error:
        raise LedgerError(
            f"{where} holds a recorded answer that cannot be read ({error}); restore the file from a copy"
        ) from error


def _message(message: dict[str, Any]) -> Reply:
    refusal = message.get("refusal")
    if refusal and not isinstance(refusal, str):
        raise Malformed(f"refusal: wanted text, got {_kind(refusal)}")
    thought = any(value and _THOUGHT.search(key) for key, value in message.items())
    content = message.get("content")
    instead = _called(message) if not content else ""
    if isinstance(content, list):
        reply = _parts(content)
        return replace(reply, refusal=writable(refusal or reply.refusal), thought=thought or reply.thought)
    if content is not None and not isinstance(content, str):
        raise Malformed(f"content: wanted text, got {_kind(content)}")
    return Reply(text=content or "", refusal=writable(refusal or ""), thought=thought, instead=instead)


def _parts(parts: list[Any]) -> Reply:
    """The text parts together; what is thought, drawn or called stands in parts of other types."""
    texts, refusals, others, thought = [], [], [], False
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        part = _mapping(part, "a part of the content")
        kind = part.get("type", "text")
        if part.get("thought"):  # as Gemini marks parts of any type
            thought = True
        elif kind in TEXT_PARTS:
            texts.append(_text(part.get("text"), "a text part"))
        elif kind == "refusal":
            refusals.append(_text(part.get("refusal"), "a refusal part"))
        else:
            thought = thought or (isinstance(kind, str) and ("think" in kind or "reason" in kind))
            others.append(_name(kind) or _kind(kind))
    instead = f"only parts of type {', '.join(sorted(set(others)))}" if others and not texts and not thought else ""
    return Reply(text="".join(texts), refusal=writable("".join(refusals)), thought=thought, instead=instead)


def _called(message: dict[str, Any]) -> str:
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        told = calls[0].get("type") if isinstance(calls[0], dict) else None
        return told if isinstance(told, str) and told.startswith("only ") else "a call of a tool"
    return "a call of a tool" if message.get("function_call") else ""


def _ended(reason: Any) -> Ended:
    if reason is None:
        return "whole"
    if not isinstance(reason, str):
        raise Malformed(f"finish_reason: wanted text, got {_kind(reason)}")
    if _CUT.search(reason):
        return "cut"
    if _FILTERED.search(reason):
        return "filtered"
    if _FAILED.search(reason) or not _WHOLE.fullmatch(reason.strip()):
        raise ProviderFailed(f"it broke off with finish_reason {writable(reason)[:40]!r}")
    return "whole"


def _alternatives(logprobs: Any) -> tuple[Alternative, ...] | None:
    """Those of the first token, the chosen one among them; None where there are none."""
    places = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(places, list) or not places or not isinstance(places[0], dict):
        return None
    first = places[0]
    top = first.get("top_logprobs")
    if isinstance(top, dict):  # by token, as in older protocols
        top = [{"token": token, "logprob": logprob} for token, logprob in top.items()]
    entries = top[:MAX_ALTERNATIVES] if isinstance(top, list) else []
    told = [_alternative(e) for e in entries]
    if "logprob" in first:
        chosen = _alternative(first)
        told += [] if any(a.token == chosen.token for a in told) else [chosen]
    return tuple(told) or None


def _alternative(entry: Any) -> Alternative:
    entry = _mapping(entry, "a log-probability")
    logprob = entry.get("logprob")
    if type(logprob) not in (int, float):
        raise Malformed(f"logprob: wanted a number, got {_kind(logprob)}")
    raw = entry.get("bytes")
    sound = isinstance(raw, list) and all(type(b) is int and 0 <= b < 256 for b in raw)
    return Alternative(_text(entry.get("token"), "token"), _number(logprob), bytes(raw) if sound and raw else b"")


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf if value > 0 else -math.inf


def _tokens(reported: Any) -> int | None:
    return reported if type(reported) is int and 0 <= reported < MAX_TOKENS_REPORTED else None


def _name(value: Any) -> str:
    return writable(value)[:200] if isinstance(value, str) else ""


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{where}: wanted text, got {_kind(value)}")
    return value


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{where}: wanted an object, got {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
