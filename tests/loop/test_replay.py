"""A round whose judge is a model in this process, and the same round once more from what the journal kept of it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from coevo.agents.journal import Journal
from coevo.loop.config import parse_config
from coevo.loop.run_db import RunDB
from coevo.loop.run_folder import RunFolder
from coevo.tiers.store import Store

pytestmark = pytest.mark.slow


def cast(root: Path, scorer: str) -> None:
    """Let somebody else be the scorer of a run, as if it had begun so."""
    folder = RunFolder(root)
    tree = folder.config().model_dump(mode="json")
    tree["agents"]["scorer"] = scorer
    config = parse_config(tree, "test")
    folder.write_config(config)
    with RunDB(folder.database, create=True) as db:
        db.set_meta("fingerprint", config.fingerprint)


def decided(root: Path) -> list[dict[str, Any]]:
    """What was decided in round 3, whoever did it and whatever it cost."""
    rows = Store(root).ledger.read(3).to_pylist()
    kept = ("step", "agent", "doc", "action", "reason", "scores", "made", "text")
    return [{k: r[k] for k in kept if k in r} for r in rows]


@pytest.mark.long
def test_a_round_with_a_model_in_this_process_is_replayed_without_it(finished, cli) -> None:  # type: ignore[no-untyped-def]
    first, second = (cli.folder / "runs" / name for name in ("whole", "again"))
    for root, scorer in ((first, "hf:"), (second, f"replay:{first}")):
        shutil.copytree(finished.folder / "runs" / "whole", root)
        cast(root, scorer)
        done = cli("resume", root.name, "--rounds", "3")
        assert done.returncode == 0, done.stderr
    with Journal(first / "calls.db") as journal:
        usage = journal.costs()["hf:"]
    assert usage.calls > 20 and usage.usd == 0 and usage.tokens_in > 0
    assert decided(first) == decided(second)
    with Journal(second / "calls.db") as journal:
        assert journal.costs() == {}
    for run in (first, second):
        with RunDB(run / "run.db") as db:
            assert db.rows("rounds", round=3)[0]["accepted"] in ("main", "control")
    with RunDB(first / "run.db") as one, RunDB(second / "run.db") as other:
        assert one.meta("calibration-3") == other.meta("calibration-3")
