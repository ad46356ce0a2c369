"""A curation pass over a server that fails in every way: every document is accounted for, and nothing is made up."""

from contextlib import closing

import pytest

from coevo.agents.chat import Message
from coevo.tiers.decision import Action
from coevo.tiers.record import Record

from .asking import chat
from .passes import curate, documents, free, well
from .server import FAILURES, FINAL, Server, failing, reply


class Solution(Record):
    steps: str
    answer: str


SUCCESS = {Action.SCORE, Action.EDIT}


@pytest.mark.parametrize("name", FAILURES)
def test_a_server_that_only_fails_decides_nothing(server: Server, name: str) -> None:
    server.steps = [FAILURES[name]]
    texts = documents(4)
    with closing(chat(server, timeout_seconds=0.3, retries=1)) as model:
        decisions = curate(model, texts)
    assert [d.doc for d in decisions] == [t.id for t in texts] * 2
    assert all(d.action is Action.NONE and d.error for d in decisions), decisions
    assert all(d.usage.usd == 0 and d.model in ("", model.url) for d in decisions)


@pytest.mark.parametrize("seed", [1, 2])
def test_with_a_third_of_the_calls_failing_every_document_is_accounted_for(server: Server, seed: int) -> None:
    texts = documents(40)
    server.steps = [well]
    with closing(chat(server)) as model:
        healthy = free(curate(model, texts))
    assert {d.action for d in healthy} == SUCCESS
    server.steps = [failing(0.3, seed, sorted(set(FAILURES) - FINAL), well)]
    with closing(chat(server, timeout_seconds=1.5, retries=1)) as model:
        decisions = curate(model, texts)
    assert [d.doc for d in decisions] == [t.id for t in texts] * 2
    failed = [d for d in decisions if d.action is Action.NONE]
    assert failed and all(d.error for d in failed)
    # whatever counts as done is what a server in good health would have brought, to the letter
    done = [(d, h) for d, h in zip(free(decisions), healthy, strict=True) if d.action is not Action.NONE]
    assert len(done) > len(decisions) / 2 and all(d == h for d, h in done)


@pytest.mark.parametrize(("status", "said"), [(401, "key"), (402, "credit"), (403, "credit")])
def test_a_billing_error_stops_spending_at_once_and_says_so(server: Server, status: int, said: str) -> None:
    texts = documents(100)
    refusal = reply(status, {"error": {"message": "no more"}})
    server.steps = [well] * 30 + [refusal]
    with closing(chat(server)) as model:
        decisions = curate(model, texts, concurrency=4)
    assert len(server.requests) <= 30 + 8, "nobody is asked after the refusal but who was on his way"
    assert [d.doc for d in decisions] == [t.id for t in texts] * 2
    late = [d for d in decisions if d.action is Action.NONE]
    assert len(late) > 150 and all(f"answered {status}" in str(d.error) and said in str(d.error) for d in late)
    assert sum(d.usage.calls for d in decisions) <= 30


def test_a_document_in_another_language_than_asked_can_be_played(server: Server) -> None:
    server.steps = [FAILURES["another language"]]
    with closing(chat(server)) as model:
        done = model.complete([Message(role="user", content="What is 40 + 2?")], Solution)
    assert done.value.answer == "四十二", "a valid answer: whether its language will do is for the role to say"
