"""Flows: what went in minus what went out is what stands there."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from coevo.loop.view.flow_chart import tier_flow
from coevo.loop.view.flows import PLACES, tier_counts, tier_flows
from coevo.loop.view.reader import RunReader
from coevo.tiers.decision import Action
from coevo.tiers.ledger import LEDGER_SCHEMA, rows
from coevo.tiers.tier import Tier


@pytest.fixture(scope="module")
def run(run_folder: Path) -> Iterator[RunReader]:
    with RunReader(run_folder) as found:
        yield found


def test_flows_balance_with_the_holdings(run: RunReader) -> None:
    flows = tier_flows(run.ledger)
    newest = [c for c in tier_counts(run.held) if c["round"] == 3]
    for place in ("L0", "L1", "L2", "L3", "L4", "dropped", "quarantined"):
        into = sum(n for (_, b), n in flows.items() if b == place)
        gone = sum(n for (a, _), n in flows.items() if a == place)
        assert into - gone == sum(c[place] for c in newest), place


def test_flows_of_rounds_add_up_to_the_run(run: RunReader) -> None:
    total: dict[tuple[str, str], int] = {}
    for number in range(4):
        for pair, n in tier_flows(run.ledger, number).items():
            total[pair] = total.get(pair, 0) + n
    assert total == tier_flows(run.ledger)


def test_counts_agree_with_the_manifests(run: RunReader) -> None:
    for manifest in run.store.manifests():
        told = {
            f"{c['domain']}/{t}": c[t]
            for c in tier_counts(run.held)
            if c["round"] == manifest.round
            for t in PLACES[1:6]
        }
        assert {k: n for k, n in told.items() if n} == manifest.held


def test_a_second_appearance_and_an_edit_that_changes_nothing_move_no_one_twice() -> None:
    first = rows(0, "ingest", "r", ["a", "b"], Action.INGEST, "read", "en", Tier.L0)
    up = rows(0, "clean", "r", ["a"], Action.PROMOTE, "good", "en", Tier.L1)
    again = rows(1, "ingest", "r", ["a"], Action.INGEST, "read", "en", Tier.L0)
    same = rows(1, "edit", "r", ["a"], Action.EDIT, "nothing changed", "en", Tier.L3, made=["a"])
    broken = rows(1, "ingest", "r", ["c"], Action.QUARANTINE, "binary", "en", Tier.L0)
    parts = [first, up, again, same, broken]
    at, numbered = 0, []
    for part in parts:
        numbered.append(part.set_column(0, "seq", [list(range(at, at + part.num_rows))]).cast(LEDGER_SCHEMA))
        at += part.num_rows
    found = tier_flows(pa.concat_tables(numbered))
    assert found == {("read", "L0"): 2, ("L0", "L1"): 1, ("L1", "L3"): 1, ("read", "quarantined"): 1}


def test_an_empty_ledger_flows_nowhere_and_can_be_drawn() -> None:
    assert tier_flows(LEDGER_SCHEMA.empty_table()) == {}
    assert "L4 verified" in tier_flow({}, {})
