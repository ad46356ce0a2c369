"""Worlds and mechanisms that misbehave, importable by name as a user's own are."""

from typing import Any

import numpy as np

from coevo.loop.feedback.config import FeedbackConfig
from coevo.loop.feedback.mechanism import Context, Evidence
from coevo.loop.feedback.uniform import Uniform


class Nan(Uniform):
    name = "nan"

    def plan(self, context: Context) -> Any:
        return np.full(len(context.arms), np.nan), (), "no idea"


class OffTheSimplex(Uniform):
    name = "off"

    def plan(self, context: Context) -> Any:
        return 2 * context.reference, (), "twice"


class Raises(Uniform):
    name = "raises"

    def observe(self, evidence: Evidence) -> None:
        raise RuntimeError("<b>boom</b>")


class CannotBeMade(Uniform):
    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        raise KeyError("no such table")


class Counts(Uniform):
    """Remembers how often it has planned and observed: a node that is repeated must not be counted twice."""

    name = "counts"
    remembers = ("plans", "lessons")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.plans, self.lessons = 0, 0

    def plan(self, context: Context) -> Any:
        self.plans += 1
        return super().plan(context)

    def observe(self, evidence: Evidence) -> None:
        self.lessons += 1
