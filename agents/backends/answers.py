"""Answers: from what a model wrote to a validated object, or to probabilities of options."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from ...tiers.decision import Usage
from ..chat import Choice, S
from .backslashes import Ambiguous, restored, with_doubled_escapes
from .options import masses
from .reply import Reply
from .thinking import without_thinking

MAX_CHARS = 200_000
"""Longest answer that is read: what looks into it again and again takes time by its length."""
MAX_OBJECTS = 16
MIN_MASS = 0.01
"""Least probability that the options together must have, or the model was not answering with them."""
MAX_MASS = 1.5
"""Most that alternatives to one token can have together, or they are no probabilities; some servers list one twice."""
MAX_LOGPROB = 0.01
"""Rounding error of a logarithm of 1."""
TO_WRITE_MORE = (
    "raise agents.max_answer_tokens, or switch its thinking off "
    "(agents.request={chat_template_kwargs: {enable_thinking: false}} on vLLM and SGLang)"
)


class _Contradictory(dict[str, Any]):
    """An object in which a field stands twice with two values."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.field = next(name for name, value in pairs if value != self[name])


class Unusable(Exception):
    """An answer not in the wanted form; `final` when asking again cannot help, `content` as far as there is any."""

    def __init__(self, problem: str, content: str = "", final: bool = False) -> None:
        super().__init__(problem)
        self.content = content
        self.final = final


def read_object(reply: Reply, schema: type[S]) -> S:
    """What was answered after any thinking, as an instance of `schema`.

    Raises:
        Unusable: no content, a refusal, cut off, no JSON, or JSON of another form.
    """
    if reply.refusal or reply.ended == "filtered":
        raise Unusable(f"it refused: {(reply.refusal or 'content filter')[:200]!r}", final=True)
    if len(reply.text) > MAX_CHARS:
        raise Unusable(f"it has {len(reply.text):,} characters; at most {MAX_CHARS:,} are read", reply.text[:MAX_CHARS])
    if _is_json(reply.text):  # then a mark of thinking stands inside of a string, as a word among others
        content, lost = reply.text, False
    else:
        content, lost = without_thinking(reply.text)
    if not content.strip():
        raise Unusable(_emptiness(reply, lost))
    if reply.ended == "cut":
        raise Unusable("it was cut off at max_tokens; be briefer", content)
    return _validated(content, schema)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _emptiness(reply: Reply, lost: bool) -> str:
    thought = lost or reply.thought or bool(reply.text.strip())
    if thought and (reply.ended == "cut" or lost):
        return f"it was cut off while it was thinking; {TO_WRITE_MORE}"
    if thought:
        return "it thought and then answered nothing"
    if reply.ended == "cut":
        return "it was cut off before its first word; raise agents.max_answer_tokens"
    return f"it was {reply.instead}, no text" if reply.instead else "it was empty"


def _validated(content: str, schema: type[S]) -> S:
    problem = "it held no JSON object"
    good: list[S] = []
    for value, doubled in _objects(content):
        try:
            field = _stands_twice(value)
            if field is not None:
                problem = f"{field[:80]} stands in it twice, with two values"
                continue
            json.dumps(value, ensure_ascii=False).encode()
            good.append(schema.model_validate(restored(value, doubled)))
        except UnicodeEncodeError:
            problem = "it held half of a surrogate pair, which no file can store"
        except RecursionError:
            problem = "it is nested too deeply"
        except Ambiguous as error:
            raise Unusable(str(error), content) from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the object"
            problem = f"{where}: {first['msg']}"
    if len(good) == 1:
        return good[0]
    # two different valid objects (a draft and its revision): which one is meant is not ours to guess
    raise Unusable("it held several JSON objects of this form" if good else problem, content)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) or all(made[n] == v for n, v in pairs) else _Contradictory(pairs)


def _stands_twice(value: Any) -> str | None:
    """A field that stands twice in an object, with two values: which one is meant is not ours to guess."""
    if isinstance(value, _Contradictory):
        return value.field
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((field for part in parts if (field := _stands_twice(part)) is not None), None)


