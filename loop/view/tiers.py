"""Tiers: what a run holds by domain and tier, what it cost, what was dropped and why, and what moved where."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from ...tiers.buckets import bucket_of
from ...tiers.byte_tokens import chunks, token_starts
from ...tiers.counts import counts, refusals
from ...tiers.errors import InputError
from ...tiers.gates import GateConfig
from ...tiers.tier import Arm, Tier
from ..arm_costs import LEDGER_COLUMNS, arm_costs, by_arm
from .flows import tier_flows
from .formats import safe
from .reader import RunReader

MOVES = ["seq", "round", "doc", "action", "tier", "made"]
COUNTED = ["round", "step", "domain", "doc", "action", "reason"]


def tiers(root: Path) -> dict[str, Any]:
    """Everything `coevo tiers` says of the run in `root`."""
    with RunReader(root) as run:
        ledger = run.store.ledger.read(columns=sorted({*MOVES, *COUNTED, *LEDGER_COLUMNS}))
        told = {"arms": _arms(run, ledger), "drops": _drops(ledger), "flows": _flows(ledger)}
        told["refusals"] = [
            {"step": s, "domain": d, "reason": r, "decisions": n} for s, d, r, n in refusals(ledger.select(COUNTED))
        ]
        return safe({"view": "tiers", "run": run.name, **told, "selector": _selectors(run)})


def _arms(run: RunReader, ledger: pa.Table) -> list[dict[str, Any]]:
    """A row by domain and tier that holds or held anything."""
    costs = by_arm(arm_costs(ledger.select(LEDGER_COLUMNS)))
    values, limits = _values(run), _limits(run)
    rows = []
    for domain in sorted(set(run.store.holdings()["domain"].to_pylist())):
        for tier in Tier:
            arm = str(Arm(domain, tier))
            held = run.store.documents(domain=domain, tier=tier)
            if held.num_rows or arm in costs:
                cost = costs.get(arm, {})
                spent = {k: cost.get(k, 0.0) for k in ("usd", "seconds", "calls", "tokens_in", "tokens_out")}
                state = bucket_of(arm, values, limits)
                rows.append(
                    {"arm": arm, "domain": domain, "tier": tier.name, "documents": held.num_rows, **_size(held)}
                    | {"cost": spent, "bucket": state.state, "evidence": state.reason}
                )
    return rows


def _limits(run: RunReader) -> GateConfig:
    """What the run's gates asked for; a run of an older version had the defaults."""
    curation = run.config.get("curation")
    told = curation.get("gate") if isinstance(curation, dict) else None
    try:
        return GateConfig.model_validate(told or {})
    except ValidationError as e:
        raise InputError(
            f"{run.root}/resolved.yaml: curation.gate: {e.errors()[0]['msg']}; restore it from a copy"
        ) from e


def _size(held: pa.Table) -> dict[str, int]:
    """Bytes of UTF-8, and tokens as our selector counts them: words, marks, and Chinese characters."""
    size = pc.sum(pc.binary_length(held["text"].cast(pa.large_binary()))).as_py() or 0
    return {"bytes": int(size), "tokens": sum(len(token_starts(data)) for data, _ in chunks(held["text"]))}


def _values(run: RunReader) -> dict[str, tuple[float, float]]:
    """The last measured (mean, sd) by arm."""
    for row in reversed(run.finished):
        told = row["posterior"]
        if told:
            return {a: (m, s) for a, m, s in zip(told["arms"], told["mean"], told["sd"], strict=True)}
    return {}


def _drops(ledger: pa.Table) -> list[dict[str, Any]]:
    """A row by step, domain and reason, the most frequent first."""
    found: Counter[tuple[str, str, str]] = Counter()
    for count in counts(ledger.select(COUNTED)):
        found.update({(count.step, count.domain, reason): n for reason, n in count.reasons.items()})
    order = sorted(found.items(), key=lambda kv: (-kv[1], kv[0]))
    return [{"step": s, "domain": d, "reason": r, "documents": n} for (s, d, r), n in order]


def _flows(ledger: pa.Table) -> list[dict[str, Any]]:
    """A row by domain, from and to: how many documents moved so over the whole run."""
    rows = []
    for domain in sorted(set(pc.fill_null(ledger["domain"], "").to_pylist()) - {""}):
        mine = ledger.filter(pc.equal(ledger["domain"], domain)).select(MOVES)
        for (before, after), n in sorted(tier_flows(mine).items()):
            rows.append({"domain": domain, "from": before, "to": after, "documents": n})
    return rows


def _selectors(run: RunReader) -> list[dict[str, Any]]:
    """A row by round and domain where a student selector was fitted: its agreement with the judges."""
    numbers = np.arange(len(run.rounds) + 1).tolist()
    found = ((n, run.db.meta(f"selector-{n}", {})) for n in numbers)
    return [{"round": n, "domain": domain, **told} for n, known in found for domain, told in known.items()]
