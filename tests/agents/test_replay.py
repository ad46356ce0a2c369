"""A run's answers are given once more without a model: the same decisions, no cost, no connection."""

import json
import shutil
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from coevo.agents.backends import open_chat
from coevo.agents.chat import Chat
from coevo.agents.journal import NAME, Journal
from coevo.tiers.decision import Action, Usage
from coevo.tiers.errors import AgentError, InputError

from .asking import ASK, GOOD, Verdict, answer, chat
from .passes import curate, documents, free, well
from .server import Handler, Server, serving, yes


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, list[Any], str]:
    """The folder of a run whose server is gone, what was decided in it, and who answered."""

    def sometimes_wrong(handler: Handler) -> None:
        said = json.dumps(handler.body["messages"])
        first_edit = "assistant" not in said and "logprobs" not in handler.body
        (answer("let me think") if first_edit and "Pump 3 " in said else well)(handler)

    with serving(sometimes_wrong) as server, Journal(tmp_path / NAME, scope="round-1/edit") as journal:
        with closing(chat(server, journal=journal)) as model:
            decisions = curate(model, documents(8))
        return tmp_path, decisions, model.url


def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a replay connects to nobody")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_the_same_decisions_for_nothing(recorded: tuple[Path, list[Any], str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, decisions, url = recorded
    no_connection(monkeypatch)
    again: Chat = open_chat(f"replay:{folder}")
    replayed = curate(again, documents(8))
    assert free(replayed) == free(decisions)
    assert {d.action for d in replayed} >= {Action.EDIT}
    assert all(d.usage == Usage() for d in replayed)
    assert {d.model for d in replayed} == {f"replay:{url}"}
    assert sum(d.usage.calls for d in decisions) == 8 * 3 + 1, "one answer was sent back once"


def test_what_was_not_recorded_is_named(recorded: tuple[Path, list[Any], str]) -> None:
    folder, decisions, _ = recorded
    again = open_chat(f"replay:{folder / NAME}")
    with pytest.raises(AgentError, match=r"not recorded in .*calls.db.*form Verdict.*ends with 'Keep it\?'"):
        again.complete(ASK, Verdict)
    with pytest.raises(AgentError, match="options yes/no"):
        again.choose(["Keep it?"], ["yes", "no"])
    more = curate(again, documents(9))
    lost = [d for d in more if d.doc == documents(9)[8].id]
    assert all(d.action is Action.NONE and "not recorded" in str(d.error) for d in lost) and len(lost) == 2
    assert len([d for d in more if d.action is Action.NONE]) == 2 + [d.action for d in decisions].count(Action.NONE)


def test_a_folder_that_cannot_be_written_to_is_replayed(recorded: tuple[Path, list[Any], str], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir(mode=0o755)
    shutil.copy(recorded[0] / NAME, copy / NAME)
    copy.chmod(0o555)
    assert curate(open_chat(f"replay:{copy}"), documents(2))[0].action is Action.SCORE
    assert [p.name for p in copy.iterdir()] == [NAME]
    copy.chmod(0o755)


def test_of_two_models_one_is_named(server: Server, tmp_path: Path) -> None:
    journal = Journal(tmp_path / NAME)
    for name, content in (("small", GOOD), ("large", GOOD.replace("true", "false"))):
        server.steps = [answer(content)]
        with closing(chat(server, model=name, journal=journal)) as model:
            model.complete(ASK, Verdict)
    journal.close()
    with pytest.raises(InputError, match=r"wanted replay:openai:large@http.*@/.* or replay:openai:small@"):
        open_chat(f"replay:{tmp_path}")
    large = open_chat(f"replay:openai:large@{server.base}/v1@{tmp_path}")
    assert large.complete(ASK, Verdict).value.keep is False
    with pytest.raises(InputError, match="holds no answers of 'openai:huge@http"):
        open_chat(f"replay:openai:huge@http://h@{tmp_path}")


def test_what_is_asked_anew_each_round_has_an_answer_for_each(server: Server, tmp_path: Path) -> None:
    for number, probability in ((1, 0.9), (2, 0.2)):
        server.steps = [yes(probability)]
        journal = Journal(tmp_path / NAME, scope=f"round-{number}/calibrate", anew=f"anchor-{number}")
        with journal, closing(chat(server, journal=journal)) as model:
            assert model.choose(["Good?"], [" yes", " no"])[0].probabilities[0] == pytest.approx(probability)
    for number, probability in ((1, 0.9), (2, 0.2)):
        with Journal(tmp_path / "other.db", scope=f"round-{number}/calibrate") as journal:
            again = open_chat(f"replay:{tmp_path}", journal=journal)
            assert again.choose(["Good?"], [" yes", " no"])[0].probabilities[0] == pytest.approx(probability)
    assert len(server.requests) == 2


@pytest.mark.parametrize("content", [None, b"no database", b""])
def test_no_journal_is_said_in_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / NAME).write_bytes(content)
    with pytest.raises(InputError, match=r"wanted a journal|no journal of answers"):
        open_chat(f"replay:{tmp_path}")


def test_a_journal_of_an_older_version_is_taken_over(tmp_path: Path) -> None:
    import sqlite3

    from coevo.agents.journal import APPLICATION, SCHEMA, Answer

    old = sqlite3.connect(tmp_path / NAME)
    later = ", question text not null default '',\n    digest text not null default ''"
    assert later in SCHEMA
    old.execute(SCHEMA.replace(later, ""))
    old.execute(f"pragma application_id = {APPLICATION}")
    old.execute("insert into calls values ('k', '', 'm', '{}', 1, 1, 1, 0.1, 0.0, 0.0)")
    old.commit()
    old.close()
    with Journal(tmp_path / NAME) as journal:
        assert journal.find("k") is not None
        journal.call("l", "m", lambda: Answer(text="{}"), "q")
