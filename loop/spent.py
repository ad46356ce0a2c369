"""What a run has spent, read back from its database."""

from .budget import Spent
from .run_db import RunDB

GPU_SECONDS = "gpu_seconds"
"""Where a run's database holds the seconds that nodes kept GPUs busy, of all devices together."""


def spent(db: RunDB) -> Spent:
    """Totals over all rounds and resumes; a node's seconds add up over its interrupted attempts."""
    nodes = db.rows("nodes")
    seconds = sum(n["seconds"] for n in nodes)
    last = max((n["round"] for n in nodes), default=0)
    newest = sum(n["seconds"] for n in nodes if n["round"] == last) if last > 0 else 0.0
    usd = sum(c["usd"] for c in db.rows("costs"))
    return Spent(usd, seconds, float(db.meta(GPU_SECONDS, 0.0)) / 3600, newest)
