"""Manners: which fields of a request a model on a server takes, learned from what it refuses and kept for all chats."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .failures import Problem, Rejected

FORMATS = ("json_schema", "json_object", "none")
"""How the form of an answer is asked for, the strictest first; with `none` only the prompt says it."""
TOP_LOGPROBS = (20, 10, 5, 2)
"""Alternatives that are asked for, the most first."""
MAX_USELESS = 3
"""Times that looser forms are tried in vain before a nameless refusal is taken as one of the question."""
MAX_CHANGES = 8
"""Changes of one request before the refusal stands."""
UNNAMED = {400, 415, 422, 500, 501}
"""Statuses of a refusal that may be about the form although it does not say so."""
_TOO_MUCH = re.compile(
    r"context|too (?:large|long|many|big)|exceed|maximum|at most|less than|greater than|larger|prompt is", re.IGNORECASE
)
T = TypeVar("T")


class Manners:
    """Shared by all chats with one model on one server; threads may share it.

    A refusal that names a field changes it for good: `max_tokens` becomes `max_completion_tokens`, `temperature` is
    left to the server, fewer `top_logprobs` are asked for, the form by `json_object` or by the prompt alone. A refusal
    that names nothing is tried again with a looser form, as long as no answer in this form has come from the server.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._renamed = False
        self._dropped: set[str] = set()
        self._top = 0
        self._format = 0
        self._formats: dict[str, int] = {}
        self._proven: set[tuple[str, int]] = set()
        self._useless: Counter[str] = Counter()

    def ask(
        self,
        post: Callable[[dict[str, Any], bool], T],
        fields: Mapping[str, Any],
        form: Mapping[str, Any] | None,
        own: Mapping[str, Any],
    ) -> T:
        """The answer to a request, its fields changed as long as the server refuses one and another may do.

        Args:
            post: sends a body; the second argument is whether to be patient with failures that may pass.
            fields: of the request, without its form.
            form: name, schema and strictness of the answer; None where none is wanted.
            own: fields that the user wishes; they are sent as they are, and None takes one of ours away.

        Raises:
            Rejected: the server refuses, with its own sentence; what `post` raises else is passed on.
        """
        for _ in range(MAX_CHANGES):
            sent = self._settings(form)
            body = {**self._body(fields, form, sent), **own}
            try:
                answer = post({k: v for k, v in body.items() if v is not None}, True)
            except Rejected as refusal:
                if not self._learn(refusal.problem, body, own):
                    return self._looser(post, fields, form, own, refusal)
            else:
                self._prove(form, sent[2])
                return answer
        raise AssertionError("every change leaves fewer to be made")

    def _settings(self, form: Mapping[str, Any] | None) -> tuple[bool, int, int]:
        with self._lock:
            name = str(form["name"]) if form else ""
            return self._renamed, self._top, max(self._format, self._formats.get(name, 0))

    def _body(
        self, fields: Mapping[str, Any], form: Mapping[str, Any] | None, sent: tuple[bool, int, int]
    ) -> dict[str, Any]:
        renamed, top, rung = sent
        body = {name: value for name, value in fields.items() if name not in self._dropped}
        if renamed and "max_tokens" in body:
            body["max_completion_tokens"] = body.pop("max_tokens")
        if "top_logprobs" in body:
            body["top_logprobs"] = TOP_LOGPROBS[top]
        return body | _format(form, rung)

    def _learn(self, problem: Problem, body: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
        """Whether the request will be another one after this refusal."""
        field = problem.field
        if field in own or body.get(field) is None:
            return False
        too_much = bool(_TOO_MUCH.search(problem.message))
        with self._lock:
            if field == "response_format":
                rung = FORMATS.index(body[field]["type"])
                self._format = max(self._format, rung + 1)
                return True
            if field == "max_tokens" and not too_much:
                self._renamed = True
                return True
            if field == "temperature":
                self._dropped.add(field)
                return True
            if field == "top_logprobs" or (field == "logprobs" and too_much):
                return self._fewer(body, problem.message)
        return False

    def _fewer(self, body: Mapping[str, Any], message: str) -> bool:
        """Ask for fewer alternatives, for as many as the server says it gives where it says so."""
        asked = body["top_logprobs"]
        allowed = [int(n) for n in re.findall(r"\b\d{1,2}\b", message) if 2 <= int(n) < asked]
        fewer = [i for i, n in enumerate(TOP_LOGPROBS) if n < asked and n <= max(allowed, default=n)]
        if fewer:
            self._top = max(self._top, fewer[0])
        return bool(fewer)

    def _looser(
        self,
        post: Callable[[dict[str, Any], bool], T],
        fields: Mapping[str, Any],
        form: Mapping[str, Any] | None,
        own: Mapping[str, Any],
        refusal: Rejected,
    ) -> T:
        """The answer in a looser form, where the refusal may be about the form; else the refusal."""
        renamed, top, rung = self._settings(form)
        if form is None or "response_format" in own or not self._doubtful(form, rung, refusal.problem):
            raise refusal
        for looser in range(rung + 1, len(FORMATS)):
            body = {**self._body(fields, form, (renamed, top, looser)), **own}
            try:
                answer = post({k: v for k, v in body.items() if v is not None}, False)
            except Rejected:
                continue
            with self._lock:
                self._formats[str(form["name"])] = looser
            self._prove(form, looser)
            return answer
        self._useless[str(form["name"])] += 1
        raise refusal

    def _doubtful(self, form: Mapping[str, Any], rung: int, problem: Problem) -> bool:
        name = str(form["name"])
        unproven = (name, rung) not in self._proven and self._useless[name] < MAX_USELESS
        return unproven and not problem.field and problem.status in UNNAMED and not _TOO_MUCH.search(problem.message)

    def _prove(self, form: Mapping[str, Any] | None, rung: int) -> None:
        if form is not None:
            self._proven.add((str(form["name"]), rung))


def _format(form: Mapping[str, Any] | None, rung: int) -> dict[str, Any]:
    if form is None or FORMATS[rung] == "none":
        return {}
    if FORMATS[rung] == "json_object":
        return {"response_format": {"type": "json_object"}}
    return {"response_format": {"type": "json_schema", "json_schema": dict(form)}}


_known: dict[str, Manners] = {}
_lock = threading.Lock()


def manners(url: str) -> Manners:
    """What is known in this process about the model at a URL."""
    with _lock:
        return _known.setdefault(url, Manners())
