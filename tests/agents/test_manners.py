"""A request is changed as far as a server refuses it, once for all chats; what stays refused reaches the user."""

import json
from contextlib import closing
from typing import Any

import pytest

from coevo.agents.backends.options import option_of
from coevo.agents.chat import Message
from coevo.tiers.errors import AgentError

from .asking import ASK, Verdict, answer, ask, chat
from .server import Handler, Server, Step, reply, yes


def error(message: str, status: int = 400, **more: Any) -> Step:
    return reply(status, {"error": {"message": message, "type": "invalid_request_error", **more}})


def unless(refused: str, refusal: Step, then: Step | None = None) -> Step:
    """Refuses what holds some text in its request."""
    return lambda handler: (refusal if refused in json.dumps(handler.body) else then or answer())(handler)


@pytest.mark.parametrize(
    ("field", "refusal"),
    [
        ('"max_tokens"', error("Unsupported parameter", param="max_tokens", code="unsupported_parameter")),
        ('"max_tokens"', error("'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")),
        ('"temperature"', error("Unsupported value", param="temperature", code="unsupported_value")),
        ('"temperature"', error("temperature must be strictly positive", 422)),
        (
            '"temperature"',
            reply(422, {"detail": [{"loc": ["body", "temperature"], "msg": "Extra inputs are not permitted"}]}),
        ),
        ("json_schema", error("This model does not support response format `json_schema`.")),
        ("json_schema", error("not supported", param="response_format")),
        ("json_schema", error("guided decoding backend is disabled: unsupported", 500)),
        ("json_schema", error("No endpoints found that support the requested parameters: response_format", 404)),
        ("json_schema", error("Bad Request")),
        ("json_schema", reply(400, b"nope")),
        ("json_schema", reply(422, b"{}")),
        ("json_schema", reply(500, b"Internal Server Error")),
        ("response_format", error("response_format is not available")),
        ("response_format", reply(400, b"?")),
    ],
)
def test_what_is_refused_is_left_out_and_remembered(server: Server, field: str, refusal: Step) -> None:
    server.steps = [unless(field, refusal)]
    with closing(chat(server, retries=0)) as model:
        assert model.complete(ASK, Verdict).value.keep
        asked = len(server.requests)
        assert model.complete(ASK, Verdict).value.keep and len(server.requests) == asked + 1
    with closing(chat(server, retries=0)) as other:  # another role with the same model
        assert other.complete(ASK, Verdict).value.keep and len(server.requests) == asked + 2
    body = server.bodies()[-1]
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 1024, "the bound on the answer stays"


def test_several_refusals_are_learned_one_after_the_other(server: Server) -> None:
    picky = unless(
        '"max_tokens"',
        error("unsupported", param="max_tokens"),
        unless("temperature", error("unsupported", param="temperature"), unless("response_format", reply(400, b""))),
    )
    assert ask(server, picky).value.keep
    assert sorted(server.bodies()[-1]) == ["max_completion_tokens", "messages", "model"]


def test_another_complaint_about_the_length_changes_nothing(server: Server) -> None:
    said = "'max_tokens' is too large: 1024. This model's maximum context length is 512 tokens"
    with pytest.raises(AgentError, match="maximum context length is 512"):
        ask(server, error(said, param="max_tokens"))
    assert len(server.requests) == 1


def test_a_field_of_the_users_own_is_not_taken_away(server: Server) -> None:
    with pytest.raises(AgentError, match="Unsupported value"):
        ask(server, error("Unsupported value", param="temperature"), request={"temperature": 0.7})
    assert [body["temperature"] for body in server.bodies()] == [0.7]


def test_a_form_that_was_answered_is_not_doubted_again(server: Server) -> None:
    server.steps = [answer(), error("Bad Request")]
    with closing(chat(server)) as model:
        model.complete(ASK, Verdict)
        with pytest.raises(AgentError, match="Bad Request"):
            model.complete([Message(role="user", content="Other?")], Verdict)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("refusal", "kept"),
    [
        (error("top_logprobs must be between 0 and 5"), 5),
        (error("Invalid", param="top_logprobs"), 10),
        (error("Requested sample logprobs of 20, which is greater than max allowed: 5"), 5),
    ],
)
def test_fewer_alternatives_are_asked_for(server: Server, refusal: Step, kept: int) -> None:
    def limited(handler: Handler) -> None:
        (refusal if handler.body["top_logprobs"] > kept else yes(0.75))(handler)

    server.steps = [limited]
    with closing(chat(server)) as model:
        assert model.choose(["?"], ["yes", "no"])[0].probabilities[0] == pytest.approx(0.75)
    assert server.bodies()[-1]["top_logprobs"] == kept


def test_a_server_without_logprobs_is_quoted(server: Server) -> None:
    server.steps = [error("'logprobs' is not supported with this model", param="logprobs")]
    with closing(chat(server)) as model, pytest.raises(AgentError, match="'logprobs' is not supported with this model"):
        model.choose(["?"], ["yes", "no"])


@pytest.mark.parametrize(
    "token",
    [
        " yes",
        "Ġyes",
        "▁yes",
        "▁Yes",
        "YES",
        "Yes.",
        '"yes',
        "**Yes**",
        "y",
        "bytes:\\x79\\x65\\x73",
        "<0x79>",
        "\uff59\uff45\uff53",
        "ĊYes",
    ],
)
def test_an_option_is_known_in_every_spelling(token: str) -> None:
    assert option_of(token, b"", [" yes", " no"]) == 0


@pytest.mark.parametrize("token", ["", " ", "Ġ", "maybe", "<think>", "\ufffd", '"', "yesterday"])
def test_what_is_no_option_is_none(token: str) -> None:
    assert option_of(token, b"", [" yes", " no"]) is None


def test_bytes_say_what_the_text_does_not() -> None:
    assert option_of("token_id:9", b" yes", ["yes", "no"]) == 0
    assert option_of("\ufffd", "是".encode(), ["是", "否"]) == 0
    assert option_of("æĺ¯", b"", ["是", "否"]) == 0
    assert option_of("Ġ5", b"", [*"012345"]) == 5
    assert option_of("▁a", b"", ["a", "A"]) == 0 and option_of("ĠA", b"", ["a", "A"]) == 1
