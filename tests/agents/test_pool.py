"""Every document is accounted for, in order, within the budget, whatever the threads do."""

import random
import threading
import time
from collections.abc import Sequence

import pytest

from coevo.agents import pool
from coevo.agents.budget import Budget
from coevo.agents.chat import UselessAnswer
from coevo.tiers.decision import Action, Decision, Usage
from coevo.tiers.document import Document
from coevo.tiers.errors import AgentError, SpendingError
from coevo.tiers.tier import Tier


def documents(n: int) -> list[Document]:
    return [Document(id=f"{i:04d}", text=str(i), domain="en", tier=Tier.L1, source="s") for i in range(n)]


class Judge:
    """Takes a while that differs from run to run; costs what the text says."""

    name = "judge"
    stage = "score"
    round = 3

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.asked: list[str] = []
        self.busy = 0
        self.busiest = 0
        self.lock = threading.Lock()

    def __call__(self, document: Document) -> list[Decision]:
        with self.lock:
            self.asked.append(document.id)
            self.busy += 1
            self.busiest = max(self.busy, self.busiest)
            pause = self.random.random() * 0.004
        time.sleep(pause)
        with self.lock:
            self.busy -= 1
        return [self.decided(document, self.cost(document))]

    def cost(self, document: Document) -> Usage:
        return Usage(calls=1, tokens_in=100 + 7 * (int(document.text) % 5), tokens_out=10, usd=0.01)

    def decided(self, document: Document, usage: Usage) -> Decision:
        return Decision(
            round=3, stage="score", agent="judge", doc=document.id, action=Action.SCORE, reason="fine", usage=usage
        )


def test_decisions_come_in_document_order_and_concurrency_is_bounded() -> None:
    judge = Judge()
    decisions = pool.run(judge, documents(60), concurrency=5)
    assert [d.doc for d in decisions] == [d.id for d in documents(60)]
    assert 1 < judge.busiest <= 5
    assert pool.run(judge, []) == []


@pytest.mark.parametrize("limit", [0, 1, 2, 7, 13, 60, 100])
def test_a_call_budget_is_spent_exactly(limit: int) -> None:
    judge = Judge()
    decisions = pool.run(judge, documents(60), concurrency=8, budget=Budget(max_calls=limit))
    assert len(judge.asked) == min(limit, 60) == sum(d.usage.calls for d in decisions)
    late = decisions[limit:]
    assert len(decisions) == 60 and all(d.action is Action.NONE for d in late)
    assert all(f"max_calls={limit}" in str(d.error) and "budget exhausted" in d.reason for d in late)
    assert all((d.round, d.stage, d.agent, d.domain) == (3, "score", "judge", "en") for d in late)


@pytest.mark.parametrize("budget", [Budget(max_tokens=2000), Budget(max_usd=0.17), Budget(max_tokens=50)])
def test_whom_a_budget_reaches_does_not_depend_on_timing(budget: Budget) -> None:
    outcomes = [
        [(d.doc, d.action) for d in pool.run(Judge(seed), documents(40), concurrency=8, budget=budget)]
        for seed in range(4)
    ]
    assert outcomes.count(outcomes[0]) == 4
    spent = sum((d.usage for d in pool.run(Judge(), documents(40), concurrency=8, budget=budget)), Usage())
    if budget.max_tokens and budget.max_tokens > 200:
        assert budget.max_tokens - 150 < spent.tokens_in + spent.tokens_out <= budget.max_tokens
    if budget.max_usd:
        assert spent.usd == pytest.approx(0.17)


def test_a_budget_still_leaves_room_for_concurrency() -> None:
    judge = Judge()
    pool.run(judge, documents(60), concurrency=6, budget=Budget(max_calls=59))
    assert judge.busiest >= 4


class Failing(Judge):
    def __init__(self, error: Exception, at: str) -> None:
        super().__init__()
        self.error = error
        self.at = at

    def __call__(self, document: Document) -> list[Decision]:
        if document.id == self.at:
            raise self.error
        return super().__call__(document)


def test_an_unanswered_document_is_recorded_with_its_cost_and_the_rest_goes_on() -> None:
    error = UselessAnswer("nonsense", Usage(calls=2, tokens_in=9))
    decisions = pool.run(Failing(error, "0005"), documents(20))
    assert [d.action for d in decisions].count(Action.NONE) == 1
    assert decisions[5].error == "UselessAnswer: nonsense" and decisions[5].usage.calls == 2
    (plain,) = pool.run(Failing(AgentError("gone"), "0000"), documents(1))
    assert plain.action is Action.NONE and plain.usage == Usage()


def test_a_refusal_to_serve_stops_the_calls_and_accounts_for_everybody() -> None:
    judge = Failing(SpendingError("402: no credit"), "0004")
    decisions = pool.run(judge, documents(500), concurrency=4)
    assert len(decisions) == 500 and len(judge.asked) < 20
    unasked = [d for d in decisions if d.doc not in judge.asked]
    assert all(d.action is Action.NONE and "402: no credit" in str(d.error) for d in unasked)


def test_a_bug_crashes_loudly_and_soon() -> None:
    judge = Failing(KeyError("bug"), "0003")
    with pytest.raises(KeyError, match="bug"):
        pool.run(judge, documents(500), concurrency=4)
    assert len(judge.asked) < 50


def test_a_stop_finishes_what_runs_and_commits_nothing() -> None:
    judge = Judge()
    with pytest.raises(pool.Stopped, match="judge stopped"):
        pool.run(judge, documents(500), concurrency=4, should_stop=lambda: len(judge.asked) > 10)
    assert 10 < len(judge.asked) < 40 and judge.busy == 0


def test_a_silent_role_does_not_lose_a_document() -> None:
    class Silent(Judge):
        def __call__(self, document: Document) -> list[Decision]:
            return [] if document.id == "0001" else super().__call__(document)

    decisions = pool.run(Silent(), documents(3))
    assert [d.doc for d in decisions] == ["0000", "0001", "0002"]
    assert decisions[1].action is Action.NONE and decisions[1].error is None


class Batched(Judge):
    batch_size = 8

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def batch(self, piece: Sequence[Document]) -> list[Decision]:
        self.sizes.append(len(piece))
        if piece[0].id == "0008":
            raise AgentError("too long")
        return [self.decided(d, Usage(calls=1)) for d in piece]


def test_batched_roles_get_batches_and_fail_by_batch() -> None:
    role = Batched()
    decisions = pool.run(role, documents(20), concurrency=1)
    assert role.sizes == [8, 8, 4]
    assert [d.doc for d in decisions] == [d.id for d in documents(20)]
    assert [d.action is Action.NONE for d in decisions] == [False] * 8 + [True] * 8 + [False] * 4
