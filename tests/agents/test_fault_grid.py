"""Every fault of a server in every kind of call and in roles: a sentence, no traceback, no hang, nothing recorded."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coevo.agents import pool
from coevo.agents.backends import check, wire
from coevo.agents.chat import Message, UselessAnswer
from coevo.agents.editor import Editor
from coevo.agents.journal import Journal
from coevo.agents.scorer import Scorer
from coevo.tiers.decision import Action, Usage
from coevo.tiers.errors import AgentError

from .asking import Verdict, answer, chat
from .faults import CLOCK, FAULTS, GOOD, TIMEOUT, UNSCORED, Fault, token, top
from .passes import documents, well
from .server import Handler, Server, Step, reply, serving, yes

CALLS: dict[str, tuple[Callable[[Any], Any], Step]] = {
    "complete": (
        lambda model: model.complete([Message(role="user", content="Keep it?")], Verdict).value.keep,
        answer(),
    ),
    "choose": (lambda model: model.choose(["Good?"], ["yes", "no"])[0].probabilities[0], yes(0.75)),
}
RIGHT = {"complete": True, "choose": pytest.approx(0.75)}


@pytest.fixture(scope="module")
def _server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def _journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    with Journal(tmp_path_factory.mktemp("grid") / "calls.db") as journal:
        yield journal


@dataclass
class Grid:
    """One server and one journal for all faults; each cell asks a model of its own name."""

    server: Server
    journal: Journal
    name: str

    def opened(self, **options: Any) -> Any:
        options = {"timeout_seconds": TIMEOUT, "retries": 1, "journal": self.journal, **options}
        return chat(self.server, model=self.name, **options)

    @property
    def recorded(self) -> int:
        return sum(u.calls for url, u in self.journal.costs().items() if f":{self.name}@" in url)


@pytest.fixture
def grid(_server: Server, _journal: Journal, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Grid:
    monkeypatch.setattr(wire, "time", CLOCK)
    _server.requests.clear()
    return Grid(_server, _journal, re.sub(r"\W", "-", request.node.name))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_sentence_and_no_answer(grid: Grid, name: str, call: str) -> None:
    fault, (ask, good) = FAULTS[name], CALLS[call]
    server = grid.server
    with closing(grid.opened()) as model:
        server.steps = [fault.step]
        with pytest.raises(AgentError, match=fault.sentence) as caught:
            ask(model)
        str(caught.value).encode()  # it can be written anywhere
        assert grid.recorded == 0, "a failure is no answer"
        if fault.passes:
            forms = [body.get("response_format", {}).get("type") for body in server.bodies()]
            wanted = "json_schema" if call == "complete" else None
            assert forms[:2] == [wanted] * 2 and wanted not in forms[2:], "it may pass, so it was tried once more"
            server.steps = [fault.step, good]
            assert ask(model) == RIGHT[call]
            assert grid.recorded == 1


@pytest.mark.parametrize("name", UNSCORED)
def test_without_sound_log_probabilities_nothing_is_judged_or_recorded(grid: Grid, name: str) -> None:
    fault, (ask, good) = UNSCORED[name], CALLS["choose"]
    server = grid.server
    with closing(grid.opened()) as model:
        server.steps = [fault.step]
        with pytest.raises(AgentError, match=fault.sentence) as caught:
            ask(model)
        assert grid.recorded == 0 and len(server.requests) == 1 + fault.passes
        if not fault.passes:
            assert isinstance(caught.value, UselessAnswer) and caught.value.usage.calls == 1
        server.steps = [good]  # the server was mended
        assert ask(model) == RIGHT["choose"]


@pytest.mark.parametrize("name", FAULTS)
def test_the_list_of_models_may_be_anything(grid: Grid, name: str) -> None:
    grid.server.steps = [FAULTS[name].step]
    with closing(grid.opened()) as model:
        try:
            check(model)
        except AgentError as error:
            str(error).encode()


@pytest.mark.parametrize("ident", ["half \ud83d", 5, None, {"a": 1}, "9" * 500])
def test_names_of_models_may_be_anything(server: Server, ident: Any) -> None:
    def lists(handler: Handler) -> None:
        if handler.command == "GET":
            return handler.send(200, json.dumps({"data": [{"id": ident}, {"id": "other"}, 7, None]}).encode())
        return handler.send(404, b"{}")

    server.steps = [lists]
    with closing(chat(server)) as model, pytest.raises(AgentError, match="has no model 'm'") as caught:
        check(model)
    str(caught.value).encode()


@pytest.mark.parametrize("make", [lambda m: Scorer(m, round=1, rubrics=("clarity",)), lambda m: Editor(m, round=1)])
@pytest.mark.parametrize("name", FAULTS)
def test_a_role_accounts_for_every_document(grid: Grid, name: str, make: Callable[[Any], pool.Role]) -> None:
    server = grid.server
    server.steps, texts = [FAULTS[name].step], documents(2)
    with closing(grid.opened(retries=0)) as model:
        decided = pool.run(make(model), texts)
        assert [d.doc for d in decided] == [t.id for t in texts]
        assert all(d.action is Action.NONE and d.error and d.usage == Usage() for d in decided), decided
        assert grid.recorded == 0
        server.steps = [well]
        assert all(d.action is not Action.NONE for d in pool.run(make(model), texts)), "nothing false was kept"


def test_a_foreign_field_decides_nothing(server: Server) -> None:
    scored_token = {**token("yes", -0.1), "top_logprobs": [token("yes", -0.1), token("...", -3.0)]}
    step = reply(
        200,
        {
            "options": [-9.0, -0.1],
            "truncated": "many",
            "choices": [{"message": {"content": "yes"}, "logprobs": {"content": [scored_token]}}],
        },
    )
    server.steps = [step]
    with closing(chat(server)) as model:
        (choice,) = model.choose(["?"], ["yes", "no"])
    assert choice.probabilities == (1.0, 0.0) and choice.truncated == 0


def test_alternatives_by_token_and_the_first_of_several_choices_are_read(server: Server) -> None:
    by_token = {**token("yes", -0.1), "top_logprobs": {"yes": math.log(0.75), "no": math.log(0.25)}}
    other = {"index": 1, "message": {"content": "no"}, "logprobs": {"content": [token("no", -0.1)]}}
    first = {"index": 0, "message": {"content": "yes"}, "logprobs": {"content": [by_token]}}
    server.steps = [reply(200, {"choices": [other, first]})]
    with closing(chat(server)) as model:
        assert model.choose(["?"], ["yes", "no"])[0].probabilities[0] == pytest.approx(0.75)


def test_a_page_from_a_server_that_has_answered_before_may_pass(grid: Grid) -> None:
    ask, good = CALLS["complete"]
    page = reply(200, b"<html>502 Bad Gateway</html>", kind="text/html")
    with closing(grid.opened()) as model:
        grid.server.steps = [good, page, good]
        assert ask(model)
        asked = model.complete([Message(role="user", content="And this?")], Verdict)
        assert asked.value.keep and len(grid.server.requests) == 3
        grid.server.steps = [page]
        with pytest.raises(AgentError, match="no JSON object: '<html>502"):
            model.complete([Message(role="user", content="And that?")], Verdict)
        assert grid.recorded == 2


@pytest.mark.parametrize("serves", [True, False])
def test_a_list_of_models_that_is_too_long_to_be_read(server: Server, serves: bool) -> None:
    listed = json.dumps({"data": [{"id": f"organization/{'x' * 40}-{n}"} for n in range(100_000)]}).encode()
    server.steps = [lambda h: h.send(200, listed) if h.command == "GET" else h.send(400 if serves else 404, b"{}")]
    with closing(chat(server)) as model:
        if serves:
            check(model)
        else:
            with pytest.raises(AgentError, match="has no model 'm': Its list is too long"):
                check(model)


@pytest.mark.parametrize(
    ("content", "usable"),
    [
        ('{"keep": false, "keep": true, "reason": "x"}', False),
        ('Here: {"keep": false, "reason": "x", "keep": true}', False),
        ('{"keep": true, "keep": true, "reason": "x"}', True),
    ],
)
def test_a_field_that_stands_twice_with_two_values_is_no_answer(server: Server, content: str, usable: bool) -> None:
    server.steps = [answer(content)]
    with closing(chat(server)) as model:
        if usable:
            assert model.complete([Message(role="user", content="?")], Verdict).value.keep
        else:
            with pytest.raises(UselessAnswer, match="keep stands in it twice"):
                model.complete([Message(role="user", content="?")], Verdict)


@pytest.mark.parametrize("field", ["reasoning_text", "thoughts", "thinking_blocks", "analysis", "reasoning_summary"])
def test_thinking_in_a_field_of_any_vendor_is_no_answer(server: Server, field: str) -> None:
    server.steps = [answer(None, message={"content": None, field: '{"keep": false, "reason": "a draft"}'})]
    with closing(chat(server)) as model, pytest.raises(UselessAnswer, match="it thought and then answered nothing"):
        model.complete([Message(role="user", content="?")], Verdict)


def test_a_filter_of_the_provider_is_final_paid_and_not_recorded(grid: Grid) -> None:
    server = grid.server
    server.steps = [answer("{}", finish_reason="content_filter")]
    with closing(grid.opened()) as model:
        with pytest.raises(UselessAnswer, match="content filter of the provider") as caught:
            CALLS["complete"][0](model)
        assert caught.value.usage.tokens_in == 100 and grid.recorded == 0 and len(server.requests) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"prompt_tokens": "many"}, {"prompt_tokens": -1}, {"prompt_tokens": 10**400}, [], 7, {"prompt_tokens": True}],
)
def test_odd_usage_is_estimated(server: Server, wrong: Any) -> None:
    server.steps = [reply(200, GOOD | {"usage": wrong})]
    with closing(chat(server)) as model:
        done = model.complete([Message(role="user", content="Keep it?")], Verdict)
    assert done.usage.tokens_in == 2 and done.usage.tokens_out > 5


UNFOLDED = """
import resource, zstandard, sys
from coevo.agents.backends.decoding import TooLong, Undecodable, decoded
frame = zstandard.compress(bytes(64 << 20))
wide = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=27)).compressobj()
wide = wide.compress(bytes(1 << 20)) + wide.flush()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
for body, codings in ((frame * 48, "zstd"), (wide, "zstd"), (zstandard.compress(frame * 48), "zstd, zstd")):
    try:
        decoded(body, codings, 4 << 20)
    except (TooLong, Undecodable) as error:
        print(type(error).__name__)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_an_answer_of_gigabytes_takes_megabytes() -> None:
    done = subprocess.run([sys.executable, "-c", UNFOLDED], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["TooLong", "Undecodable", "TooLong"]


def test_the_grid_tells_its_faults_from_answers(server: Server) -> None:
    """The same asking brings an answer where nothing is wrong, in every coding that can be undone."""
    assert isinstance(FAULTS["500"], Fault)
    server.steps = [top(token("yes", -0.1), token("no", -2.4))]
    with closing(chat(server)) as model:
        assert model.choose(["?"], ["yes", "no"])[0].probabilities[0] > 0.8
