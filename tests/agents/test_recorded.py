"""Answers of a server in the journal: asked for once, charged once."""

from contextlib import closing
from pathlib import Path

import pytest

from coevo.agents.chat import UselessAnswer
from coevo.agents.journal import Journal
from coevo.tiers.errors import AgentError

from .asking import ASK, Verdict, answer, ask, chat
from .server import Server, Step, logprobs, reply


def test_recorded_answers_are_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    server.steps = [answer("no JSON"), answer()]
    journal = Journal(tmp_path / "journal.db", scope="round-1")
    with closing(chat(server, journal=journal)) as model:
        first = model.complete(ASK, Verdict)
        assert model.complete(ASK, Verdict) == first
        assert first.usage.calls == 2 and len(server.requests) == 2
        assert journal.costs()[model.url].calls == 2
        server.steps = [logprobs(yes=-0.1, no=-3.0)]
        judged = model.choose(["a", "b", "a"], ["yes", "no"])
        assert model.choose(["a", "b", "a"], ["yes", "no"]) == judged
        assert len(server.requests) == 4
    journal.close()


@pytest.mark.parametrize(("useless", "recorded"), [(logprobs(The=-0.001, A=-8.0), True), (answer("yes"), False)])
def test_a_joint_choose_that_fails_charges_only_what_is_not_recorded(
    server: Server, tmp_path: Path, useless: Step, recorded: bool
) -> None:
    server.steps = [logprobs(yes=-0.1, no=-3.0), useless]
    journal = Journal(tmp_path / "journal.db")
    with closing(chat(server, journal=journal, concurrency=1)) as model:
        with pytest.raises(UselessAnswer) as joint:
            model.choose(["a", "b"], ["yes", "no"])
        assert joint.value.usage.calls == (0 if recorded else 1)
        (one,) = model.choose(["a"], ["yes", "no"])
        with pytest.raises(UselessAnswer) as other:
            model.choose(["b"], ["yes", "no"])
    assert one.usage.calls == other.value.usage.calls == 1
    assert len(server.requests) == (2 if recorded else 3)
    assert journal.costs()[model.url].calls == 1 + recorded
    journal.close()


def test_failures_are_not_recorded(server: Server, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    with pytest.raises(AgentError):
        ask(server, reply(503, b""), journal=journal)
    assert journal.costs() == {}
    assert ask(server, answer(), journal=journal).value.keep
    journal.close()
