"""Exam and calibration carry the server's sentence; where no call at all is answered they end instead of judging."""

from contextlib import closing
from typing import Any

import pytest

from coevo.agents import pool
from coevo.agents.calibration import built_in, calibrate, grades_of
from coevo.agents.exam import examine, examine_scorer
from coevo.agents.scorer import Scorer
from coevo.tiers.errors import AgentError, ServerError

from .asking import answer, chat
from .server import Handler, Server, Step, logprobs, reply

SAID = "Unsupported value: seed_words"
REFUSALS = [
    reply(400, {"error": {"message": SAID}}),
    reply(401, {"error": {"message": SAID}}),
    reply(500, {"error": {"message": SAID}}),
    reply(200, {"error": {"message": SAID}}),
    reply(200, {"choices": None, "detail": SAID}),
]


def judged(model: Any, documents: Any) -> Any:
    return grades_of(pool.run(Scorer(model, round=0, rubrics=["clarity"]), documents), "clarity", documents)


@pytest.mark.parametrize("role", ["editor", "verifier", "organizer", "synthesizer"])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_an_exam_whose_every_call_fails_ends_with_the_sentence(server: Server, role: str, refusal: Step) -> None:
    server.steps = [refusal]
    with closing(chat(server, retries=0)) as model, pytest.raises(ServerError, match=rf"exam of the {role} .*{SAID}"):
        examine(role, model, domains=("en", "math"), round=0)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_judge_that_nobody_hears_ends_with_the_sentence(server: Server, refusal: Step) -> None:
    server.steps = [refusal]
    with closing(chat(server, retries=0)) as model, pytest.raises(ServerError, match=SAID):
        examine_scorer(Scorer(model, round=0, rubrics=["clarity"]), built_in(), domains=("en",))


def test_an_exam_of_useless_answers_is_failed_with_the_first_error(server: Server) -> None:
    server.steps = [answer("I would rather not.")]
    with closing(chat(server)) as model:
        marks = examine("editor", model, domains=("en",), round=0)
    assert not marks.fit and "it held no JSON object" in marks.error


@pytest.mark.parametrize(
    ("step", "said"),
    [(answer("yes"), "returned no logprobs"), (logprobs(The=-0.001, A=-8.0), "does not answer with them")],
)
def test_a_calibration_without_grades_says_why(server: Server, step: Step, said: str) -> None:
    server.steps = [step]
    with closing(chat(server)) as model:
        found = calibrate(lambda documents: judged(model, documents), "clarity", domains=("en",))
    assert found.trust == 0 and said in found.reason and "have no grade" in found.reason


def test_one_failed_call_among_many_is_said_and_ends_nothing(server: Server) -> None:
    refused = built_in().of(["en"]).gold[0].good.strip()[:40]

    def one_refused(handler: Handler) -> None:
        fails = refused in handler.body["messages"][0]["content"]
        (REFUSALS[0] if fails else logprobs(yes=-0.4, no=-1.2))(handler)

    server.steps = [one_refused]
    with closing(chat(server, retries=0)) as model:
        found = calibrate(lambda documents: judged(model, documents), "clarity", domains=("en",))
        assert found.trust == 0 and SAID in found.reason


def test_a_server_error_ends_a_calibration() -> None:
    def unheard(_: Any) -> list[float]:
        raise ServerError(SAID)

    with pytest.raises(AgentError, match=SAID):
        calibrate(unheard, "clarity")
