"""Transport: one JSON request to a model server, repeated where that can help, and each way to fail in one sentence."""

import difflib
import email.utils
import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from ...tiers.errors import AgentError, SpendingError
from .limiter import limiter

CONNECT_SECONDS = 10.0
FIRST_WAIT_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 30.0
MAX_ANSWER_BYTES = 4 << 20
SPENT_CODES = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
PASSING = {408, 409, 425, 429}
"""Statuses below 500 that may be gone a moment later."""
OVERLOADED = {429, 529}
"""Statuses that ask for fewer calls; a 503 does when it says for how long."""
NOTHING_HERE = {404, 405, 501}
"""Statuses that say that a path is not served."""
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Patience:
    """How long and how often a server is asked."""

    timeout_seconds: float = 120.0
    """To the first byte of an answer, and from there to the last."""
    retries: int = 4
    max_wait_seconds: float = 60.0
    """Longest wait that the server may ask for by Retry-After."""


class Rejected(AgentError):
    """The server understood the protocol and not the request, or has nothing at this path."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Passing(Exception):
    """A failure that may pass; `wait_seconds` when the server said how long it takes."""

    def __init__(
        self, message: str, wait_seconds: float | None = None, unreachable: bool = False, overloaded: bool = False
    ) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        self.unreachable = unreachable
        self.overloaded = overloaded


class Transport:
    """Posts JSON to one server over a pool of connections; threads may share it.

    A server that says 429 gets fewer requests at a time, and more again as it answers (see `Limiter`). Once it has
    proved unreachable through all retries, later requests try it once only, until one gets through: a thousand
    documents do not each wait out a dead server. Once it has refused for credentials or money, nothing more is sent.
    """

    def __init__(
        self,
        base: str,
        key: str | None,
        patience: Patience,
        connections: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base = base
        self._key = key
        self._patience = patience
        self._sleep = sleep
        self._down = False
        self._refusal = ""
        self._limiter = limiter(base, connections)
        # identity: a compressed answer could unfold past the cap before it is measured
        headers = {"accept-encoding": "identity"} | ({"authorization": f"Bearer {key}"} if key else {})
        self._client = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(
                patience.timeout_seconds, connect=min(CONNECT_SECONDS, patience.timeout_seconds), pool=None
            ),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=httpx.URL(base).host not in LOOPBACK,  # no proxy is asked for this machine
        )

    def post(self, path: str, body: dict[str, Any], seed: str) -> dict[str, Any]:
        """The server's JSON object; `seed` (hex digits) makes the waiting times reproducible.

        Raises:
            SpendingError: refused for credentials or money.
            AgentError: no usable answer, also after the retries.
        """
        try:
            return self._patiently(lambda: self._once("POST", path, body), random.Random(int(seed, 16)))
        except SpendingError as refusal:
            self._refusal = str(refusal)
            raise

    def check(self, model: str) -> None:
        """Ask for the list of models, once: is there a server that speaks the protocol, and does it know `model`?

        Raises:
            SpendingError: it refuses the key.
            AgentError: it cannot be reached, is something else, or has no such model.
        """
        try:
            answer = self._once("GET", "/models", None)
        except _Passing as failure:
            if failure.unreachable:
                raise AgentError(self._clean(str(failure))) from failure
        except Rejected as failure:
            if failure.status not in NOTHING_HERE:
                raise
            self._check_without_list()  # a server may do without a list
        else:
            listed = answer.get("data")
            if not isinstance(listed, list):
                raise AgentError(self._clean(self._stranger(json.dumps(answer).encode())))
            names = [str(m.get("id")) for m in listed if isinstance(m, dict)]
            if names and model not in names:
                self._check_unlisted(model, names)

    def _check_unlisted(self, model: str, names: list[str]) -> None:
        """A server may know more names than it lists (aliases)."""
        failure = self._unserved({"model": model, "messages": []})
        if failure is not None:
            near = difflib.get_close_matches(model, names, n=1, cutoff=0.3)
            hint = f"did you mean {near[0]!r}? " if near else ""
            known = _shown(", ".join(names).encode())
            raise AgentError(f"{self.base} has no model {model!r}: {hint}It lists {known}") from failure

    def _check_without_list(self) -> None:
        """A server that has the path, but no list of models, complains about the fields."""
        failure = self._unserved({})
        if failure is not None:
            raise AgentError(
                f"{self.base} has neither /models nor /chat/completions (it answered {failure.status}): "
                "wanted the base URL of an OpenAI-compatible server, such as http://localhost:8000/v1"
            ) from failure

    def _unserved(self, nothing: dict[str, Any]) -> "Rejected | None":
        """Why this is not served, asked by a question without words, which costs nothing; None if it is."""
        try:
            self._once("POST", "/chat/completions", nothing)
        except _Passing:
            return None
        except Rejected as failure:
            return failure if failure.status in NOTHING_HERE else None
        return None

    def _stranger(self, content: bytes) -> str:
        return f"{self.base} does not speak the OpenAI protocol (got {_shown(content)}); check the base URL"

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _patiently(self, ask: Callable[[], dict[str, Any]], jitter: random.Random) -> dict[str, Any]:
        attempts = 1 if self._down else self._patience.retries + 1
        for attempt in range(attempts):
            entered = 0
            try:
                with self._limiter.turn(self._sleep) as entered:
                    if self._refusal:
                        raise SpendingError(self._refusal)
                    answer = ask()
            except _Passing as failure:
                last = attempt + 1 == attempts
                self._down = failure.unreachable and last
                wait = self._wait(failure, attempt, jitter)
                if failure.overloaded:
                    self._limiter.overloaded(entered, wait)  # all calls wait, this one among them
                if last:
                    tried = f"tried {attempts} times" if attempts > 1 else "tried once"
                    raise AgentError(self._clean(f"{failure} ({tried})")) from failure
                if not failure.overloaded:
                    self._sleep(wait)
            else:
                self._down = False
                self._limiter.answered()
                return answer
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, failure: _Passing, attempt: int, jitter: random.Random) -> float:
        asked = failure.wait_seconds
        if asked is None:
            return min(MAX_BACKOFF_SECONDS, FIRST_WAIT_SECONDS * 2.0**attempt) * jitter.uniform(0.5, 1.0)
        if asked > self._patience.max_wait_seconds:
            limit = f"agents.max_wait_seconds={self._patience.max_wait_seconds:g}"
            raise AgentError(self._clean(f"{failure}; it asks to wait {asked:g} s, more than {limit}")) from failure
        return asked * jitter.uniform(1.0, 1.1)

    def _once(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            with self._client.stream(method, f"{self.base}{path}", json=body) as response:
                content = self._read(response)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            hint = "start the server or set agents.<role>=offline:"
            raise _Passing(f"cannot reach {self.base} ({_said(error)}); {hint}", unreachable=True) from error
        except httpx.TimeoutException as error:
            raise _Passing(self._too_slow()) from error
        except httpx.TransportError as error:
            raise _Passing(f"{self.base} dropped the connection ({_said(error)})") from error
        return self._judge(response, content)

    def _read(self, response: httpx.Response) -> bytes:
        deadline = time.monotonic() + self._patience.timeout_seconds
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > MAX_ANSWER_BYTES:
                raise AgentError(
                    f"{self.base} answered more than {MAX_ANSWER_BYTES >> 20} MiB; no completion is that long"
                )
            if time.monotonic() > deadline:  # a read timeout alone lets a server drip for ever
                raise _Passing(self._too_slow())
        return bytes(content)

    def _too_slow(self) -> str:
        return f"{self.base} did not answer within agents.timeout_seconds={self._patience.timeout_seconds:g}"

    def _judge(self, response: httpx.Response, content: bytes) -> dict[str, Any]:
        answer = _object(content)
        error = answer.get("error") if answer else None
        if response.status_code == 200 and answer is not None and not error:
            return answer
        code = error.get("code") if isinstance(error, dict) else None
        # some gateways report the upstream's failure inside a 200
        status = code if response.status_code == 200 and isinstance(code, int) else response.status_code
        codes = {str(code), str(error.get("type"))} if isinstance(error, dict) else set()
        self._refuse(status, codes, response, content)
        if status == 200 and not error and not _is_page(content):
            raise _Passing(f"{self.base} answered 200 with broken JSON: {_shown(content)}")
        if status == 200 and not error:
            raise AgentError(self._clean(self._stranger(content)))
        raise Rejected(self._clean(f"{self.base} answered {status}: {_shown(content)}"), status)

    def _refuse(self, status: int, codes: set[str], response: httpx.Response, content: bytes) -> None:
        said = f"{self.base} answered {status}: {_shown(content)}"
        if status in (401, 402, 403) or codes & SPENT_CODES:
            with_key = "the key in OPENAI_API_KEY was sent" if self._key else "no OPENAI_API_KEY is set"
            raise SpendingError(self._clean(f"{said}; {with_key}: check key and credit, then resume"))
        if status in PASSING or (status >= 500 and status != 501):
            wait = _retry_after(response.headers.get("retry-after"))
            raise _Passing(said, wait, overloaded=status in OVERLOADED or (status == 503 and wait is not None))

    def _clean(self, message: str) -> str:
        return message.replace(self._key, "[key]") if self._key else message


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):  # ValueError: no JSON, no UTF-8, or a number of over 4300 digits
        return None
    return value if isinstance(value, dict) else None


def _is_page(content: bytes) -> bool:
    """Something whole that is no JSON object, so that asking again cannot help."""
    start = content.lstrip()[:1]
    return bool(start) and start != b"{"


def _shown(content: bytes) -> str:
    text = " ".join(content[:2000].decode("utf-8", "replace").split())
    return repr(text[:300]) if text else "an empty body"


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _retry_after(header: str | None) -> float | None:
    """Seconds, from a number of seconds or an HTTP date; None when there is neither."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
