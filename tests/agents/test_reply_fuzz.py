"""A right answer with any of its fields replaced: it is still that answer, or an error that a person can read."""

import copy
import json
import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.agents.backends.answers import Unusable, read_choice, read_object
from coevo.agents.backends.failures import json_object, problem_of
from coevo.agents.backends.reply import Malformed, read_recorded, read_server
from coevo.agents.backends.wire import Received
from coevo.tiers.decision import Usage
from coevo.tiers.errors import LedgerError

from .asking import GOOD, Verdict

TOP = [
    {"token": " yes", "logprob": math.log(0.75), "bytes": [121, 101, 115]},
    {"token": " no", "logprob": math.log(0.25), "bytes": None},
]
RIGHT: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion",
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": GOOD, "refusal": None, "reasoning_content": "hm"},
            "logprobs": {"content": [{**TOP[0], "top_logprobs": TOP}]},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10},
    "error": None,
}
ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    10**400,
    0.5,
    math.nan,
    math.inf,
    "",
    "x",
    "\ud83d",
    [],
    [[]],
    [None],
    [7],
    {},
    {"a": 1},
]


def deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every field."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*path, name)
        yield from places(one, (*path, name))


def replaced(path: tuple[Any, ...], value: Any, drop: bool = False) -> dict[str, Any]:
    answer = copy.deepcopy(RIGHT)
    at: Any = answer
    for name in path[:-1]:
        at = at[name]
    if drop:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return answer


def check(answer: dict[str, Any]) -> None:
    """As the client does with it; nothing but its own errors may come out."""
    received = Received(200, {}, json.dumps(answer).encode())
    sent = json_object(received.body)
    assert sent is not None
    problem = problem_of(received, sent)
    if problem is not None:
        problem.message.encode()
        return
    try:
        reply = read_server(sent)
        assert read_recorded(reply.as_json(), "here", engine=False) == reply, "what is recorded is what was read"
    except Malformed as error:
        str(error).encode()
        return
    with suppress(Unusable):
        assert read_object(reply, Verdict) == Verdict(keep=True, reason="clear")
    with suppress(Unusable):
        probabilities = read_choice(reply, ["yes", "no"], Usage()).probabilities
        assert sum(probabilities) == pytest.approx(1) and all(0 <= p <= 1 for p in probabilities)


def test_the_unchanged_answer_is_right() -> None:
    reply = read_server(RIGHT)
    assert read_object(reply, Verdict).keep and reply.tokens_in == 100
    assert read_choice(reply, ["yes", "no"], Usage()).probabilities == pytest.approx((0.75, 0.25))


@pytest.mark.parametrize("path", list(places(RIGHT)), ids=lambda p: ".".join(map(str, p)))
def test_every_field_of_every_wrong_type(path: tuple[Any, ...]) -> None:
    for value in [*ODD, deep(50), deep(900)]:
        try:
            check(replaced(path, value))
        except RecursionError:
            pytest.fail(f"{path} nested deeply")
    check(replaced(path, None, drop=True))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "token", "logprob"]), inner)
    ),
    max_leaves=5,
)


@given(st.lists(st.tuples(st.sampled_from(list(places(RIGHT))), VALUES), min_size=1, max_size=3))
def test_several_fields_of_any_type(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    answer = copy.deepcopy(RIGHT)
    for path, value in changes:
        at: Any = answer
        for name in path[:-1]:
            try:
                at = at[name]
            except (KeyError, IndexError, TypeError):
                break  # an earlier change took it away
        else:
            if isinstance(at, dict) or (isinstance(at, list) and isinstance(path[-1], int) and path[-1] < len(at)):
                at[path[-1]] = value
    check(answer)


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    sent = json_object(body)
    problem = problem_of(Received(500, {}, body), sent)
    assert problem is not None
    problem.message.encode()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"choices": []}', "[" * 5000, '{"options": "no"}'])
@pytest.mark.parametrize("engine", [True, False])
def test_a_damaged_record_is_said(text: str, engine: bool) -> None:
    with pytest.raises(LedgerError, match="recorded answer that cannot be read"):
        read_recorded(text, "calls.db", engine=engine)
