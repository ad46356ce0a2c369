"""From sources to L1: ingest, mend, hold out whole files for the benchmarks, clean, deduplicate, decontaminate."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...tiers.clean import clean
from ...tiers.config import DedupConfig
from ...tiers.counts import StepCount, counts
from ...tiers.decision import Action
from ...tiers.decontaminate import decontaminate
from ...tiers.dedup import dedup_sketches, sketch
from ...tiers.engine import Engine, Processes, engine
from ...tiers.ingest import ingest
from ...tiers.mend import NOTHING, mend
from ...tiers.rows import rows, verdict_rows
from ...tiers.split import source_file, split
from ...tiers.tier import Tier
from ..context import RunContext
from ..view.formats import done
from .suites import HELD_OUT, benchmark_items, cut_suites

SHARD_BYTES = 64_000_000
"""Text of a shard; less than two are worked on in this process."""


def hold(context: RunContext) -> None:
    """Bring L1 and the benchmark suites into being; every step is skipped where it is done already.

    Raises:
        InputError: `engine: ray` without Ray.
    """
    runs = engine(context.config.engine, context.config.workers)
    step(context, 0, "ingest", lambda: _ingest(context))
    step(context, 0, "mend", lambda: (_mend(context), None))
    step(context, 0, "split", lambda: _split(context))
    cut_suites(context)
    step(context, 0, "clean", lambda: (_clean(context, runs), None))
    step(context, 0, "dedup", lambda: (_dedup(context, runs), None))
    step(context, 0, "decontaminate", lambda: (_decontaminate(context), None))


def step(context: RunContext, number: int, name: str, make: Callable[[], tuple[pa.Table, pa.Table | None]]) -> None:
    """Make and commit a step of a round unless it is in the ledger, and write down its counts."""
    context.safe_point()
    began = time.monotonic()
    if not context.store.ledger.has(number, name):
        made, documents = make()
        context.store.commit(number, name, made, documents)
    counted = counts(context.store.ledger.read(number, name))
    seconds = time.monotonic() - began
    context.db.insert("steps", [c.model_dump(mode="json") | {"seconds": seconds} for c in counted])
    context.progress.say(f"round {number} · {name} · {_told(counted)}")


def _told(counted: list[StepCount]) -> str:
    """What came in and where it went, and what was done to what was kept if that was more than one thing."""
    told = {k: sum(getattr(c, k) for c in counted) for k in ("count_in", "kept", "dropped", "quarantined")}
    stayed: Counter[str] = Counter()
    for c in counted:
        stayed.update({a: n for a, n in c.actions.items() if a not in (Action.DROP, Action.QUARANTINE)})
    numbers = (
        f"{told['count_in']} in = {told['kept']} kept + {told['dropped']} dropped + {told['quarantined']} quarantined"
    )
    return f"{numbers} · {done(stayed)}" if len(stayed) > 1 else numbers


def _ingest(context: RunContext) -> tuple[pa.Table, pa.Table | None]:
    config = context.config
    limits = config.ingest.model_copy(
        update={"domains": config.domains, "exclude": (*config.ingest.exclude, str(context.folder.root.resolve()))}
    )
    found = ingest(config.sources, limits, config.seed)
    if found.ignored:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.ignored.items()))
        context.event(0, "ingest", "info", f"of no kind that is read, and in no count: {kinds}")
    fresh, odd = found.documents, found.quarantined
    held = rows(
        0, "ingest", "rule:ingest", fresh["id"], Action.INGEST, "read", fresh["domain"], int(Tier.L0),
        kind=fresh["kind"], source=fresh["source"], evidence=found.evidence,
    )  # fmt: skip
    aside = rows(
        0, "ingest", "rule:ingest", odd["id"], Action.QUARANTINE, odd["reason"], odd["domain"], source=odd["source"]
    )
    return pa.concat_tables([held, aside]), fresh


def _mend(context: RunContext) -> pa.Table:
    held = context.store.documents(tier=Tier.L0)
    edits = mend(held, context.config.clean)
    same = np.ones(held.num_rows, bool)
    same[edits["row"].to_numpy()] = False
    old, rest = held.take(edits["row"]), held.filter(pa.array(same))
    made = rows(
        0, "mend", "rule:mend", old["id"], Action.EDIT, edits["reason"], old["domain"], int(Tier.L0), kind=old["kind"],
        source=old["source"], made=edits["made"], text=edits["text"], evidence=edits["evidence"],
    )  # fmt: skip
    return pa.concat_tables([made, rows(0, "mend", "rule:mend", rest["id"], Action.VERIFY, NOTHING, rest["domain"])])


def _split(context: RunContext) -> tuple[pa.Table, pa.Table | None]:
    held = context.store.holdings()
    held = held.filter(pc.equal(held["status"], "held"))
    files = [source_file(s) for s in held["source"].to_pylist()]
    config = context.config.holdout
    parts = split(files, context.config.seed, config.feedback, config.hidden, config.sealed)
    part = [parts[f] for f in files]
    kept = pa.array([p == "train" for p in part])
    reason = pa.array(["train" if p == "train" else f"{HELD_OUT}{p}" for p in part])
    verdicts = pa.table({"id": held["id"], "kept": kept, "reason": reason})
    return verdict_rows(0, "split", "rule:split", verdicts, held), None


def _l0(context: RunContext) -> pa.Table:
    return context.store.documents(tier=Tier.L0)


def _clean(context: RunContext, runs: Engine) -> pa.Table:
    held = _l0(context)
    judged = pa.concat_tables(over_shards(runs, clean, held, context.config.clean))
    return verdict_rows(0, "clean", "rule:clean", judged, held)


def _dedup(context: RunContext, runs: Engine) -> pa.Table:
    held = _l0(context)
    sketches = pa.concat_tables(over_shards(runs, sketch, held, DedupConfig()))
    return verdict_rows(0, "dedup", "rule:dedup", dedup_sketches(sketches), held)


def over_shards(runs: Engine, work: Callable[..., pa.Table], docs: pa.Table, *rest: Any) -> list[pa.Table]:
    """`work` on documents in shards, in their order; the engine is used where there is more than one, or on Ray."""
    shard = np.cumsum(pc.fill_null(pc.binary_length(docs["text"]), 0).to_numpy().astype(np.int64)) // SHARD_BYTES
    parts = np.split(np.arange(docs.num_rows), np.flatnonzero(np.diff(shard)) + 1)
    if len(parts) == 1 and isinstance(runs, Processes):
        return [work(docs, *rest)]
    return list(runs.map(work, (docs.take(part) for part in parts), *rest))  # a slice would send the whole table


def _decontaminate(context: RunContext) -> pa.Table:
    held = _l0(context)
    verdicts = decontaminate(held, benchmark_items(context), context.config.decontaminate)
    return verdict_rows(0, "decontaminate", "rule:decontaminate", verdicts, held, Tier.L1)
