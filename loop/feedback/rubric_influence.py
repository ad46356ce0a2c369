"""Rubric influence: what the gradients of scored documents say that one sd of each rubric's score is worth."""

from collections.abc import Sequence

import numpy as np

from ...tiers.errors import InputError
from .mechanism import Evidence, Floats

RIDGE = 5.0


def regress(scores: Floats, influence: Floats, ridge: float = RIDGE) -> Floats:
    """[P] ridge coefficients (S'S + ridge I)^-1 S' phi of documents' influence on their standardised rubric scores.

    Local, first-order and blind to what the target's loss does not measure: great or useless, so it is only believed as
    far as paired runs bear it out (`rubrics.rubric_worth`). TracIn (arXiv 2002.08484), LESS (arXiv 2402.04333).

    Args:
        scores: [m, P] in sds; a score that is not known is 0, the mean.
        influence: [m] of each document, in any unit.
        ridge: penalty.

    Raises:
        InputError: lengths that do not fit, or a number that is not finite.
    """
    if len(scores) != len(influence) or not (np.isfinite(scores).all() and np.isfinite(influence).all()):
        raise InputError(f"wanted a finite influence for each of {len(scores)} scored documents, got {len(influence)}")
    gram = scores.T @ scores + ridge * np.eye(scores.shape[1])
    return np.linalg.solve(gram, scores.T @ (influence - influence.mean()))


def averaged(history: Sequence[Evidence], names: tuple[str, ...]) -> Floats | None:
    """[P] mean of the rounds' regressions, to unit length; None where no round measured any.

    A rubric that a round did not know counts with the rounds that knew it.
    """
    total, rounds = np.zeros(len(names)), np.zeros(len(names))
    place = {name: i for i, name in enumerate(names)}
    for e in history:
        if e.rubric_influence is None:
            continue
        for rubric, value in zip(e.rubrics, e.rubric_influence.tolist(), strict=True):
            if rubric in place:
                total[place[rubric]] += value
                rounds[place[rubric]] += 1
    length = float(np.linalg.norm(total / np.maximum(rounds, 1)))
    return total / np.maximum(rounds, 1) / length if length > 0 else None
