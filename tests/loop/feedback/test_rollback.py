"""Verdicts in whole simulated runs: gates, the regression budget, and rollback of a mechanism that does harm."""

from pathlib import Path
from typing import Any

import pytest

from coevo.loop.lab.planted import PlantedWorld
from coevo.loop.lab.simulate import settings, simulate, simulate_on_graph
from coevo.loop.progress import Progress
from coevo.loop.run_db import RunDB

HARMFUL = '''
import numpy as np
from coevo.loop.feedback.base import Base


class Harmful(Base):
    """Wants nothing but plain text."""

    name = "harmful"
    remembers = ("rounds",)

    def __init__(self, config, arms, seed):
        super().__init__(config, arms, seed)
        self.rounds = 0

    def plan(self, context):
        self.rounds += 1
        wanted = context.reference * np.array([30.0 if a.endswith("L1") else 1.0 for a in context.arms])
        return wanted / wanted.sum(), (), f"round {self.rounds} of its life"
'''


@pytest.fixture
def harmful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "harmful_mechanism.py").write_text(HARMFUL, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "harmful_mechanism:Harmful"


def played(folder: Path, mechanism: str, rounds: int = 8, **feedback: Any) -> RunDB:
    folder.mkdir(exist_ok=True)
    world = PlantedWorld(3, noise=0.3)
    config = settings(world, rounds, {"mechanism": mechanism, **feedback}, "continue", {})
    return simulate_on_graph(world, config, folder, Progress(quiet=True))[1]


def test_a_mechanism_that_does_harm_is_put_back_to_its_beginning(tmp_path: Path, harmful: str) -> None:
    db = played(tmp_path, harmful, gate="always", rollback=20.0)
    gone = db.meta("rollbacks")
    assert gone, "training on plain text alone is worse than uniform by many standard errors"
    rows = {r["round"]: r for r in db.rows("rounds") if r["round"]}
    first = gone[0]
    assert first < 8
    assert rows[first]["accepted"] == "control"
    assert "rolled back: e-value" in rows[first]["accept_reason"]
    assert all(rows[n]["accepted"] == "main" for n in range(1, first))
    assert rows[first]["plan"]["reason"] == f"round {first} of its life"
    assert rows[first + 1]["plan"]["reason"] == "round 1 of its life", "it starts anew"
    alarms = [e for e in db.rows("events", level="alarm") if "starts anew" in e["message"]]
    assert [e["round"] for e in alarms] == gone


def test_without_a_threshold_nothing_is_rolled_back(tmp_path: Path, harmful: str) -> None:
    db = played(tmp_path, harmful, gate="always", rollback=0.0)
    assert db.meta("rollbacks") is None
    assert {r["accepted"] for r in db.rows("rounds") if r["round"]} == {"main"}


def test_a_gate_keeps_harm_out(tmp_path: Path, harmful: str) -> None:
    db = played(tmp_path, harmful, gate="ladder", rollback=0.0)
    assert {r["accepted"] for r in db.rows("rounds") if r["round"]} == {"control"}


def test_the_regression_budget_is_spent_over_rounds(tmp_path: Path) -> None:
    """The schedule trains on plain text first, which costs every benchmark; a small budget ends that."""
    free = played(tmp_path / "free", "paper_schedule", rounds=6, gate="always")
    assert {r["accepted"] for r in free.rows("rounds") if r["round"]} == {"main"}
    strict = played(tmp_path / "strict", "paper_schedule", rounds=6, gate="always", regression=0.01)
    reasons = [r["accept_reason"] for r in strict.rows("rounds") if r["round"] and r["accepted"] == "control"]
    assert any("would have lost" in r for r in reasons)


def test_the_posterior_gate_follows_what_was_learned(tmp_path: Path) -> None:
    db = played(tmp_path, "trust_blr", rounds=6, gate="posterior")
    rows = [r for r in db.rows("rounds") if r["round"]]
    assert all("expected" in r["accept_reason"] for r in rows)
    assert rows[-1]["accepted"] == "main"


def test_in_null_worlds_the_ladder_stays_still() -> None:
    """Nothing helps: main goes on in at most 5 % of the rounds."""
    accepted = rounds = 0
    for seed in range(40):
        world = PlantedWorld(seed, null=True)
        found = simulate(world, settings(world, 10, {"mechanism": "trust_blr", "gate": "ladder"}, "continue", {}))
        accepted, rounds = accepted + found.accepted, rounds + 10
    assert accepted / rounds <= 0.05
