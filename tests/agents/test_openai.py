"""The `openai:` backend against a real HTTP server that fails in every way a server can."""

import gc
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from coevo.agents.backends import check, open_chat
from coevo.agents.backends.openai import OpenAIChat, is_strict
from coevo.agents.backends.transport import MAX_ANSWER_BYTES
from coevo.agents.budget import Price
from coevo.agents.chat import Message, UselessAnswer
from coevo.agents.journal import Journal
from coevo.tiers.errors import AgentError, SpendingError
from coevo.tiers.record import Record

KEY = "sk-very-secret"


class Verdict(Record):
    keep: bool
    reason: str


GOOD = '{"keep": true, "reason": "clear"}'
ASK = [Message(role="user", content="Keep it?")]
Step = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.script
        with server.lock:
            server.requests.append((self.path, dict(self.headers), body))
            step = server.steps.pop(0) if len(server.steps) > 1 else server.steps[0]
        try:
            step(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_GET(self) -> None:
        self.script.steps[0](self)

    @property
    def script(self) -> "Server":
        assert isinstance(self.server, Server)
        return self.server

    def send(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.steps: list[Step] = []
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # a client that hung up is what some tests are about

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.requests]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def answer(content: str | None = GOOD, **more: Any) -> Step:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop", **more}
    return reply(200, {"choices": [choice], "usage": {"prompt_tokens": 100, "completion_tokens": 10}})


def reply(status: int, body: Any, **headers: str) -> Step:
    return lambda h: h.send(status, body if isinstance(body, bytes) else json.dumps(body).encode(), **headers)


def logprobs(**tokens: float) -> Step:
    entries = [{"token": t, "logprob": p} for t, p in tokens.items()]
    first = {**entries[0], "top_logprobs": entries}
    return answer("yes", logprobs={"content": [first]})


def chat(server: Server, **options: Any) -> OpenAIChat:
    waits: list[float] = options.pop("waits", [])
    options = {"retries": 2, "timeout_seconds": 5.0, "sleep": waits.append, **options}
    opened = open_chat(f"openai:{options.pop('model', 'm')}@{server.base}", **options)
    assert isinstance(opened, OpenAIChat)
    return opened


def ask(server: Server, *steps: Step, **options: Any) -> Any:
    server.steps = list(steps)
    with closing(chat(server, **options)) as model:
        return model.complete(ASK, Verdict)


def test_an_answer_is_validated_and_priced(server: Server) -> None:
    done = ask(server, answer(), price=Price(tokens_in=2.0, tokens_out=10.0))
    assert done.value == Verdict(keep=True, reason="clear")
    assert (done.usage.tokens_in, done.usage.tokens_out, done.usage.calls) == (100, 10, 1)
    assert done.usage.usd == pytest.approx((100 * 2 + 10 * 10) / 1e6)
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    form = body["response_format"]
    assert form["type"] == "json_schema" and form["json_schema"]["strict"] is True
    assert body["model"] == "m" and body["temperature"] == 0


def test_unreported_usage_is_estimated_from_the_sizes(server: Server) -> None:
    done = ask(server, reply(200, {"choices": [{"message": {"content": GOOD}}]}))
    assert done.usage.tokens_in == 2  # "Keep it?": 8 bytes, 4 a token
    assert done.usage.tokens_out > 5


def test_request_fields_are_added_and_taken_away(server: Server) -> None:
    ask(server, answer(), request={"temperature": None, "max_tokens": None, "max_completion_tokens": 7})
    (body,) = server.bodies()
    assert "temperature" not in body and "max_tokens" not in body and body["max_completion_tokens"] == 7


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refusal_for_credentials_or_money_is_not_repeated_and_hides_the_key(server: Server, status: int) -> None:
    with pytest.raises(SpendingError, match=str(status)) as caught:
        ask(server, reply(status, {"error": {"message": f"bad key {KEY}"}}))
    assert len(server.requests) == 1
    assert KEY not in str(caught.value) and "[key]" in str(caught.value)


def test_a_429_for_lack_of_credit_is_a_spending_error(server: Server) -> None:
    with pytest.raises(SpendingError, match="credit"):
        ask(server, reply(429, {"error": {"code": "insufficient_quota", "message": "quota"}}))
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_passing_failures_are_tried_again(server: Server, status: int) -> None:
    waits: list[float] = []
    done = ask(server, reply(status, b"busy"), reply(status, b"busy"), answer(), waits=waits)
    assert done.value.keep and done.usage.calls == 1
    assert len(waits) == 2 and 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0


def test_waits_are_reproducible_and_differ_between_calls(server: Server) -> None:
    first: list[float] = []
    again: list[float] = []
    ask(server, reply(503, b""), answer(), waits=first)
    ask(server, reply(503, b""), answer(), waits=again)
    assert first == again
    other: list[float] = []
    server.steps = [reply(503, b""), answer()]
    with closing(chat(server, waits=other)) as model:
        model.complete([Message(role="user", content="Other?")], Verdict)
    assert other != first


def test_retry_after_is_obeyed_within_reason(server: Server) -> None:
    waits: list[float] = []
    ask(server, reply(429, b"", Retry_After="7"), answer(), waits=waits)
    assert 7 <= waits[0] <= 7.7
    waits.clear()
    ask(server, reply(429, b"", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), answer(), waits=waits)
    assert waits == [0.0]
    with pytest.raises(AgentError, match=r"3600 s, more than agents.max_wait_seconds=60"):
        ask(server, reply(429, b"", Retry_After="3600"))


def test_a_failure_that_stays_is_an_error_that_says_how_often(server: Server) -> None:
    with pytest.raises(AgentError, match=r"answered 503.*tried 3 times"):
        ask(server, reply(503, b"no workers"))
    assert len(server.requests) == 3


def test_a_rejected_request_is_not_repeated(server: Server) -> None:
    with pytest.raises(AgentError, match="context length"):
        ask(server, reply(400, {"error": {"message": "context length exceeded"}}))
    assert len(server.requests) == 1


def test_a_server_without_response_format_is_asked_plainly_from_then_on(server: Server) -> None:
    server.steps = [reply(400, {"error": {"message": "response_format is not supported"}}), answer()]
    with closing(chat(server)) as model:
        assert model.complete(ASK, Verdict).value.keep
        assert model.complete(ASK, Verdict).value.keep
    assert ["response_format" in body for body in server.bodies()] == [True, False, False]


def slow(handler: Handler) -> None:
    time.sleep(0.6)
    answer()(handler)


def dripping(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(20):
        handler.wfile.write(b" ")
        time.sleep(0.1)


@pytest.mark.parametrize("step", [slow, dripping])
def test_a_slow_answer_times_out_and_is_asked_for_again(server: Server, step: Step) -> None:
    assert ask(server, step, answer(), timeout_seconds=0.3).value.keep
    with pytest.raises(AgentError, match=r"agents.timeout_seconds=0.3 \(tried once\)"):
        ask(server, step, timeout_seconds=0.3, retries=0)


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def cut_short(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


@pytest.mark.parametrize("step", [hang_up, cut_short])
def test_a_dropped_connection_is_tried_again(server: Server, step: Step) -> None:
    assert ask(server, step, answer()).value.keep
    with pytest.raises(AgentError, match="dropped the connection"):
        ask(server, step)


@pytest.mark.parametrize("body", [b'{"choices": [{"mess', b"", b'{"a":' * 5000])
def test_broken_json_is_tried_again(server: Server, body: bytes) -> None:
    assert ask(server, reply(200, body), answer()).value.keep
    with pytest.raises(AgentError, match="broken JSON"):
        ask(server, reply(200, body))


def test_a_web_page_is_no_model_server(server: Server) -> None:
    with pytest.raises(AgentError, match=r"does not speak the OpenAI protocol.*check the base URL"):
        ask(server, reply(200, b"<!doctype html><title>Welcome</title>", kind="text/html"))
    assert len(server.requests) == 1


def test_an_error_inside_a_200_counts_as_its_code(server: Server) -> None:
    assert ask(server, reply(200, {"error": {"code": 502, "message": "upstream"}}), answer()).value.keep
    with pytest.raises(AgentError, match="odd"):
        ask(server, reply(200, {"error": {"code": {"odd": 1}}}))


def test_an_endless_answer_is_cut_off(server: Server) -> None:
    with pytest.raises(AgentError, match="more than 4 MiB"):
        ask(server, reply(200, b'{"choices": "' + b"x" * (MAX_ANSWER_BYTES * 5 // 2)))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "content",
    [
        f"Sure! Here it is:\n```json\n{GOOD}\n```\nAnything else?",
        f"<think>is {{this}} good?</think>{GOOD}",
        f"{{'draft'}} {GOOD}",
    ],
)
def test_prose_around_the_json_is_passed_over(server: Server, content: str) -> None:
    done = ask(server, answer(content))
    assert done.value == Verdict(keep=True, reason="clear") and done.usage.calls == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"keep": "perhaps", "reason": "x"}', "keep"),
        ('{"keep": true}', "reason"),
        ('{"keep": true, "reason": "x", "extra": 1}', "extra"),
        ("I would keep it.", "no JSON object"),
        (GOOD[:-5], "no JSON object"),
        (GOOD + GOOD.replace("true", "false"), "several JSON objects"),
        ('{"keep": true, "reason": "\\ud800"}', "surrogate"),
        ("[" * 100_000, "no JSON object"),
    ],
)
def test_a_wrong_answer_is_sent_back_once(server: Server, content: str, problem: str) -> None:
    done = ask(server, answer(content), answer())
    assert done.value.keep and done.usage.calls == 2 and done.usage.tokens_in == 200
    said = server.bodies()[1]["messages"]
    assert [m["role"] for m in said] == ["user", "assistant", "user"]
    assert problem in said[2]["content"] and '"keep"' in said[2]["content"]
    with pytest.raises(UselessAnswer, match=problem) as caught:
        ask(server, answer(content))
    assert caught.value.usage.calls == 2


def test_an_answer_cut_at_its_limit_is_not_taken_even_if_it_parses(server: Server) -> None:
    done = ask(server, answer('{"keep": false, "reason": ""}', finish_reason="length"), answer())
    assert done.value.keep and done.usage.calls == 2


@pytest.mark.parametrize(
    "step", [reply(200, {"choices": []}), reply(200, {"choices": None}), answer(None), answer("  "), reply(200, {})]
)
def test_an_empty_answer_is_asked_for_once_more(server: Server, step: Step) -> None:
    assert ask(server, step, answer()).usage.calls == 2
    assert server.bodies()[0]["messages"] == server.bodies()[1]["messages"]
    with pytest.raises(UselessAnswer, match=r"no choices|empty"):
        ask(server, step)


def test_a_refusal_is_final_and_its_cost_is_kept(server: Server) -> None:
    refusal = reply(200, {"choices": [{"message": {"refusal": "I cannot"}}], "usage": {"prompt_tokens": 9}})
    with pytest.raises(UselessAnswer, match="I cannot") as caught:
        ask(server, refusal)
    assert len(server.requests) == 1 and caught.value.usage.tokens_in == 9


def test_what_a_first_answer_cost_is_kept_when_the_repair_fails(server: Server) -> None:
    with pytest.raises(UselessAnswer, match="answered 400") as caught:
        ask(server, answer("no"), reply(400, b"{}"))
    assert caught.value.usage.calls == 1


def test_options_get_their_normalised_probabilities(server: Server) -> None:
    server.steps = [logprobs(**{"Yes": -0.5, " yes": -2.0, "No": -1.5, "Maybe": -3.0})]
    with closing(chat(server)) as model:
        (choice,) = model.choose(["Good?"], [" yes", " no"])
    yes, no = 2.718281828**-0.5 + 2.718281828**-2.0, 2.718281828**-1.5
    assert choice.probabilities == pytest.approx((yes / (yes + no), no / (yes + no)))
    (body,) = server.bodies()
    assert body["max_tokens"] == 1 and body["logprobs"] is True and body["top_logprobs"] == 20


def test_a_token_that_begins_one_option_counts_for_it(server: Server) -> None:
    server.steps = [logprobs(**{"cor": -0.7, "inc": -1.4, "": -1.0, "i": -9.0})]
    with closing(chat(server)) as model:
        (choice,) = model.choose(["?"], ["correct", "incorrect"])
    assert choice.probabilities[0] == pytest.approx(0.668, abs=0.01)


def test_many_prompts_are_answered_in_their_order(server: Server) -> None:
    def by_prompt(handler: Handler) -> None:
        said = server.requests[-1][2]["messages"][0]["content"]
        (logprobs(yes=-0.1, no=-3.0) if "good" in said else logprobs(yes=-3.0, no=-0.1))(handler)

    server.steps = [by_prompt]
    with closing(chat(server, concurrency=1)) as model:
        choices = model.choose(["good", "bad", "good"], ["yes", "no"])
    assert [c.probabilities[0] > 0.5 for c in choices] == [True, False, True]


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (answer("yes"), "no logprobs"),
        (answer("yes", logprobs={"content": []}), "no logprobs"),
        (logprobs(yes=float("nan"), no=-1.0), "no numbers"),
        (logprobs(The=-0.001, yes=-9.0), "0.01% of its probability on yes/no"),
        (reply(200, {"choices": []}), "no choices"),
    ],
)
def test_without_usable_logprobs_nothing_is_judged(server: Server, step: Step, problem: str) -> None:
    server.steps = [step]
    with closing(chat(server)) as model:
        with pytest.raises(UselessAnswer, match=problem) as caught:
            model.choose(["?"], ["yes", "no"])
        with pytest.raises(UselessAnswer) as both:
            model.choose(["?", "!"], ["yes", "no"])
    assert caught.value.usage.calls == 1 and both.value.usage.calls == 2


