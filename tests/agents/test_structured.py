"""Answers in the form of a schema: validated, repaired once, priced."""

from contextlib import closing

import pytest
from pydantic import BaseModel

from coevo.agents.backends.openai import is_strict
from coevo.agents.budget import Price
from coevo.agents.chat import Message, UselessAnswer

from .asking import ASK, GOOD, Verdict, answer, ask, chat
from .server import REFUSAL, Server, Step, reply


def test_an_answer_is_validated_and_priced(server: Server, key: str) -> None:
    done = ask(server, answer(), price=Price(tokens_in=2.0, tokens_out=10.0))
    assert done.value == Verdict(keep=True, reason="clear")
    assert (done.usage.tokens_in, done.usage.tokens_out, done.usage.calls) == (100, 10, 1)
    assert done.usage.usd == pytest.approx((100 * 2 + 10 * 10) / 1e6)
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {key}"
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


def test_a_server_without_json_schema_is_asked_more_loosely_from_then_on(server: Server) -> None:
    server.steps = [reply(400, {"error": {"message": "response_format is not supported"}}), answer()]
    with closing(chat(server)) as model:
        assert model.complete(ASK, Verdict).value.keep
        assert model.complete(ASK, Verdict).value.keep
    formats = [body["response_format"]["type"] for body in server.bodies()]
    assert formats == ["json_schema", "json_object", "json_object"]


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


@pytest.mark.parametrize("step", [answer(None), answer("  "), answer([])])
def test_an_empty_answer_is_asked_for_once_more(server: Server, step: Step) -> None:
    assert ask(server, step, answer()).usage.calls == 2
    assert server.bodies()[0]["messages"] == server.bodies()[1]["messages"]
    with pytest.raises(UselessAnswer, match="empty"):
        ask(server, step)


def test_a_refusal_is_final_and_its_cost_is_kept(server: Server) -> None:
    with pytest.raises(UselessAnswer, match="I cannot") as caught:
        ask(server, REFUSAL)
    assert len(server.requests) == 1 and caught.value.usage.tokens_in == 9


def test_what_a_first_answer_cost_is_kept_when_the_repair_fails(server: Server) -> None:
    with pytest.raises(UselessAnswer, match="answered 400") as caught:
        ask(server, answer("no"), reply(400, b"{}"))
    assert caught.value.usage.calls == 1


def test_lone_surrogates_in_a_document_are_sent_as_question_marks(server: Server) -> None:
    server.steps = [answer()]
    with closing(chat(server)) as model:
        model.complete([Message(role="user", content="a\ud800b")], Verdict)
    assert server.bodies()[0]["messages"][0]["content"] == "a?b"


class Loose(BaseModel):
    scores: dict[str, float] = {}


def test_strict_is_claimed_only_for_closed_schemas() -> None:
    assert is_strict(Verdict.model_json_schema())
    assert not is_strict(Loose.model_json_schema())
