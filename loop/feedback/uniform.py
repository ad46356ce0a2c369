"""uniform: the reference mixture every round, no probes; the baseline that every other mechanism has to beat."""

from .base import Base
from .mechanism import Context, Floats, Probe


class Uniform(Base):
    """Wants the reference, learns nothing."""

    name = "uniform"
    source = "the control itself"

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The reference."""
        return context.reference.copy(), (), "uniform: the reference mixture, nothing is learned"
