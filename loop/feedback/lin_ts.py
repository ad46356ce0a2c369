"""lin_ts: Thompson sampling of arm values from main against control alone, tiers and domains alike a priori."""

from pydantic import Field

from .mechanism import Context, Floats, Probe
from .structured_blr import Settings as StructuredSettings
from .structured_blr import StructuredBlr


class Settings(StructuredSettings):
    """As structured BLR, which draws."""

    thompson: bool = True
    discount: float = Field(default=0.95, gt=0, le=1)


class LinTs(StructuredBlr):
    """Structured BLR without probes: its only evidence is what every round measures anyway."""

    name = "lin_ts"
    source = "linear Thompson sampling: Agrawal and Goyal 2013; structure: research/feedback.md 1.4"
    needs = frozenset()
    Settings = Settings

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """A step on a draw of the values."""
        wanted, _, reason = super().plan(context)
        return wanted, (), reason
