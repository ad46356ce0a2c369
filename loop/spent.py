"""What a run has spent, read back from its database."""

from .budget import Spent
from .run_db import RunDB


def spent(db: RunDB, on_gpu: bool) -> Spent:
    """Totals over all rounds and resumes; a node's seconds add up over its interrupted attempts."""
    nodes = db.rows("nodes")
    seconds = sum(n["seconds"] for n in nodes)
    last = max((n["round"] for n in nodes), default=0)
    newest = sum(n["seconds"] for n in nodes if n["round"] == last) if last > 0 else 0.0
    heavy = sum(n["seconds"] for n in nodes if n["node"] in ("train", "evaluate"))
    usd = sum(c["usd"] for c in db.rows("costs"))
    return Spent(usd, seconds, heavy / 3600 if on_gpu else 0.0, newest)