def test_a_refused_key_ends_a_choose_over_many_prompts(server: Server) -> None:
    server.steps = [reply(401, b"{}")]
    with closing(chat(server, concurrency=2)) as model, pytest.raises(SpendingError):
        model.choose([f"{i}" for i in range(200)], ["yes", "no"])
    assert len(server.requests) < 100


def test_nobody_there_is_said_once_patiently_and_then_at_once() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        waits: list[float] = []
        url = f"openai:m@http://127.0.0.1:{held.getsockname()[1]}"
        model = open_chat(url, retries=2, sleep=waits.append)
        with pytest.raises(AgentError, match=r"cannot reach http://127.*agents.<role>=offline: \(tried 3 times\)"):
            model.complete(ASK, Verdict)
        assert len(waits) == 2
        with pytest.raises(AgentError, match="tried once"):
            model.complete(ASK, Verdict)
        assert len(waits) == 2
        with pytest.raises(AgentError, match="cannot reach"):
            check(model)


def test_a_forgotten_chat_lets_go_of_its_connections(server: Server) -> None:
    server.steps = [answer()]
    model = chat(server)
    model.complete(ASK, Verdict)
    del model
    gc.collect()  # an open socket would warn here, and warnings are errors


def without_list(handler: Handler) -> None:
    """A server that has no list of models, but looks at questions."""
    handler.send(404 if handler.command == "GET" else 400, b"{}")


