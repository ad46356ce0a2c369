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
