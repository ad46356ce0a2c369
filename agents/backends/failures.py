"""Failures: what a server says went wrong, and what follows: wait, send another request, or stop."""

import email.utils
import json
import math
import re
import time
from dataclasses import dataclass
from typing import Any

from ...tiers.errors import ServerError, SpendingError
from ..chat import writable
from .wire import Received

SPENT_CODES = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
PASSING = {408, 409, 425, 429}
"""Statuses below 500 that may be gone a moment later."""
OVERLOADED = {429, 529}
"""Statuses that ask for fewer calls; a 503 does when it says for how long."""
FIELDS = ("response_format", "max_tokens", "max_completion_tokens", "temperature", "top_logprobs", "logprobs")
"""Fields of a request that some servers refuse."""
SHOWN_CHARS = 300
_REFUSED = re.compile(
    r"unsupported|not support|unrecogni|unknown|unexpected|not permitted|not allowed|extra inputs|extra_forbidden"
    r"|deprecated|disabled|not available|unavailable|not implemented|instead|invalid",
    re.IGNORECASE,
)
_KINDS = {
    401: r"api_?key|authentica|unauthori",
    403: r"permission|forbidden",
    429: r"rate_?limit|too_?many|throttl|overload|exhausted",
    400: r"invalid_?request|not_?found|unsupported|bad_?request|invalid_?(?:argument|parameter)",
}
"""Statuses by the names that stand for them inside of a 200."""
_ALIASES = {"json_schema": "response_format", "json_object": "response_format", "guided": "response_format"}


@dataclass(frozen=True)
class Problem:
    """What a server said went wrong."""

    status: int
    """Of the response, or the code inside a 200; 0 when a 200 names none."""
    message: str
    codes: frozenset[str] = frozenset()
    """Its code and type, in words."""
    param: str = ""
    """The field of the request that it names."""

    @property
    def field(self) -> str:
        """Which of FIELDS it is about, by its parameter or else by its words; empty when by none."""
        named = re.findall(r"[a-z_]+", self.param)
        words = re.findall(r"[a-z_]+", self.message.casefold().replace("response format", "response_format"))
        for names in (named, words):
            for field in FIELDS:
                if field in names or any(_ALIASES.get(n) == field for n in names):
                    return field
        return ""

    @property
    def refuses_field(self) -> bool:
        """Whether it says of a field, in words, that it does not take it."""
        return bool(self.field) and bool(_REFUSED.search(f"{self.message} {' '.join(self.codes)}"))


class Rejected(ServerError):
    """The server understood the protocol and not the request, or has nothing at this path."""

    def __init__(self, message: str, problem: Problem) -> None:
        super().__init__(message)
        self.problem = problem

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.problem.status


class Passing(Exception):
    """A failure that may pass; `wait_seconds` when the server said how long it takes."""

    def __init__(
        self,
        message: str,
        wait_seconds: float | None = None,
        unreachable: bool = False,
        overloaded: bool = False,
        problem: Problem | None = None,
    ) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        self.unreachable = unreachable
        self.overloaded = overloaded
        self.problem = problem


def json_object(content: bytes) -> dict[str, Any] | None:
    """The JSON object in a body, if that is what it is."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):  # ValueError: no JSON, no UTF-8, or a number of over 4300 digits
        return None
    return value if isinstance(value, dict) else None


def problem_of(received: Received, answer: dict[str, Any] | None) -> Problem | None:
    """What the response says went wrong; None when it reports nothing."""
    told = _reported(answer or {}, received.ok)
    if told is None:
        return None if received.ok else Problem(received.status, _elsewhere(received) or shown(received.body))
    status = _status(told) if received.ok else received.status
    codes = frozenset(str(told[k])[:80] for k in ("code", "type") if isinstance(told.get(k), str | int))
    param = told.get("param")
    message = _elsewhere(received) or _message(told) or shown(received.body)
    return Problem(status, message, codes, param if isinstance(param, str) else "")


def _elsewhere(received: Received) -> str:
    """Where a redirection points: a question is not sent, with its key, where nobody has asked it to be."""
    place = received.headers.get("location", "") if 300 <= received.status < 400 else ""
    return f"it points to {_quoted(place)}; give that as the base URL, without the path" if place else ""


def raise_for(problem: Problem, received: Received, base: str, key_hint: str) -> None:
    """Raise what a problem means.

    Raises:
        SpendingError: the server refuses for credentials or money.
        Passing: it may be gone a moment later.
        Rejected: it will not.
    """
    status = problem.status
    said = f"{base} answered {status or 'an error'}: {problem.message}"
    if status in (401, 402, 403) or problem.codes & SPENT_CODES:
        raise SpendingError(f"{said}; {key_hint}: check key and credit, then resume")
    passes = status in PASSING or (status >= 500 and status != 501) or status == 0
    if passes and not (status >= 500 and problem.refuses_field):
        wait = retry_after(received.headers.get("retry-after"))
        overloaded = status in OVERLOADED or (status == 503 and wait is not None)
        raise Passing(said, wait, overloaded=overloaded, problem=problem)
    raise Rejected(said, problem)


def _reported(answer: dict[str, Any], ok: bool) -> dict[str, Any] | None:
    """The object that reports a failure: at the top, in the first choice, or the answer as a whole."""
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = choice.get("message")
    within = message.get("error") if isinstance(message, dict) else None
    for told in (answer.get("error"), choice.get("error"), within):
        if told and (not isinstance(told, dict) or any(told.values())):
            return told if isinstance(told, dict) else {"message": told}
    alone = not choice and any(answer.get(k) for k in ("message", "msg", "detail", "errors", "error_message"))
    if answer.get("object") == "error" or answer.get("success") is False or alone or (answer and not ok):
        return answer
    return None


def _message(told: dict[str, Any]) -> str:
    """The sentence in a report; what a gateway adds of its upstream is the part that helps."""
    metadata = told.get("metadata")
    upstream = metadata.get("raw") if isinstance(metadata, dict) else None
    words = [told.get(k) for k in ("message", "detail", "msg", "error_message", "error", "errors", "title")]
    words.append(upstream)
    said = [_sentence(w) for w in words if w]
    return ": ".join(s for s in said if s)


def _sentence(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    try:
        return _quoted(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        return "something nested too deeply"


def _status(told: dict[str, Any]) -> int:
    """The code inside a 200, where some gateways report the upstream's failure."""
    for name in ("code", "status", "status_code"):
        code = told.get(name)
        if isinstance(code, str) and re.fullmatch(r"[1-5]\d\d", code.strip()):
            return int(code)
        if isinstance(code, (int, float)) and 100 <= code < 600:
            return int(code)
    kinds = " ".join(k for k in (told.get("code"), told.get("type"), told.get("status")) if isinstance(k, str))
    return next((status for status, pattern in _KINDS.items() if re.search(pattern, kinds, re.IGNORECASE)), 0)


def retry_after(header: str | None) -> float | None:
    """Seconds, from a number of seconds or an HTTP date; None when it is neither. A time that is over is 0."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError, TypeError, IndexError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def shown(content: bytes) -> str:
    """The beginning of a body, on one line."""
    text = " ".join(content[:2000].decode("utf-8", "replace").split())
    return _quoted(text) if text else "an empty body"


def _quoted(text: str) -> str:
    return repr(writable(" ".join(text[:2000].split()))[:SHOWN_CHARS])