def test_check_tells_a_model_server_from_others(server: Server) -> None:
    with closing(chat(server)) as model:
        for fine in (reply(200, {"data": []}), without_list, reply(500, b"")):
            server.steps = [fine]
            check(model)
        server.steps = [reply(404, b"{}")]
        with pytest.raises(AgentError, match="neither /models nor /chat/completions"):
            check(model)
        server.steps = [reply(200, b"<html>")]
        with pytest.raises(AgentError, match="does not speak"):
            check(model)
        server.steps = [reply(401, b"{}")]
        with pytest.raises(SpendingError):
            check(model)


def test_a_model_that_the_server_does_not_know_is_named_before_any_work(server: Server) -> None:
    def knows(handler: Handler) -> None:
        if handler.command == "GET":
            return handler.send(200, b'{"data": [{"id": "qwen3-4b"}, {"id": "llama"}]}')
        return handler.send(404, b'{"error": {"message": "The model does not exist"}}')

    server.steps = [knows]
    with closing(chat(server, model="qwen3-4B")) as model:
        with pytest.raises(AgentError, match=r"has no model 'qwen3-4B': did you mean 'qwen3-4b'\? It lists"):
            check(model)
        assert server.bodies() == [{"model": "qwen3-4B", "messages": []}], "nothing was asked that costs"
    with closing(chat(server, model="llama")) as model:
        check(model)
        assert len(server.bodies()) == 1


