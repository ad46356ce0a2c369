"""Counts: what a step did to how many documents, from its ledger rows alone."""

from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import model_validator

from .decision import Action
from .ledger import STEPS
from .record import Record

MOST_REASONS = 30
OTHER = "other reasons"
Frequencies = dict[tuple[Any, ...], dict[str, int]]
"""How often each value occurs, by (round, step, domain)."""

# A reason is counted up to its first measured value, id or quotation: "symbol ratio 0.41 > 0.10" is "symbol ratio".
_VARYING = r"""^(.*?)(?:(?:^|[\s(=<>])(?:[-+~]?\d|[0-9a-f]{12}).*|\s*['"`].*)$"""


class StepCount(Record):
    """Documents of one domain in one step: all that came in were kept, dropped or quarantined."""

    round: int
    step: str
    domain: str
    count_in: int
    kept: int
    dropped: int
    quarantined: int
    actions: dict[str, int]
    """What was decided about how many, by the ledger's action, the most frequent first."""
    reasons: dict[str, int]
    """How many were dropped or quarantined for what, the most frequent first."""

    @model_validator(mode="after")
    def _accounts_for_all(self) -> Self:
        if self.count_in != self.kept + self.dropped + self.quarantined:
            raise ValueError(f"{self.step} of {self.domain}: {self.count_in} in is not kept + dropped + quarantined")
        if self.count_in != sum(self.actions.values()):
            raise ValueError(f"{self.step} of {self.domain}: {self.count_in} in is not the sum of {self.actions}")
        return self


def counts(rows: pa.Table) -> list[StepCount]:
    """Count ledger rows by round, step and domain.

    A document that a step decided about more than once counts once, by the last decision. Whatever was neither
    dropped nor quarantined was kept: a refusal and a demotion keep the document.
    """
    last = _last_of_each(rows)
    last = last.set_column(last.column_names.index("domain"), "domain", pc.fill_null(last["domain"], ""))
    action = last["action"].combine_chunks()
    dropped, quarantined = pc.equal(action, Action.DROP.value), pc.equal(action, Action.QUARANTINE.value)
    tally = pa.table(
        {
            "round": last["round"],
            "step": last["step"],
            "domain": last["domain"],
            "dropped": dropped.cast(pa.int64()),
            "quarantined": quarantined.cast(pa.int64()),
        }
    )
    keys = ["round", "step", "domain"]
    groups = tally.group_by(keys).aggregate([([], "count_all"), ("dropped", "sum"), ("quarantined", "sum")])
    actions = _frequencies(last, keys, "action", len(Action))
    reasons = _frequencies(_kinds(last.filter(pc.or_(dropped, quarantined))), keys, "reason", MOST_REASONS)
    found = [_step_count(group, actions, reasons) for group in groups.to_pylist()]
    return sorted(found, key=lambda c: (c.round, STEPS.index(c.step), c.domain))


def refusals(rows: pa.Table) -> list[tuple[str, str, str, int]]:
    """Moves that were proposed and not granted: step, domain, kind of reason and how many, the most frequent first.

    Args:
        rows: ledger rows, columns step, domain, action, reason at least.
    """
    keys = ["step", "domain", "reason"]
    refused = _kinds(rows.filter(pc.equal(rows["action"], Action.REFUSE.value)).select(keys))
    found = refused.group_by(keys).aggregate([([], "count_all")]).to_pylist()
    told = [(r["step"], r["domain"] or "", r["reason"], r["count_all"]) for r in found]
    return sorted(told, key=lambda t: (-t[3], t[:3]))


def _last_of_each(rows: pa.Table) -> pa.Table:
    """The last row of each document in each step, in order."""
    keys = ["round", "step", "doc"]
    numbered = rows.select(keys).append_column("at", pa.array(np.arange(rows.num_rows)))
    at = numbered.group_by(keys).aggregate([("at", "max")])["at_max"].combine_chunks()
    return rows.take(pa.array(np.sort(at.to_numpy(zero_copy_only=False))))


def _kinds(rows: pa.Table) -> pa.Table:
    """`rows` with each reason cut down to what it has in common with others of its kind."""
    kind = pc.replace_substring_regex(rows["reason"], _VARYING, r"\1")
    kind = pc.utf8_rtrim(kind, " :(=<>,-")
    named = pc.if_else(pc.equal(kind, ""), OTHER, kind)
    return rows.set_column(rows.column_names.index("reason"), "reason", named)


def _frequencies(rows: pa.Table, keys: list[str], column: str, most: int) -> Frequencies:
    """Frequencies of a column's values by (round, step, domain); values after the `most` frequent count together."""
    found: Frequencies = {}
    frequent = rows.group_by([*keys, column]).aggregate([([], "count_all")]).to_pylist()
    for group in sorted(frequent, key=lambda g: (-g["count_all"], g[column])):
        these = found.setdefault(tuple(group[k] for k in keys), {})
        name = group[column] if len(these) < most else OTHER
        these[name] = these.get(name, 0) + group["count_all"]
    return found


def _step_count(group: dict[str, Any], actions: Frequencies, reasons: Frequencies) -> StepCount:
    key = (group["round"], group["step"], group["domain"])
    aside = group["dropped_sum"] + group["quarantined_sum"]
    return StepCount(
        round=key[0],
        step=key[1],
        domain=key[2],
        count_in=group["count_all"],
        kept=group["count_all"] - aside,
        dropped=group["dropped_sum"],
        quarantined=group["quarantined_sum"],
        actions=actions[key],
        reasons=reasons.get(key, {}),
    )
