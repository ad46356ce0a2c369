"""Transport: one JSON request to a model server, repeated where that can help, and each way to fail in one sentence."""

import difflib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ...tiers.errors import ServerError, SpendingError
from ..chat import writable
from .decoding import TooLong, Undecodable
from .failures import Passing, Rejected, json_object, problem_of, raise_for, shown
from .limiter import limiter
from .reply import Malformed
from .wire import MAX_BODY_BYTES, Dropped, Received, TooSlow, Unreachable, Wire

FIRST_WAIT_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 30.0
NOTHING_HERE = {404, 405, 501}
"""Statuses that say that a path is not served."""
T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long and how often a server is asked."""

    timeout_seconds: float = 120.0
    """For one attempt, from the connection to the last byte of the answer."""
    retries: int = 4
    max_wait_seconds: float = 60.0
    """Longest wait that the server may ask for by Retry-After."""


class _Oversized(ServerError):
    """The answer is longer than any that is read."""


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
        self._spoken = False
        """Whether it has answered in the protocol: from then on a page comes from a gateway before it, and may pass."""
        self._limiter = limiter(base, connections)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._wire = Wire(base, headers, patience.timeout_seconds, connections)

    def post(
        self,
        path: str,
        body: dict[str, Any],
        seed: str,
        read: Callable[[dict[str, Any]], T],
        patient: bool = True,
    ) -> T:
        """What `read` makes of the server's JSON object.

        Args:
            path: below the base URL.
            body: the request.
            seed: hex digits that make the waiting times reproducible.
            read: raises Malformed for JSON that is no answer, which is then asked for again.
            patient: whether failures that may pass are tried again.

        Raises:
            SpendingError: refused for credentials or money.
            Rejected: the request was refused, or each attempt ended with a status of 500 and above.
            ServerError: no usable answer, also after the retries.
        """
        try:
            answer = self._patiently(
                lambda: self._once("POST", path, body, read), random.Random(int(seed, 16)), patient
            )
            self._spoken = True
            return answer
        except SpendingError as refusal:
            self._refusal = str(refusal)
            raise

    def check(self, model: str) -> None:
        """Ask for the list of models, once: is there a server that speaks the protocol, and does it know `model`?

        Raises:
            SpendingError: it refuses the key.
            ServerError: it cannot be reached, is something else, or has no such model.
        """
        try:
            names = self._once("GET", "/models", None, _model_names)
        except _Oversized:
            self._check_unlisted(model, [])
        except Passing as failure:
            if failure.unreachable:
                raise ServerError(str(failure)) from failure
        except Rejected as failure:
            if failure.status not in NOTHING_HERE:
                raise
            self._check_without_list()  # a server may do without a list
        else:
            if names is None:
                raise ServerError(self._stranger(b"JSON without a list of models"))
            if names and model not in names:
                self._check_unlisted(model, names)

    def _check_unlisted(self, model: str, names: list[str]) -> None:
        """A server may know more names than it lists (aliases)."""
        failure = self._unserved({"model": model, "messages": []})
        if failure is not None:
            near = difflib.get_close_matches(model, names, n=1, cutoff=0.3)
            hint = f"did you mean {near[0]!r}? " if near else ""
            known = f"It lists {shown(', '.join(names).encode())}" if names else "Its list is too long to be read"
            raise ServerError(self._clean(f"{self.base} has no model {model!r}: {hint}{known}")) from failure

    def _check_without_list(self) -> None:
        """A server that has the path, but no list of models, complains about the fields."""
        failure = self._unserved({})
        if failure is not None:
            raise ServerError(
                f"{self.base} has neither /models nor /chat/completions (it answered {failure.status}): "
                "wanted the base URL of an OpenAI-compatible server, such as http://localhost:8000/v1"
            ) from failure

    def _unserved(self, nothing: dict[str, Any]) -> "Rejected | None":
        """Why this is not served, asked by a question without words, which costs nothing; None if it is."""
        try:
            self._once("POST", "/chat/completions", nothing, dict)
        except Passing:
            return None
        except Rejected as failure:
            return failure if failure.status in NOTHING_HERE else None
        return None

    def _stranger(self, content: bytes) -> str:
        return self._clean(f"{self.base} does not speak the OpenAI protocol (got {shown(content)}); check the base URL")

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()

    def _patiently(self, ask: Callable[[], T], jitter: random.Random, patient: bool) -> T:
        attempts = self._patience.retries + 1 if patient and not self._down else 1
        for attempt in range(attempts):
            entered = 0
            try:
                with self._limiter.turn(self._sleep) as entered:
                    if self._refusal:
                        raise SpendingError(self._refusal)
                    answer = ask()
            except Passing as failure:
                last = attempt + 1 == attempts
                self._down = failure.unreachable and last
                wait = self._wait(failure, attempt, jitter)
                if failure.overloaded:
                    self._limiter.overloaded(entered, wait)  # all calls wait, this one among them
                if last:
                    raise self._given_up(failure, attempts) from failure
                if not failure.overloaded:
                    self._sleep(wait)
            else:
                self._down = False
                self._limiter.answered()
                return answer
        raise AssertionError("the last attempt returns or raises")

    def _given_up(self, failure: Passing, attempts: int) -> ServerError:
        said = f"{failure} ({f'tried {attempts} times' if attempts > 1 else 'tried once'})"
        if failure.problem is not None and failure.problem.status >= 500 and not failure.overloaded:
            return Rejected(said, failure.problem)  # some servers fail over what they should refuse
        return ServerError(said)

    def _wait(self, failure: Passing, attempt: int, jitter: random.Random) -> float:
        asked = failure.wait_seconds
        if asked is None:
            return min(MAX_BACKOFF_SECONDS, FIRST_WAIT_SECONDS * 2.0**attempt) * jitter.uniform(0.5, 1.0)
        if asked > self._patience.max_wait_seconds:
            limit = f"agents.max_wait_seconds={self._patience.max_wait_seconds:g}"
            raise ServerError(f"{failure}; it asks to wait {asked:.15g} s, more than {limit}") from failure
        return asked * jitter.uniform(1.0, 1.1)

    def _once(self, method: str, path: str, body: dict[str, Any] | None, read: Callable[[dict[str, Any]], T]) -> T:
        content = None if body is None else json.dumps(body).encode()
        try:
            received = self._wire.exchange(method, path, content)
        except Unreachable as error:
            hint = "start the server or set agents.<role>=offline:"
            raise Passing(self._clean(f"cannot reach {self.base} ({error}); {hint}"), unreachable=True) from error
        except TooSlow as error:
            limit = f"agents.timeout_seconds={self._patience.timeout_seconds:g}"
            raise Passing(f"{self.base} did not answer within {limit}") from error
        except Dropped as error:
            raise Passing(self._clean(f"{self.base} dropped the connection ({error})")) from error
        except Undecodable as error:
            raise Passing(self._clean(f"{self.base} sent {error}")) from error
        except TooLong as error:
            limit = f"{MAX_BODY_BYTES >> 20} MiB"
            raise _Oversized(f"{self.base} answered more than {limit}; no completion is that long") from error
        return self._judged(received, read)

    def _judged(self, received: Received, read: Callable[[dict[str, Any]], T]) -> T:
        answer = json_object(received.body)
        problem = problem_of(received, answer)
        if problem is not None:
            hint = "the key in OPENAI_API_KEY was sent" if self._key else "no OPENAI_API_KEY is set"
            try:
                raise_for(problem, received, self.base, hint)
            except (SpendingError, Rejected, Passing) as failure:
                failure.args = (self._clean(str(failure)),)
                raise
        if answer is None:
            raise self._no_object(received)
        try:
            return read(answer)
        except Malformed as error:
            raise Passing(
                self._clean(f"{self.base} answered {shown(received.body)}, which is no answer: {error}")
            ) from error

    def _no_object(self, received: Received) -> Exception:
        """What is whole and no JSON object comes from no model server: asked again it would send the same.

        Not where it has answered before: then it is the page of a gateway, such as `502 Bad Gateway` under a 200.
        """
        body = received.body
        page = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"", b"{")
        if page and not self._spoken:
            return ServerError(self._stranger(body))
        if page:
            return Passing(self._clean(f"{self.base} answered {received.status} with no JSON object: {shown(body)}"))
        return Passing(self._clean(f"{self.base} answered {received.status} with broken JSON: {shown(body)}"))

    def _clean(self, message: str) -> str:
        return writable(message.replace(self._key, "[key]") if self._key else message)


def _model_names(answer: dict[str, Any]) -> list[str] | None:
    """The names that a server lists; None where there is no list."""
    listed = answer.get("data")
    if not isinstance(listed, list):
        return None
    ids = [m.get("id") for m in listed if isinstance(m, dict)]
    return [writable(i) for i in ids if isinstance(i, str)]
