"""Whatever a foreign mechanism does in any method: a sentence, a plan that can be executed, and the round as it was."""

import json
from typing import Any

import numpy as np
import pytest

from coevo.loop.feedback import create
from coevo.loop.feedback.guard import (
    guarded_load,
    guarded_observe,
    guarded_plan,
    guarded_posterior,
    guarded_recommendation,
    guarded_state,
)
from coevo.loop.feedback.rehearsal import _context, _evidence
from tests.loop.feedback.rounds import ARMS, published

K = len(ARMS)
CONFIG = published("uniform")
METHODS = ("plan", "observe", "posterior", "state_dict", "load_state_dict", "recommend")


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


RAISED: dict[str, BaseException] = {
    "an error": ValueError("x"),
    "an error without words": Speechless(),
    "half a surrogate pair": ValueError("half \ud83d"),
    "a million characters": ValueError("x" * 10**6),
    "NUL": ValueError("a\0b"),
    "SystemExit": SystemExit(3),
    "GeneratorExit": GeneratorExit(),
    "StopIteration": StopIteration(),
    "RecursionError": RecursionError(),
    "MemoryError": MemoryError(),
}
RETURNED: dict[str, Any] = {
    "nothing": None,
    "NaN": np.full(K, np.nan),
    "infinity": np.full(K, np.inf),
    "negative": -np.ones(K),
    "zeros": np.zeros(K),
    "short": np.ones(K - 1),
    "a column": np.ones((K, 1)),
    "text": "abc",
    "complex": np.ones(K) * 1j,
    "objects": np.array([None] * K),
    "a table": dict.fromkeys(ARMS, 1.0),
    "enormous": np.full(K, 1e308),
    "a number": 1.0,
    "an integer of 400 digits": 10**400,
    "a set": {1},
    "masked": np.ma.array(np.ones(K), mask=True),
}


def mechanism(**methods: Any) -> Any:
    made = create(CONFIG, ARMS, 0)
    made.__class__ = type("Mine", (type(made),), methods)
    return made


def played(made: Any) -> list[str]:
    """Everything that a run asks of a mechanism; what it says."""
    context = _context(1, ARMS, "reset")
    guarded = guarded_plan(made, context, CONFIG)
    evidence = _evidence(guarded.plan, context)
    before = repr((context, evidence))
    problems = [guarded.problem, guarded_observe(made, evidence), guarded_posterior(made, ARMS)[2]]
    state, problem = guarded_state(made, {})
    problems += [problem, guarded_load(made, {"a": 1}), guarded_recommendation(made, context, CONFIG)[1]]
    assert repr((context, evidence)) == before, "a round is not the mechanism's to change"
    assert sum(guarded.plan.mixture.values()) == pytest.approx(1) and min(guarded.plan.mixture.values()) >= 0
    json.dumps(state, allow_nan=False)
    for text in (*problems, guarded.plan.reason, guarded.plan.mechanism):
        assert len(text.encode()) < 5_000 and "\0" not in text
    return problems


def raising(error: BaseException) -> Any:
    def method(*_: Any) -> Any:
        raise error

    return method


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", RAISED)
def test_what_a_method_raises_is_a_sentence(kind: str, method: str) -> None:
    error = RAISED[kind]
    assert any(type(error).__name__ in problem for problem in played(mechanism(**{method: raising(error)})))


@pytest.mark.parametrize("kind", RAISED)
def test_a_name_that_cannot_be_said_is_that_of_the_class(kind: str) -> None:
    made = mechanism(name=property(raising(RAISED[kind])))
    played(made)
    assert guarded_plan(made, _context(1, ARMS, "reset"), CONFIG).plan.mechanism == "Mine"


@pytest.mark.parametrize("kind", RETURNED)
def test_what_a_method_returns_may_be_anything(kind: str) -> None:
    value = RETURNED[kind]
    plans: list[Any] = [
        lambda _, c: value,
        lambda _, c: (value, (), "mine"),
        lambda _, c: (c.reference, value, "mine"),
        lambda _, c: (c.reference, (), value),
    ]
    for plan in plans:
        played(mechanism(plan=plan, recommend=lambda *_: value))
    for state in (value, {"x": value}):
        played(mechanism(state_dict=lambda *_, s=state: s))
    for posterior in (value, (value, value)):
        played(mechanism(posterior=lambda *_, p=posterior: p))


def overwrite(value: Any) -> None:
    """Zeros in every array that can be reached, and nothing in any table."""
    for array in filter(lambda v: isinstance(v, np.ndarray), (value, getattr(value, "base", None))):
        try:
            array.flags.writeable = True
            array[...] = 0
        except ValueError:
            continue
    if isinstance(value, dict):
        value.clear()
    for part in value if isinstance(value, tuple) else vars(value).values() if hasattr(value, "__dict__") else ():
        overwrite(part)


def test_a_round_and_its_evidence_cannot_be_changed() -> None:
    def plan(_: Any, context: Any) -> Any:
        overwrite(context)
        return np.full(K, 1 / K), (), "mine"

    played(mechanism(plan=plan, observe=lambda _, evidence: overwrite(evidence)))


def test_an_interrupt_is_the_users() -> None:
    with pytest.raises(KeyboardInterrupt):
        played(mechanism(plan=raising(KeyboardInterrupt())))
