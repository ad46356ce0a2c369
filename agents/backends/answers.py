"""Answers: from what a model sent to a validated object, or to probabilities of options."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from ...tiers.decision import Usage
from ..chat import Choice, S

MAX_PROSE = 200_000
"""Characters of an answer that are searched for JSON among prose."""
MAX_OBJECTS = 16
MIN_MASS = 0.01
"""Least probability that the options together must have, or the model was not answering with them."""


class Unusable(Exception):
    """An answer not in the wanted form; `final` when asking again cannot help, `content` as far as there is any."""

    def __init__(self, problem: str, content: str = "", final: bool = False) -> None:
        super().__init__(problem)
        self.content = content
        self.final = final


def read_object(answer: dict[str, Any], schema: type[S]) -> S:
    """The answer's content, as an instance of `schema`.

    Raises:
        Unusable: no content, a refusal, cut off, no JSON, or JSON of another form.
    """
    choice = _first_choice(answer)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        raise Unusable(f"it refused: {str(message.get('refusal') or 'content filter')[:200]!r}", final=True)
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise Unusable("it was empty")
    if choice.get("finish_reason") == "length":
        raise Unusable("it was cut off at max_tokens; be briefer", content)
    return _validated(content, schema)


def _first_choice(answer: dict[str, Any]) -> dict[str, Any]:
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Unusable("it held no choices")
    return choices[0]


def _validated(content: str, schema: type[S]) -> S:
    problem = "it held no JSON object"
    good: list[S] = []
    for value in _objects(content):
        try:
            json.dumps(value, ensure_ascii=False).encode()
            good.append(schema.model_validate(value))
        except UnicodeEncodeError:
            problem = "it held half of a surrogate pair, which no file can store"
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the object"
            problem = f"{where}: {first['msg']}"
    if len(good) == 1:
        return good[0]
    # two different valid objects (a draft and its revision): which one is meant is not ours to guess
    raise Unusable("it held several JSON objects of this form" if good else problem, content)


def _objects(content: str) -> Iterator[Any]:
    """The whole content if it is JSON, else the outermost JSON objects among its prose."""
    try:
        yield json.loads(content)
        return
    except (ValueError, RecursionError):
        pass  # prose around it, or no JSON at all: the search below decides
    text, start = content[:MAX_PROSE], 0
    for _ in range(MAX_OBJECTS):
        start = text.find("{", start)
        if start < 0:
            return
        try:
            value, start = json.JSONDecoder().raw_decode(text, start)
            yield value
        except (ValueError, RecursionError):
            start += 1


def read_choice(answer: dict[str, Any], options: Sequence[str], usage: Usage) -> Choice:
    """The probabilities of the options, exact where the answer tells them apart, else from a server's alternatives.

    Raises:
        Unusable: as `read_probabilities`, or an exact one is no number.
    """
    exact = answer.get("options")
    if exact is None:
        return Choice(read_probabilities(answer, options), usage)
    return Choice(shares(exact), usage, truncated=int(answer.get("truncated", 0)))


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


def read_probabilities(answer: dict[str, Any], options: Sequence[str]) -> tuple[float, ...]:
    """Probabilities of the options, from the alternatives to the answer's first token; they sum to one.

    A token counts for the option that it spells, blanks at its ends aside, or else for the only option that it begins.

    Raises:
        Unusable: no log-probabilities, no numbers, or (nearly) no probability on the options.
    """
    mass = [0.0] * len(options)
    for token, logprob in _alternatives(answer).items():
        option = _option_of(token, options)
        if option is not None:
            mass[option] += math.exp(min(0.0, logprob))
    total = sum(mass)
    if total < MIN_MASS:
        wanted = "/".join(option.strip() for option in options)
        raise Unusable(
            f"the model puts {total:.2%} of its probability on {wanted}; it does not answer with them", final=True
        )
    return tuple(m / total for m in mass)


def _alternatives(answer: dict[str, Any]) -> dict[str, float]:
    """Log-probability by token text at the first place of the answer."""
    try:
        first = _first_choice(answer)["logprobs"]["content"][0]
        entries = [*first["top_logprobs"], first]
        found = {str(e["token"]): float(e["logprob"]) for e in entries}
    except (KeyError, TypeError, IndexError, ValueError):
        raise Unusable(
            "the server returned no logprobs, so it cannot score options; vLLM, SGLang and llama.cpp do", final=True
        ) from None
    if any(math.isnan(value) for value in found.values()):
        raise Unusable("the server returned log-probabilities that are no numbers", final=True)
    return found


def _option_of(token: str, options: Sequence[str]) -> int | None:
    names = [option.strip() for option in options]
    if len({name.casefold() for name in names}) == len(names):
        token, names = token.casefold(), [name.casefold() for name in names]
    said = token.strip()
    if said in names:
        return names.index(said)
    begun = [i for i, name in enumerate(names) if said and name.startswith(said)]
    return begun[0] if len(begun) == 1 else None
