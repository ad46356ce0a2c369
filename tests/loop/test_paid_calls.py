"""Paid calls of a round that is killed and resumed: those that were recorded are not repeated, and each counts once."""

import hashlib
import json
import math
import re
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from coevo.agents.journal import Journal
from coevo.loop.config import parse_config
from coevo.loop.estimate import Estimate
from coevo.loop.run_db import RunDB
from coevo.loop.run_folder import RunFolder
from coevo.loop.runner import expected_of

from .interrupt import Process, table

pytestmark = pytest.mark.slow
CONCURRENCY = 4


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer({"data": []})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        serial = self.desk.ask(body)
        time.sleep(0.01)  # so that a kill finds some calls in flight
        usage = {"prompt_tokens": 100 + serial, "completion_tokens": 1}
        self.answer({"id": str(serial), "choices": [self.desk.choice(body)], "usage": usage})

    def answer(self, value: Any) -> None:
        content = json.dumps(value).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:  # the client was killed
            self.close_connection = True

    @property
    def desk(self) -> "Server":
        assert isinstance(self.server, Server)
        return self.server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        return


class Server(ThreadingHTTPServer):
    """A model that answers by a rule, and remembers everything that it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.asked: list[str] = []
        self.kinds: Counter[str] = Counter()

    def ask(self, body: dict[str, Any]) -> int:
        with self.lock:
            self.asked.append(json.dumps(body, sort_keys=True))
            self.kinds[kind(body)] += 1
            return len(self.asked) - 1

    def choice(self, body: dict[str, Any]) -> dict[str, Any]:
        return choice(body)

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


def kind(body: dict[str, Any]) -> str:
    """What form of answer is asked for."""
    return str(body["response_format"]["json_schema"]["name"]) if "response_format" in body else "choose"


def choice(body: dict[str, Any]) -> dict[str, Any]:
    """The answer to a question, drawn from the question alone."""
    if "logprobs" in body:
        yes = 0.05 + 0.9 * hashlib.blake2b(json.dumps(body["messages"]).encode(), digest_size=1).digest()[0] / 255
        top = [{"token": t, "logprob": math.log(p)} for t, p in ((" yes", yes), (" no", 1 - yes))]
        return {"message": {"content": " yes"}, "logprobs": {"content": [{**top[0], "top_logprobs": top}]}}
    if kind(body) == "Step":
        return {"message": {"content": json.dumps(step(body["messages"]))}, "finish_reason": "stop"}
    said = {
        "EditProgram": edits(body["messages"][-1]["content"]),
        "Solution": {"steps": "counted", "answer": "1"},
    }
    return {"message": {"content": json.dumps(said[kind(body)])}, "finish_reason": "stop"}


def edits(said: str) -> dict[str, Any]:
    """A heading for every document; of what the exam shows, what is to go goes."""
    marks = re.compile(r"Log in|cookies|License|WARRANT|Jump to navigation|page helpful")
    gone = [int(n) for n, line in re.findall(r"^(\d+): (.*)$", said, re.MULTILINE) if marks.search(line)]
    steps = [{"op": "remove", "first": n, "last": n} for n in gone]
    return {"edits": [{"op": "add", "after": 0, "text": "# seen"}, *steps], "reason": "a heading helps"}


READ = [
    "failing_items bpb_en",
    "documents code/L1",
    "rubric clarity",
    "costs",
    "record",
    "minutes",
    "documents moon/L9",
]
"""Everything that there is to read, and some that there is not."""


def step(messages: list[dict[str, str]]) -> dict[str, Any]:
    """A strategist that reads everything there is, one thing after the other in two answers, and then advises."""
    answers = sum(m["role"] == "assistant" for m in messages)
    if answers < 2:
        wanted = [name.partition(" ")[::2] for name in READ[4 * answers : 4 * answers + 4]]
        readings = [{"tool": tool, "about": about} for tool, about in wanted]
        return {"thought": "What is there?", "readings": readings, "advice": None}
    probe = {"shifts": {"code/L1": 0.5}, "reason": "code fails", "chance": 0.7}
    return {"thought": "Enough.", "readings": [], "advice": {"probes": [probe], "reason": "the table says little yet"}}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def recorded(root: Path) -> list[int]:
    """Serial numbers of the answers in the journal."""
    with closing(sqlite3.connect(f"{(root / 'calls.db').as_uri()}?mode=ro", uri=True)) as connection:
        return [int(json.loads(answer)["id"]) for (answer,) in connection.execute("select answer from calls")]


def hire(
    root: Path,
    server: Server,
    roles: tuple[str, ...] = ("scorer", "editor", "verifier", "strategist"),
    curation: dict[str, int] | None = None,
) -> None:
    """Let the server play roles of the run."""
    folder = RunFolder(root)
    tree = folder.config().model_dump(mode="json")
    url = f"openai:m@http://127.0.0.1:{server.server_address[1]}"
    tree["agents"] |= dict.fromkeys(roles, url)
    tree["agents"] |= {"concurrency": CONCURRENCY, "prices": {"m": {"tokens_in": 10.0, "tokens_out": 50.0}}}
    tree["curation"] |= curation or {"edit": 60, "score": 30}
    config = parse_config(tree, "test")
    folder.write_config(config)
    with RunDB(folder.database, create=True) as db:
        db.set_meta("fingerprint", config.fingerprint)  # as if it had begun so


def test_recorded_calls_are_neither_repeated_nor_lost_nor_counted_twice(finished, cli, server: Server) -> None:  # type: ignore[no-untyped-def]
    root = cli.folder / "runs" / "whole"
    shutil.copytree(finished.folder / "runs" / "whole", root)
    hire(root, server)
    foretold = expected_of(cli.folder / "runs", "whole", {"rounds": 3})
    more = ("resume", "whole", "--rounds", "3")
    kept: list[int] = []
    # while the judges are calibrated, and in the editor's pass
    for moment in (lambda: len(server.asked) > 60, lambda: server.kinds["EditProgram"] > 5):
        before, process = len(server.asked), Process(cli, more)
        process.until(moment)
        process.kill()
        kept = not_repeated(root, server, kept, before)
    before, process = len(server.asked), Process(cli, more)
    assert process.end() == 0, process.text
    kept = not_repeated(root, server, kept, before)
    assert len(server.asked) - len(kept) <= 2 * CONCURRENCY, "more than what was in flight was lost"
    assert server.kinds["Step"] == 3 and not server.kinds["Advice"]
    check_costs(root, kept)
    check_estimate(root, foretold)
    check_strategist(root, server)


def check_estimate(root: Path, foretold: Estimate) -> None:
    """No role asked more than was foretold; judges and strategist, who do not run out of documents, not much less."""
    rows = [r for r in table(root, "costs") if r["round"] == 3 and r["model"].startswith("openai:")]
    asked = {r["role"]: r["calls"] for r in rows}
    spans = {line.role: line.calls for line in foretold.lines}
    assert set(asked) == set(spans)
    assert {role for role, (_, high) in spans.items() if asked[role] > high} == set(), (asked, spans)
    assert all(asked[role] >= spans[role][0] / 2 > 0 for role in ("scorer", "strategist")), (asked, spans)


def check_strategist(root: Path, server: Server) -> None:
    """It was shown what it asked for and nothing of the hidden items, and what it thought is kept with its advice."""
    (talk,) = [json.loads(a)["messages"] for a in server.asked if '"Enough.' not in a and a.count('"assistant"') == 2]
    shown = "\n".join(m["content"] for m in talk)
    assert "worst items:" in shown and "rubric clarity:\n<document" in shown and "editor (openai:m@" in shown
    assert "There is no such thing to read" in shown and "no arm 'moon/L9'" in shown
    hidden = json.loads((root / "scores" / "suite-hidden.json").read_text())
    texts = [item["text"] for b in hidden["benchmarks"] if b["kind"] == "bpb" for item in b["items"]]
    assert texts and not any(text in shown for text in texts)
    with RunDB(root / "run.db") as db:
        made = db.meta("proposal-3")
    assert made["probes"][0]["chance"] == 0.7 and [t["thought"] for t in made["thoughts"]][-1] == "Enough."
    assert made["thoughts"][0]["read"] == READ[:4]


def not_repeated(root: Path, server: Server, kept: list[int], before: int) -> list[int]:
    """What is recorded now; nothing of what was `kept` is gone or was asked for again after `before` questions."""
    now = recorded(root)
    assert set(kept) <= set(now)
    assert {server.asked[serial] for serial in kept}.isdisjoint(server.asked[before:])
    return now


def check_costs(root: Path, kept: list[int]) -> None:
    """Costs of the round by role, against the journal and against what the server said."""
    rows = [r for r in table(root, "costs") if r["round"] == 3 and r["model"].startswith("openai:")]
    assert {r["role"] for r in rows} == {"scorer", "editor", "verifier", "strategist"}
    with Journal(root / "calls.db") as journal:
        (usage,) = journal.costs().values()
    assert sum(r["calls"] for r in rows) == usage.calls == len(kept) == len(set(kept))
    assert sum(r["tokens_in"] for r in rows) == usage.tokens_in == sum(100 + serial for serial in kept)
    assert sum(r["usd"] for r in rows) == pytest.approx(usage.usd)
