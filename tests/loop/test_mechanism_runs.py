"""Mechanisms in a real run: one that misbehaves does not end it, influence is measured where it is asked for."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from coevo.loop.run_db import RunDB
from tests.loop.conftest import Cli

BAD = '''
import numpy as np
from coevo.loop.feedback.base import Base


class Bad(Base):
    """Tilts in round 1, wants NaN in round 2, an unknown arm in round 3; cannot learn from round 1."""

    name = "bad"
    remembers = ("planned",)

    def __init__(self, config, arms, seed):
        super().__init__(config, arms, seed)
        self.planned = 0.0

    def plan(self, context):
        self.planned += 1
        wanted = context.reference * np.exp(np.linspace(-0.4, 0.4, len(context.arms)))
        if context.round == 2:
            wanted = wanted * np.nan
        return wanted / wanted.sum(), (), "a tilt"

    def observe(self, evidence):
        self.planned += 100
        raise RuntimeError("boom")
'''


def test_a_mechanism_that_misbehaves_keeps_the_previous_plan_and_the_run_goes_on(cli: Cli, settings: list[str]) -> None:
    (cli.folder / "bad_mechanism.py").write_text(BAD, encoding="utf-8")
    asked = ["--set", "feedback.mechanism=bad_mechanism:Bad", "--set", "feedback.gate=always"]
    done = cli("run", "--name", "bad", "--rounds", "2", *settings, *asked)
    assert done.returncode == 0, done.stderr
    db = RunDB(cli.folder / "runs" / "bad" / "run.db")
    one, two = (r for r in db.rows("rounds") if r["round"] > 0)
    assert one["plan"]["reason"] == "a tilt"
    assert max(one["plan"]["mixture"].values()) > 1.3 * min(one["plan"]["mixture"].values())
    assert "wants shares >= 0 that sum to 1, got nan for code/L1" in two["plan"]["reason"]
    before, after = one["plan"]["mixture"], two["plan"]["mixture"]
    shared = [arm for arm in after if arm in before]  # arms run out of text, and get some
    assert len(shared) >= 8
    scale = sum(after[arm] for arm in shared) / sum(before[arm] for arm in shared)
    assert [after[arm] for arm in shared] == pytest.approx([before[arm] * scale for arm in shared], abs=0.02)
    told = {(e["round"], e["node"]): e["message"] for e in db.rows("events", level="warning")}
    assert "boom; round 1 was not learned from" in told[1, "learn"]
    assert "kept the previous mixture, no probes" in told[2, "allocate"]
    assert two["learned_state"] == {"planned": 1.0}, "what it remembered of a failed plan or lesson was put back"
    story = cli("why", "bad", "2").stdout
    assert "kept the previous mixture" in story


@pytest.mark.long
def test_influence_is_measured_where_it_is_asked_for(cli: Cli, settings: list[str]) -> None:
    lacking = cli("run", "--name", "no", *settings, "--set", "feedback.mechanism=influence_eg")
    assert lacking.returncode == 2
    assert "needs influence, which nobody measures here" in lacking.stderr
    wrong = cli("run", "--name", "no", *settings, "--set", "feedback.mechanism=log_blr")
    assert "made for mode reset, this is 'continue'" in wrong.stderr
    asked = ["--set", "feedback.mechanism=influence_eg", "--set", "feedback.influence=3"]
    done = cli("run", "--name", "led", "--rounds", "1", *settings, *asked)
    assert done.returncode == 0, done.stderr
    db = RunDB(cli.folder / "runs" / "led" / "run.db")
    told = db.meta("influence-1")
    influence = np.array(list(told["influence"].values()))
    assert influence.std() > 0
    assert np.abs(influence).max() <= 1
    kept = db.meta("evidence-1")
    assert kept["signals"]["influence"] == pytest.approx(influence.tolist())
    assert len(kept["rubric_influence"]) == len(kept["rubrics"])
    assert kept["signals"]["influence_cov"] == told["cov"] and np.linalg.eigvalsh(told["cov"]).min() > -1e-12
    arm = json.loads(cli("why", "led", "code/L1", "--json").stdout)["rounds"][0]
    assert arm["influence"] == told["influence"]["code/L1"] and arm["influence_se"] > 0
    sampled = pq.read_table(cli.folder / "runs" / "led" / "scores" / "influence-1.parquet").to_pylist()
    (mine,) = json.loads(cli("why", "led", sampled[0]["doc"], "--json").stdout)["influence"]
    assert mine["influence"] == sampled[0]["influence"] and 1 <= mine["rank"] <= mine["sampled"] == 3
    said = cli("why", "led", sampled[0]["doc"]).stdout
    assert "influence: how a step on it would have moved the model" in said
    assert "most influence has" in db.rows("rounds", round=1)[0]["plan"]["reason"]


@pytest.mark.long
def test_a_search_in_reset_mode_is_not_held_to_a_trust_region(cli: Cli, settings: list[str]) -> None:
    asked = ["--set", "feedback.mechanism=log_blr", "--set", "mode=reset"]
    done = cli("run", "--name", "search", "--rounds", "1", *settings, *asked)
    assert done.returncode == 0, done.stderr
    told = json.loads(cli("show", "search", "1", "--json").stdout)
    assert told["round"] == 1
    plan = RunDB(cli.folder / "runs" / "search" / "run.db").rows("rounds", round=1)[0]["plan"]
    moved = [abs(np.log(w / plan["reference"][a])) for a, w in plan["mixture"].items()]
    assert max(moved) > 0.6
