"""Ladder: what is published of a score that is looked at again and again, so that looking cannot make it rise."""

from collections.abc import Sequence

from ..tiers.record import Record

STEP = 2.0
"""Standard errors that a new best has to clear: noise then gains .054 SE a round instead of .40 (feedback.md 2.2)."""


class Rung(Record):
    """What is published after a submission."""

    best: float = 0.0
    """The published score: the last one that cleared the step."""
    submissions: int = 0
    improved: bool = False
    """Whether this submission is a new best."""


def submit(rung: Rung, score: float, se: float, step: float = STEP) -> Rung:
    """Publish `score` if it beats the best by more than `step` standard errors, else the best again.

    The parameter-free Ladder of Blum and Hardt (2015): the step follows the measured error of the comparison.

    Args:
        rung: what was published so far.
        score: of the submission, on the same scale.
        se: standard error of the difference of score and best.
        step: how many of those have to be cleared.
    """
    better = score > rung.best + step * se
    return Rung(best=score if better else rung.best, submissions=rung.submissions + 1, improved=better)


def published(scores: Sequence[tuple[float, float]], step: float = STEP) -> list[float]:
    """What is published after each of several (score, standard error)."""
    rung, out = Rung(), []
    for score, se in scores:
        rung = submit(rung, score, se, step)
        out.append(rung.best)
    return out
