"""temperature: shares by how much there is of an arm, flattened; no opinion of what it is worth."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .mechanism import Context, Floats, Probe


class Settings(Record):
    """How flat."""

    exponent: float = Field(default=0.3, ge=0, le=1)
    """w ~ size^exponent: 1 is natural, 0 uniform; .3 is mT5's and XLM-R's, .7 multilingual BERT's."""


class Temperature(Base):
    """w_k ~ n_k^(1 / tau)."""

    name = "temperature"
    source = "Devlin 2018 (multilingual BERT); arXiv 1911.02116 (XLM-R); arXiv 2010.11934 (mT5)"
    needs = frozenset({"sizes"})
    Settings = Settings

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The same every round, as far as the arms stay as large."""
        sizes = np.where(context.live, self.signal(context, "sizes"), 0.0)
        wanted = np.where(context.live, np.maximum(sizes, 1e-12) ** self.settings.exponent, 0.0)
        return wanted / wanted.sum(), (), f"temperature: size to the power of {self.settings.exponent:g}"
