"""Probabilities of options from a server's log-probabilities."""

from contextlib import closing

import pytest

from coevo.agents.chat import UselessAnswer
from coevo.tiers.errors import SpendingError

from .asking import answer, chat
from .server import NAN, Handler, Server, Step, logprobs, reply, yes


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


def test_prompts_that_begin_alike_are_sent_one_after_the_other(server: Server) -> None:
    server.steps = [yes(0.5)]
    asked = [
        f"{document} {rubric}" for rubric in ("Clear?", "Dense?") for document in ("A pump.", "A lamp.", "A tank.")
    ]
    with closing(chat(server, concurrency=1)) as model:
        model.choose(asked, [" yes", " no"])
    assert [body["messages"][0]["content"] for body in server.bodies()] == sorted(asked)


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (answer("yes"), "no logprobs"),
        (answer("yes", logprobs={"content": []}), "no logprobs"),
        (NAN, "no numbers"),
        (logprobs(The=-0.001, yes=-9.0), "0.01% of its probability on yes/no"),
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