def _objects(content: str) -> Iterator[tuple[Any, bool]]:
    r"""The whole content if it is JSON, else the outermost JSON objects among its prose.

    Each with whether backslashes had to be doubled: LaTeX such as `\alpha` is no escape that JSON knows.
    """
    doubled = with_doubled_escapes(content)
    for text, is_doubled in ((content, False), (doubled, True)):
        try:
            yield json.loads(text.strip("\ufeff \t\r\n"), object_pairs_hook=_object), is_doubled
            return
        except (ValueError, RecursionError):
            continue  # prose around it, or no JSON at all: the search below decides
    values = list(_among_prose(content))
    searched = [(v, False) for v in values] or [(v, True) for v in _among_prose(doubled)]
    yield from searched


def _among_prose(text: str) -> Iterator[Any]:
    start = 0
    for _ in range(MAX_OBJECTS):
        start = text.find("{", start)
        if start < 0:
            return
        try:
            value, start = json.JSONDecoder(object_pairs_hook=_object).raw_decode(text, start)
            yield value
        except (ValueError, RecursionError):
            start += 1


def read_choice(reply: Reply, options: Sequence[str], usage: Usage) -> Choice:
    """The probabilities of the options, exact where an engine tells them apart, else from a server's alternatives.

    Raises:
        Unusable: as `read_probabilities`, or an exact one is no number.
    """
    if reply.options is None:
        return Choice(read_probabilities(reply, options), usage)
    if len(reply.options) != len(options):
        raise Unusable(f"it holds {len(reply.options)} log-probabilities for {len(options)} options", final=True)
    return Choice(shares(reply.options), usage, truncated=reply.truncated)


def shares(logprobs: Sequence[float]) -> tuple[float, ...]:
    """Probabilities among the options, from one log-probability each.

    Raises:
        Unusable: one of them is no number.
    """
    sums = np.array(logprobs, dtype=np.float64)
    if not np.isfinite(sums).all():
        raise Unusable("its log-probabilities are no numbers; its training diverged", final=True)
    weights = np.exp(sums - sums.max())
    return tuple((weights / weights.sum()).tolist())


def check_scored(reply: Reply) -> None:
    """Whether a server sent log-probabilities that can be read, whatever they say.

    Raises:
        Unusable: there are none, or they are no log-probabilities. Another setting of the server may mend that.
    """
    if reply.alternatives is None:
        raise Unusable(
            "the server returned no logprobs, so it cannot score options; vLLM, SGLang and llama.cpp do", final=True
        )
    logprobs = np.array([a.logprob for a in reply.alternatives], dtype=np.float64)
    if np.isnan(logprobs).any() or (logprobs == np.inf).any():
        raise Unusable("the server returned log-probabilities that are no numbers", final=True)
    total = float(np.exp(np.minimum(logprobs, 1.0)).sum())
    if total > MAX_MASS:
        raise Unusable(f"the server returned log-probabilities that add up to {total:.0%}", final=True)
    if logprobs.max() > MAX_LOGPROB:
        raise Unusable(f"the server returned a log-probability above 0 ({logprobs.max():.3g})", final=True)
    if len(logprobs) < 2:
        raise Unusable("the server returned one token without alternatives, so options cannot be compared", final=True)


def read_probabilities(reply: Reply, options: Sequence[str]) -> tuple[float, ...]:
    """Probabilities of the options, from the alternatives to the answer's first token; they sum to one.

    Raises:
        Unusable: no log-probabilities, no numbers, or (nearly) no probability on the options.
    """
    check_scored(reply)
    mass = masses(reply.alternatives or (), options)
    total = sum(mass)
    if total < MIN_MASS:
        wanted = "/".join(option.strip() for option in options)
        raise Unusable(
            f"the model puts {total:.2%} of its probability on {wanted}; it does not answer with them", final=True
        )
    return tuple(m / total for m in mass)
