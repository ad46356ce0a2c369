"""What a server does to a request: statuses, waits, slowness, dropped connections and broken bodies."""

import gc
import json
import socket
import weakref
from contextlib import closing
from typing import Any

import pytest

from coevo.agents.backends import check, open_chat
from coevo.agents.chat import Message
from coevo.tiers.errors import AgentError, SpendingError

from .asking import ASK, Verdict, answer, ask, chat
from .server import PAGE, Handler, Server, Step, cut_short, dripping, endless, hang_up, reply, silent


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refusal_for_credentials_or_money_is_not_repeated_and_hides_the_key(
    server: Server, key: str, status: int
) -> None:
    with pytest.raises(SpendingError, match=str(status)) as caught:
        ask(server, reply(status, {"error": {"message": f"bad key {key}"}}))
    assert len(server.requests) == 1
    assert key not in str(caught.value) and "[key]" in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        {"code": "InvalidApiKey", "message": "bad"},
        {"error": {"type": "authentication_error", "message": "bad"}},
        {"error": {"code": 403, "message": "bad"}},
    ],
)
def test_a_refusal_of_the_key_inside_of_a_200_is_one(server: Server, body: dict[str, Any]) -> None:
    with pytest.raises(SpendingError, match=r"answered 40[13]: 'bad'"):
        ask(server, reply(200, body))
    assert len(server.requests) == 1


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
    assert 6.9 <= waits[0] <= 7.7
    waits.clear()
    ask(server, reply(429, b"", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), answer(), waits=waits)
    assert waits == []
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


@pytest.mark.parametrize("step", [silent, dripping])
def test_a_slow_answer_times_out_and_is_asked_for_again(server: Server, step: Step) -> None:
    assert ask(server, step, answer(), timeout_seconds=2).value.keep
    with pytest.raises(AgentError, match=r"agents.timeout_seconds=0.3 \(tried once\)"):
        ask(server, step, timeout_seconds=0.3, retries=0)


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
        ask(server, PAGE)
    assert len(server.requests) == 1


def test_an_error_inside_a_200_counts_as_its_code(server: Server) -> None:
    assert ask(server, reply(200, {"error": {"code": 502, "message": "upstream"}}), answer()).value.keep
    with pytest.raises(AgentError, match="odd"):
        ask(server, reply(200, {"error": {"code": {"odd": 1}}}))


def test_an_endless_answer_is_cut_off(server: Server) -> None:
    with pytest.raises(AgentError, match="more than 4 MiB"):
        ask(server, endless())
    assert len(server.requests) == 1


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
    gone = weakref.ref(model)
    del model
    gc.collect()  # an open socket would warn here, and warnings are errors
    assert gone() is None


def test_an_answer_left_over_from_the_question_before_is_nobodys(server: Server) -> None:
    def twice(handler: Handler) -> None:
        right, wrong = (
            json.dumps({"choices": [{"message": {"content": f'{{"keep": {keep}, "reason": "r"}}'}}]}).encode()
            for keep in ("true", "false")
        )
        handler.wfile.write(
            b"".join(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(b), b) for b in (right, wrong))
        )

    server.steps = [twice]
    with closing(chat(server)) as model:
        assert [model.complete(ASK, Verdict).value.keep for _ in range(4)] == [True] * 4
    with closing(chat(server, retries=0)) as model:
        model.complete(ASK, Verdict)
        with pytest.raises(AgentError, match="it had answered before it was asked"):
            model.complete(ASK, Verdict)
