"""A paid answer is on disk before it is used: after kill -9 it is found again, with its cost, and asked for no more."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from coevo.agents.journal import Answer, Journal
from coevo.tiers.decision import Usage
from coevo.tiers.errors import AgentError, LedgerError

from .server import Server, answer, slow

COST = Usage(tokens_in=10, tokens_out=2, calls=1, seconds=0.5, usd=0.25)


def paid(text: str = "yes") -> Answer:
    return Answer(text=text, usage=COST)


def unasked() -> Answer:
    raise AssertionError("asked again for a recorded answer")


def test_an_answer_is_asked_for_once_and_keeps_its_cost(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "journal.db", scope="round-1")
    assert journal.call("k", "m", paid) == paid()
    journal.close()
    with Journal(journal.path, scope="round-1") as again:
        assert again.call("k", "m", unasked) == paid()
        assert again.costs() == {"m": COST}
    with pytest.raises(LedgerError, match="cannot be used"):
        again.call("k", "m", unasked)


def test_another_round_gets_the_answer_for_nothing(tmp_path: Path) -> None:
    one = Journal(tmp_path / "journal.db", scope="round-1")
    one.call("k", "m", paid)
    two = Journal(tmp_path / "journal.db", scope="round-2")
    assert two.call("k", "m", unasked) == Answer(text="yes", usage=Usage())
    two.call("l", "n", paid)
    assert two.costs("round-2") == {"n": COST} and set(two.costs()) == {"m", "n"}
    one.close()
    two.close()


def test_a_failed_call_leaves_nothing_behind(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")

    def fail() -> Answer:
        raise AgentError("no")

    with pytest.raises(AgentError):
        journal.call("k", "m", fail)
    assert journal.costs() == {}
    assert journal.call("k", "m", paid) == paid()
    journal.close()


def test_threads_with_one_key_make_one_call(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    asked: list[str] = []
    got: list[Answer] = []

    def ask(key: str) -> Answer:
        asked.append(key)
        time.sleep(0.05)
        return paid(key)

    threads = [
        threading.Thread(target=lambda k=key: got.append(journal.call(k, "m", lambda: ask(k)))) for key in "ab" * 8
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked) == ["a", "b"] and len(got) == 16
    assert journal.costs()["m"].calls == 2
    assert journal._asking == {}
    journal.close()


def test_the_first_of_two_processes_answers(tmp_path: Path) -> None:
    here, there = Journal(tmp_path / "journal.db"), Journal(tmp_path / "journal.db")

    def overtaken() -> Answer:
        there.call("k", "m", lambda: paid("first"))
        return paid("second")

    assert here.call("k", "m", overtaken).text == "first"
    here.close()
    there.close()


def test_a_foreign_or_broken_file_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as other:
        other.execute("create table mine (x)")
    other.close()
    before = foreign.read_bytes()
    with pytest.raises(LedgerError, match="some other SQLite database"):
        Journal(foreign)
    assert foreign.read_bytes() == before
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all, but some bytes" * 100)
    with pytest.raises(LedgerError, match="cannot be used"):
        Journal(broken)


ROUND = """
import sys
from pathlib import Path
from coevo.agents import pool
from coevo.agents.backends import open_chat
from coevo.agents.chat import Message
from coevo.agents.journal import Journal
from coevo.tiers.decision import Action, Decision
from coevo.tiers.document import Document
from coevo.tiers.record import Record
from coevo.tiers.tier import Tier

class Verdict(Record):
    keep: bool

class Judge:
    name, stage, round = "judge", "score", 1
    def __call__(self, document):
        done = chat.complete([Message(role="user", content=document.text)], Verdict)
        return [Decision(round=1, stage="score", agent="judge", doc=document.id, action=Action.SCORE,
                         reason=str(done.value.keep), usage=done.usage)]

journal = Journal(Path(sys.argv[1]), scope="round-1")
chat = open_chat(sys.argv[2], journal=journal)
texts = [Document(id=f"{i:016x}", text=f"text {i}", domain="en", tier=Tier.L1, source="x") for i in range(40)]
for decision in pool.run(Judge(), texts, concurrency=4):
    print(decision.model_dump_json())
"""


def recorded(path: Path) -> int:
    """Rows in the journal, as another process sees them; none before it is created."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        (tables,) = connection.execute("select count(*) from sqlite_master").fetchone()
        found: int = connection.execute("select count(*) from calls").fetchone()[0] if tables else 0
    return found


def test_a_killed_round_repeats_no_recorded_call_and_counts_none_twice(server: Server, tmp_path: Path) -> None:
    server.steps = [slow(0.02, answer('{"keep": true}', {"prompt_tokens": 5}))]
    journal = tmp_path / "journal.db"
    command = [sys.executable, "-c", ROUND, str(journal), f"openai:m@{server.base}"]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while recorded(journal) < 8 and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    time.sleep(0.1)  # answers in flight reach nobody, but are counted here
    kept = recorded(journal)
    first = server.bodies()
    assert 8 <= kept < 40 and len(first) - kept <= 4  # what was lost is at most what was in flight

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    decisions = [json.loads(line) for line in done.stdout.splitlines()]
    assert [d["doc"] for d in decisions] == [f"{i:016x}" for i in range(40)]
    assert all(d["usage"]["calls"] == 1 and d["usage"]["tokens_in"] == 5 for d in decisions)
    assert len(server.requests) == len(first) + 40 - kept
    total = Journal(journal)
    assert [usage.calls for usage in total.costs().values()] == [40]
    total.close()

    asked = len(server.requests)
    again = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert again.stdout == done.stdout and len(server.requests) == asked


@pytest.mark.parametrize("change", ["answer = 'no'", "usd = usd + 1", "scope = 'round-9/edit'", "question = 'q'"])
def test_an_altered_call_is_refused(tmp_path: Path, change: str) -> None:
    with Journal(tmp_path / "calls.db", scope="round-1/edit") as journal:
        for key in "abc":
            journal.call(key, "m", lambda: Answer(text="yes", usage=COST))
        journal.check()
        assert journal.count() == 3
    with closing(sqlite3.connect(tmp_path / "calls.db")) as other, other:
        other.execute(f"update calls set {change} where key = 'b'")
    with Journal(tmp_path / "calls.db") as journal, pytest.raises(LedgerError, match=r"calls\.db was altered"):
        journal.check()
