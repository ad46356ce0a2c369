"""Killed in each node and resumed, a run ends with the same ledger, scores and plans as one that was left alone."""

import signal
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coevo.loop.run_db import RunDB
from coevo.tiers.apply import replay
from coevo.tiers.store import Store

KILL_AT = (
    "round 0 · clean",  # prepare
    "round 0 · train",  # prepare, in the noise floor
    "round 1 · allocate",
    "round 1 · select",  # curate
    "round 1 · train",
    "round 1 · evaluate",
    "round 1 · learn",
)


def kill_at(process: "subprocess.Popen[str]", line: str) -> None:
    """kill -9 as soon as the process says `line`."""
    assert process.stderr is not None
    seen = []
    for said in process.stderr:
        seen.append(said)
        if line in said:
            process.kill()
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "".join(seen)


def ledger(root: Path) -> pa.Table:
    return Store(root).ledger.read().drop_columns(["seconds"])


def plans(root: Path) -> list[object]:
    keep = ("round", "plan", "accepted", "accept_reason", "posterior", "mechanism_state")
    return [{k: r[k] for k in keep} for r in RunDB(root / "run.db").rows("rounds") if r["round"]]


@pytest.mark.slow
def test_a_run_killed_in_every_node_ends_as_if_it_had_not_been(finished, cli, settings: list[str]) -> None:  # type: ignore[no-untyped-def]
    kill_at(cli.start("run", "--name", "whole", "--rounds", "2", *settings), KILL_AT[0])
    for line in KILL_AT[1:]:
        kill_at(cli.start("resume", "whole"), line)
    done = cli("resume", "whole")
    assert done.returncode == 0, done.stderr
    left, right = finished.folder / "runs" / "whole", cli.folder / "runs" / "whole"
    assert ledger(left).equals(ledger(right))
    assert plans(left) == plans(right)
    for path in sorted((left / "scores").glob("*.parquet")):
        assert pq.read_table(path).equals(pq.read_table(right / "scores" / path.name)), path.name
    assert replay(Store(right).ledger).equals(Store(right).holdings())
    assert Store(right).verify() > 0


@pytest.mark.slow
def test_control_c_stops_at_a_safe_point_and_names_the_command_that_continues(cli, settings: list[str]) -> None:  # type: ignore[no-untyped-def]
    process = cli.start("run", "--name", "broken-off", "--rounds", "1", *settings)
    assert process.stderr is not None
    for said in process.stderr:
        if "round 0 · clean" in said:
            process.send_signal(signal.SIGINT)
            break
    _, rest = process.communicate(timeout=120)
    assert process.returncode == 130, rest
    assert "coevo resume broken-off" in rest
    status = cli("status", "broken-off", "--json")
    assert '"state": "stopped"' in status.stdout or "coevo resume broken-off" in status.stdout