def test_lone_surrogates_in_a_document_are_sent_as_question_marks(server: Server) -> None:
    server.steps = [answer()]
    with closing(chat(server)) as model:
        model.complete([Message(role="user", content="a\ud800b")], Verdict)
    assert server.bodies()[0]["messages"][0]["content"] == "a?b"


def test_recorded_answers_are_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    server.steps = [answer("no JSON"), answer()]
    journal = Journal(tmp_path / "journal.db", scope="round-1")
    with closing(chat(server, journal=journal)) as model:
        first = model.complete(ASK, Verdict)
        assert model.complete(ASK, Verdict) == first
        assert first.usage.calls == 2 and len(server.requests) == 2
        assert journal.costs()[model.url].calls == 2
        server.steps = [logprobs(yes=-0.1)]
        judged = model.choose(["a", "b", "a"], ["yes", "no"])
        assert model.choose(["a", "b", "a"], ["yes", "no"]) == judged
        assert len(server.requests) == 4
    journal.close()


def test_a_joint_choose_that_fails_charges_nothing_that_will_be_charged_again(server: Server, tmp_path: Path) -> None:
    server.steps = [logprobs(yes=-0.1), answer("yes")]
    journal = Journal(tmp_path / "journal.db")
    with closing(chat(server, journal=journal, concurrency=1)) as model:
        with pytest.raises(UselessAnswer) as joint:
            model.choose(["a", "b"], ["yes", "no"])
        assert joint.value.usage.calls == 0
        (one,) = model.choose(["a"], ["yes", "no"])
        with pytest.raises(UselessAnswer) as other:
            model.choose(["b"], ["yes", "no"])
    assert one.usage.calls + other.value.usage.calls == 2 == journal.costs()[model.url].calls
    journal.close()


def test_failures_are_not_recorded(server: Server, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    with pytest.raises(AgentError):
        ask(server, reply(503, b""), journal=journal)
    assert journal.costs() == {}
    assert ask(server, answer(), journal=journal).value.keep
    journal.close()


class Loose(BaseModel):
    scores: dict[str, float] = {}


def test_strict_is_claimed_only_for_closed_schemas() -> None:
    assert is_strict(Verdict.model_json_schema())
    assert not is_strict(Loose.model_json_schema())
