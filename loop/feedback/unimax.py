"""unimax: as uniform as it can be without repeating any arm beyond a number of epochs over the whole run."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .mechanism import Context, Floats, Probe


class Settings(Record):
    """The cap."""

    epochs: float = Field(default=4.0, gt=0)
    """Epochs of an arm that the whole run may train."""


class UniMax(Base):
    """The budget is dealt out from the smallest arm on: each gets an equal part of the rest, or its epochs' worth."""

    name = "unimax"
    source = "Chung, Constant, Garcia, Roberts, Tay, Narang and Firat 2023 (UniMax)"
    needs = frozenset({"sizes"})
    Settings = Settings

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The same every round, as far as the arms stay as large."""
        sizes = self.signal(context, "sizes")
        budget = float(context.rounds if context.mode == "continue" else 1)
        given, left = np.zeros(len(sizes)), budget
        order = [int(i) for i in np.argsort(sizes, kind="stable") if context.live[i]]
        for place, i in enumerate(order):
            given[i] = min(left / (len(order) - place), self.settings.epochs * float(sizes[i]))
            left -= given[i]
        if given.sum() <= 0:
            return context.reference.copy(), (), "unimax: no arm holds anything, so the reference"
        capped = sum(given[i] < budget / len(order) - 1e-12 for i in order)
        return (
            given / given.sum(),
            (),
            f"unimax: {capped} arms at {self.settings.epochs:g} epochs of a run of {budget:g}",
        )
