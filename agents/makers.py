"""Makers: for each kind that rules can write, what makes documents of it from one source."""

from collections.abc import Callable, Sequence

import numpy as np

from ..tiers.document import Document
from . import arithmetic, code_task, exercise, predict, questions, symbolic

Maker = Callable[[np.random.Generator], str | None]
Source = Callable[[Document, arithmetic.Reserved | None], Maker | None]


def _arithmetic(document: Document, reserved: arithmetic.Reserved | None) -> Maker | None:
    numbers = arithmetic.pool(document.text)
    if len(numbers.numbers) < 4:
        return None

    def make(rng: np.random.Generator) -> str | None:
        if rng.random() < 0.25:
            return arithmetic.drill(numbers, rng, reserved)
        made = arithmetic.exercise(numbers, rng)
        return exercise.write(made, rng) if made else None

    return make


def _symbolic(document: Document, _: object) -> Maker | None:
    numbers = arithmetic.pool(document.text)
    if len(numbers.numbers) < 4:
        return None

    def make(rng: np.random.Generator) -> str | None:
        made = symbolic.exercise(numbers, rng)
        return exercise.write(made, rng) if made else None

    return make


def _of_functions(write: Callable[[predict.PureFunction, Sequence[str], np.random.Generator], str | None]) -> Source:
    """What makes a document of a function drawn from the source."""

    def source(document: Document, _: object) -> Maker | None:
        functions = predict.functions(document.text)
        words = predict.words_of(document.text)
        if not functions:
            return None
        return lambda rng: write(functions[int(rng.integers(len(functions)))], words, rng)

    return source


def _prediction(function: predict.PureFunction, words: Sequence[str], rng: np.random.Generator) -> str | None:
    made = predict.calls(function, words, rng)
    return predict.write(made, rng) if made else None


def _task(function: predict.PureFunction, words: Sequence[str], rng: np.random.Generator) -> str | None:
    made = code_task.made_by_rules(function, words, rng)
    return code_task.write(made) if made else None


def _qa(document: Document, _: object) -> Maker | None:
    def make(rng: np.random.Generator) -> str | None:
        pairs = questions.pairs_of(document, rng)
        return questions.write(pairs, rng, document.domain) if pairs else None

    return make


MAKERS: dict[str, Source] = {
    "arithmetic": _arithmetic,
    "symbolic": _symbolic,
    "predict": _of_functions(_prediction),
    "task": _of_functions(_task),
    "qa": _qa,
}
"""By kind; None for a source that holds nothing to make one of."""
