"""Pool: a role over many documents, concurrently, within a budget; every document is accounted for, in order."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Protocol, runtime_checkable

from ..tiers.decision import Action, Decision, Usage
from ..tiers.document import Document
from ..tiers.errors import AgentError, ServerError, SpendingError
from .budget import Budget, Ration
from .chat import UselessAnswer, failure_text, is_unanswered

POLL_SECONDS = 0.1
AHEAD = 2
"""Pieces handed to the threads, times the concurrency: a thread that is done finds the next one waiting."""
REFUSED = "the provider refuses to serve"


class Role(Protocol):
    """Whoever decides; `name`, `stage` and `round` sign the decisions that the pool makes in its place."""

    name: str
    stage: str
    round: int

    def __call__(self, document: Document, /) -> list[Decision]:
        """What is decided about one document; called by several threads at once.

        Raises:
            AgentError: no decision could be had; the pool records it and goes on (SpendingError: and stops calling).
        """
        ...


@runtime_checkable
class BatchedRole(Protocol):
    """A role that takes many documents at a time (the in-process student is faster so, and rules too)."""

    batch_size: int

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """What is decided about some documents, in their order; raises as `Role.__call__` does."""
        ...


class Stopped(Exception):
    """The work was told to stop before all documents were decided.

    What was paid for is in the journal, so doing the same work again repeats no call; there is nothing else to keep.
    """


@dataclass(frozen=True)
class _Outcome:
    """What one piece of documents came to."""

    decisions: list[Decision]
    usage: Usage
    refusal: str = ""
    """The provider's refusal to serve, when there was one."""


def run(
    role: Role,
    documents: Sequence[Document],
    *,
    concurrency: int = 8,
    budget: Budget | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Decision]:
    """Decisions about all documents, in document order whatever the threads' timing.

    A document that gets no useful answer, that the budget does not reach, or that follows the provider's refusal to
    serve gets a decision with `action=none` and the error. Which documents the budget reaches depends on the costs of
    the documents before them only, never on timing (see `Ration`).

    Args:
        role: who decides; one with `batch` gets up to `batch_size` documents at a time.
        documents: about what.
        concurrency: calls of the role in flight.
        budget: what all of it may cost.
        should_stop: asked between calls.

    Raises:
        Stopped: `should_stop` said so; calls in flight were finished first.
        Exception: anything but an AgentError that a role raises is a bug and is passed on.
    """
    size = role.batch_size if isinstance(role, BatchedRole) else 1
    pieces = [documents[i : i + size] for i in range(0, len(documents), size)]
    drive = _Drive(role, pieces, max(1, concurrency), Ration(budget or Budget(), concurrency))
    with ThreadPoolExecutor(max(1, concurrency), thread_name_prefix=role.name) as threads:
        drive.to_the_end(threads, should_stop)
    return [decision for i in range(len(pieces)) for decision in drive.decisions(i)]


def check_answered(decisions: Sequence[Decision], who: str) -> None:
    """Whether the model was heard at all: a pass in which every call failed decides nothing, and no later one will.

    Raises:
        ServerError: no call brought an answer, with the server's own sentence; what to do is mend that and resume.
    """
    failed = [d for d in decisions if d.action is Action.NONE and is_unanswered(d.error)]
    if failed and not any(d.usage.calls for d in decisions):
        _, _, sentence = str(failed[0].error).partition(": ")
        raise ServerError(f"{who}: none of {len(failed)} calls was answered. {sentence}. Mend that, then resume")


@dataclass
class _Drive:
    """One pass over the pieces: what runs, what is done, and why no more is asked."""

    role: Role
    pieces: list[Sequence[Document]]
    concurrency: int
    ration: Ration
    running: dict[Future[_Outcome], int] = field(default_factory=dict)
    finished: SimpleQueue[Future[_Outcome]] = field(default_factory=SimpleQueue)
    done: dict[int, _Outcome] = field(default_factory=dict)
    following: int = 0
    closed: tuple[str, str] = ("", "")
    """Reason and error of the decisions about documents that were not asked about."""

    def to_the_end(self, threads: ThreadPoolExecutor, should_stop: Callable[[], bool]) -> None:
        try:
            self._submit(threads)
            while self.running:
                if should_stop():
                    raise Stopped(f"{self.role.name} stopped with {len(self.done)} of {len(self.pieces)} pieces done")
                self._collect()
                self._submit(threads)
        finally:
            for future in self.running:
                future.cancel()

    def _submit(self, threads: ThreadPoolExecutor) -> None:
        while not self.closed[0] and self.following < len(self.pieces) and len(self.running) < AHEAD * self.concurrency:
            verdict = self.ration.verdict(self.following)
            if verdict is None:
                return
            if verdict:
                self.closed = ("budget exhausted", f"budget exhausted: {verdict}")
                return
            future = threads.submit(self._decide, self.pieces[self.following])
            self.running[future] = self.following
            self.following += 1
            future.add_done_callback(self.finished.put)  # `wait` would look at all of them each time

    def _collect(self) -> None:
        """Take what is finished, waiting a moment for the first: in order of time, which matters to nobody."""
        for future in self._finished():
            item = self.running.pop(future, None)
            if item is None:
                continue  # it was cancelled
            outcome = future.result()
            self.done[item] = outcome
            self.ration.spent(item, outcome.usage)
            if outcome.refusal:
                self.closed = (REFUSED, outcome.refusal)
        if self.closed[0] == REFUSED:
            self.running = {future: item for future, item in self.running.items() if not future.cancel()}

    def _finished(self) -> Iterator[Future[_Outcome]]:
        try:
            yield self.finished.get(timeout=POLL_SECONDS)
            while True:
                yield self.finished.get_nowait()
        except Empty:
            return

    def decisions(self, item: int) -> list[Decision]:
        if item in self.done:
            return self.done[item].decisions
        return [self._undecided(document, *self.closed) for document in self.pieces[item]]

    def _decide(self, piece: Sequence[Document]) -> _Outcome:
        try:
            decisions = self.role.batch(piece) if isinstance(self.role, BatchedRole) else self.role(piece[0])
        except AgentError as error:
            return self._failed(piece, error)
        decided = {decision.doc for decision in decisions} | {d for decision in decisions for d in decision.sources}
        silent = [self._undecided(d, "nothing was decided", None) for d in piece if d.id not in decided]
        return _Outcome(decisions + silent, sum((d.usage for d in decisions), Usage()))

    def _failed(self, piece: Sequence[Document], error: AgentError) -> _Outcome:
        usage = error.usage if isinstance(error, UselessAnswer) else Usage()
        spending = isinstance(error, SpendingError)
        said = failure_text(error)
        reason = REFUSED if spending else "no useful answer"
        costs = [usage] + [Usage()] * (len(piece) - 1)
        decisions = [self._undecided(d, reason, said, cost) for d, cost in zip(piece, costs, strict=True)]
        return _Outcome(decisions, usage, said if spending else "")

    def _undecided(self, document: Document, reason: str, error: str | None, usage: Usage | None = None) -> Decision:
        return Decision(
            round=self.role.round,
            stage=self.role.stage,
            agent=self.role.name,
            doc=document.id,
            action=Action.NONE,
            reason=reason,
            domain=document.domain,
            kind=document.kind,
            source=document.source,
            usage=usage or Usage(),
            error=error,
        )
