"""Ladder: what is published of a score that is looked at again and again, so that looking cannot make it rise."""

from collections.abc import Sequence

from ..tiers.record import Record
from .clustered import Error

STEP = 2.0
"""Standard errors that a new best has to clear: noise then gains .054 SE a round instead of .40 (feedback.md 2.2)."""


class Rung(Record):
    """What is published after a submission."""

    best: float = 0.0
    """The published score: the last one that cleared the step."""
    submissions: int = 0
    improved: bool = False
    """Whether this submission is a new best."""


def submit(rung: Rung, score: float, error: Error, step: float = STEP) -> Rung:
    """Publish `score` if it beats the best by more than `step` standard errors, else the best again.

    The parameter-free Ladder of Blum and Hardt (2015): the step follows the measured error of the comparison. An error
    that is known with few degrees of freedom takes a longer step, as improbable under noise as `step` normal ones.

    Args:
        rung: what was published so far.
        score: of the submission, on the same scale.
        error: of the difference of score and best.
        step: how many of its standard errors have to be cleared, were it normal.
    """
    better = score > rung.best + error.reach(step)
    return Rung(best=score if better else rung.best, submissions=rung.submissions + 1, improved=better)


def published(scores: Sequence[tuple[float, Error]], step: float = STEP) -> list[float]:
    """What is published after each of several (score, error)."""
    rung, out = Rung(), []
    for score, error in scores:
        rung = submit(rung, score, error, step)
        out.append(rung.best)
    return out
