"""Protocols plan stages over the arms that there are, and a finished run can be verified by one."""

import json
import shutil
from pathlib import Path

import pytest

from coevo.loop.protocols import Protocol, StagePlan, load_protocol, overall, plan_stages, protocols
from coevo.tiers.errors import InputError

LIVE = ("code/L1", "code/L2", "math/L1", "math/L2", "math/L3")
UNIFORM: dict[str, float] = dict.fromkeys(LIVE, 0.2)


@pytest.mark.parametrize("name", list(protocols()))
def test_every_protocol_compares_equal_domains_and_tokens(name: str) -> None:
    protocol = load_protocol(name)
    sides = [plan_stages(s, LIVE, UNIFORM, ("math/L3",)) for s in (protocol.treatment, protocol.reference)]
    for stages in sides:
        assert sum(s.share for s in stages) == pytest.approx(1)
        assert all(sum(s.mixture.values()) == pytest.approx(1) for s in stages)
    if not protocol.wants_candidate:  # the same tiers and domains in all, at other times
        one, other = (overall(stages) for stages in sides)
        assert one == pytest.approx(other)


def test_a_candidate_takes_its_share_of_the_reference_mixture() -> None:
    plan = (StagePlan(name="decay", share=1, candidate=0.3),)
    (stage,) = plan_stages(plan, LIVE, UNIFORM, ("math/L3",))
    assert stage.mixture == pytest.approx(dict.fromkeys(LIVE, 0.14) | {"math/L3": 0.44})


def test_a_tier_that_a_domain_lacks_is_taken_from_the_nearest() -> None:
    plan = (StagePlan(name="L3", share=1, tiers={"L3": 1}), StagePlan(name="L1", share=3, tiers={"L1": 1}))
    third, first = plan_stages(plan, LIVE, UNIFORM, ())
    assert third.mixture == dict.fromkeys(LIVE, 0.0) | {"code/L2": 0.5, "math/L3": 0.5}
    assert first.share == 0.75 and first.mixture["code/L1"] == first.mixture["math/L1"] == 0.5


def test_mistakes_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no protocol 'tierd': did you mean 'tiered'\?"):
        load_protocol("tierd")
    (tmp_path / "own.yaml").write_text("about: mine\nsource: me\ntreatment: []\nreference: []\n")
    with pytest.raises(InputError, match="treatment: Tuple should have at least 1 item"):
        load_protocol(str(tmp_path / "own.yaml"))
    (tmp_path / "own.yaml").write_text(
        "{about: mine, source: me, treatment: [{name: a, share: 1}], reference: [{name: a, share: 2}]}"
    )
    assert isinstance(load_protocol(str(tmp_path / "own.yaml")), Protocol)


@pytest.mark.slow
@pytest.mark.long
def test_a_finished_run_is_verified_with_intervals(finished, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cli = type(finished)(tmp_path, tmp_path / "cache")
    shutil.copytree(finished.folder / "runs", tmp_path / "runs")
    done = cli("verify", "whole", "tiered", "--seeds", "2", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert [p["seed"] for p in data["pairs"]] == [0, 1] and data["benchmarks"][-1]["benchmark"] == "composite"
    for row in (*data["pairs"], *data["benchmarks"]):
        assert row["low"] <= row["gain"] <= row["high"]
        assert row["verdict"] == ("gain" if row["low"] > 0 else "loss" if row["high"] < 0 else "unresolved")
    assert all(row["p"] <= row["p_adjusted"] <= 1 for row in data["benchmarks"]), "all of the table's rows are counted"
    trained = [
        json.loads(p.read_text()) for p in sorted((tmp_path / "runs/whole/models/verify").glob("*/trained.json"))
    ]
    assert len({t["tokens"] for t in trained}) == 1 and len(trained) == 4
    again = cli("verify", "whole", "tiered", "--seeds", "2", "--json")
    assert json.loads(again.stdout) == data, "what is trained stays"
    wrong = cli("verify", "whole", "decay", "--candidate", "math/L9")
    assert wrong.returncode == 2 and "--candidate wants an arm with enough data, got 'math/L9'" in wrong.stderr
