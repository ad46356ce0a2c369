"""Engine: a model in this machine's memory: started when first asked, shared by all threads and roles, and stopped."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import Field

from ...tiers.errors import AgentError, InputError
from ...tiers.gpu import watched
from ...tiers.record import Record
from .question import Question

GATHER_SECONDS = 0.005
"""How long a batch waits for the questions of other threads: they come together when the batch before them is over."""

MAX_DEATHS = 3
"""An engine that died so often is not started again."""

Reply = dict[str, Any] | AgentError
"""An OpenAI-like answer, or why this question has none though its neighbours may have theirs."""


class EngineConfig(Record):
    """How models of `vllm:` lie in memory."""

    memory: float = Field(default=0.9, gt=0, le=1)
    """Share of the GPU's memory that vLLM takes."""
    context: int | None = Field(default=None, ge=16)
    """Longest sequence in tokens, where less than the model's own is wanted."""
    lora_rank: int = Field(default=64, ge=1)
    """Highest rank of an adapter."""
    between: Literal["stop", "sleep"] = "stop"
    """What becomes of the engine while models are trained: stopped, or its weights parked in the CPU's memory."""


@dataclass(frozen=True)
class Asked:
    """A question to an engine."""

    question: Question
    answer_tokens: int
    adapter: str = ""
    """Folder of a LoRA adapter to answer with."""
    adapter_name: str = ""
    """Tells adapters apart that lay in the same folder one after the other."""


class EngineDied(AgentError):
    """The engine broke down over a batch; the next one may find another engine."""


class Engine(Protocol):
    """A loaded model; asked by one thread at a time."""

    def ready(self, asked: Sequence[Asked]) -> None:
        """Prepare for these questions: wake up, make room for adapters."""
        ...

    def answer(self, asked: Sequence[Asked]) -> list[Reply]:
        """Replies in the order of the questions. Raises EngineDied when there will be none from this engine."""
        ...

    def rest(self) -> bool:
        """Give the accelerator's memory back, but stay; False when only `close` can."""
        ...

    def close(self) -> None:
        """Give all memory back."""
        ...


class Desk:
    """Where threads hand in questions: whoever finds the engine free takes all that wait there to it, as one batch.

    What stands in one batch depends on timing, and so may the last bits of an answer; the one in the journal counts.
    """

    def __init__(self, start: Callable[[], Engine]) -> None:
        self._start = start
        self._engine: Engine | None = None
        self._deaths = 0
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: list[tuple[Asked, Future[tuple[Reply, float]]]] = []

    def ask(self, asked: Sequence[Asked]) -> list[tuple[Reply, float]]:
        """Replies in order, each with its share of the seconds that its batch took.

        Raises:
            EngineDied: it broke down over these questions, or those beside them.
            InputError: the engine cannot be started, or dies every time.
        """
        mine = [(one, Future[tuple[Reply, float]]()) for one in asked]
        with self._guard:
            self._waiting += mine
        with self._turn:
            if not all(future.done() for _, future in mine):
                time.sleep(GATHER_SECONDS)
                self._serve()
        return [future.result() for _, future in mine]

    def release(self, *, rest: bool = False) -> None:
        """Stop the engine (or let it rest) when its batch is over; the next question starts it again."""
        with self._turn:
            self._let_go(rest)

    def release_if_idle(self) -> None:
        """As `release`, but not where a batch is under way."""
        if self._turn.acquire(blocking=False):
            try:
                self._let_go(rest=False)
            finally:
                self._turn.release()

    def _serve(self) -> None:
        with self._guard:
            taken, self._waiting = self._waiting, []
        try:
            replies, share = self._answered([one for one, _ in taken])
        except BaseException as error:
            for _, future in taken:
                future.set_exception(error)
            return
        for (_, future), reply in zip(taken, replies, strict=True):
            future.set_result((reply, share))

    def _answered(self, asked: list[Asked]) -> tuple[list[Reply], float]:
        with watched():  # a model in this process; an engine in another one says itself what it keeps busy
            return self._asked(asked)

    def _asked(self, asked: list[Asked]) -> tuple[list[Reply], float]:
        self._engine = self._engine or self._start()
        try:
            self._engine.ready(asked)
            began = time.perf_counter()
            replies = self._engine.answer(asked)
        except EngineDied as error:
            self._let_go(rest=False)
            self._deaths += 1
            if self._deaths < MAX_DEATHS:
                raise
            raise InputError(f"{error}; that was the {self._deaths}. time, so it is not started again") from error
        return replies, (time.perf_counter() - began) / len(asked)

    def _let_go(self, rest: bool) -> None:
        if self._engine is None or (rest and self._engine.rest()):
            return
        engine, self._engine = self._engine, None
        engine.close()


_desks: dict[str, Desk] = {}
_lock = threading.Lock()


def desk(name: str, start: Callable[[], Engine]) -> Desk:
    """The desk of the engine called `name`, the same for all roles of this process."""
    with _lock:
        return _desks.setdefault(name, Desk(start))


def release(*, rest: bool = False) -> None:
    """Give back the memory of all models in this process, so that others (training) have it."""
    with _lock:
        desks = list(_desks.values())
    for one in desks:
        one.release(rest=rest)


def release_idle() -> None:
    """Stop every engine that is not at work: another one needs the room."""
    with _lock:
        desks = list(_desks.values())
    for one in desks:
        one.release_if_idle()
