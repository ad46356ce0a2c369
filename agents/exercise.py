"""Exercise: the form of a question with its worked answer, how it is written down and how it is read back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FINAL = "Answer: "
_LABELS = (
    ("Question: ", "Answer: "),
    ("Q: ", "A: "),
    ("Problem: ", "Solution: "),
    ("Exercise: ", "Solution: "),
    ("Task: ", "Working: "),
)
_ASKED = re.compile(r"^(?:Question|Q|Problem|Exercise|Task): ", re.MULTILINE)
_ANSWERED = re.compile(r"\n(?:Answer|A|Solution|Working): ?")


@dataclass(frozen=True)
class Exercise:
    """A question, its working and its result; `topic` says how it was made, `used` what of the source went into it."""

    question: str
    steps: tuple[str, ...]
    answer: str
    topic: str = ""
    used: tuple[str, ...] = ()


def write(exercise: Exercise, rng: np.random.Generator) -> str:
    """The text of a document that asks and answers."""
    asked, answered = _LABELS[int(rng.integers(len(_LABELS)))]
    if not exercise.steps:
        return f"{asked}{exercise.question}\n{answered}{exercise.answer}\n"
    gap = "\n" if rng.random() < 0.5 else "\n\n"
    # "Answer:" opens the result, so the working needs another word.
    opened = {"Answer: ": "Solution: ", "A: ": "Working: "}.get(answered, answered)
    working = "\n".join(exercise.steps)
    return f"{asked}{exercise.question}{gap}{opened}{working}\n{FINAL}{exercise.answer}\n"


def read(text: str) -> Exercise | None:
    """Question, working and result of a text of this form; None where it has another."""
    start = _ASKED.search(text)
    if start is None:
        return None
    asked = text[start.end() :]
    turn = _ANSWERED.search(asked)
    if turn is None:
        return None
    question, rest = asked[: turn.start()].strip(), asked[turn.end() :].strip()
    working, found, answer = f"\n{rest}".rpartition(f"\n{FINAL}")
    if not found:
        return Exercise(question, (), rest)
    return Exercise(question, tuple(line for line in working.split("\n") if line.strip()), answer.strip())


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of `options`."""
    return options[int(rng.integers(len(options)))]
