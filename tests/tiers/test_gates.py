"""Promotion needs the document's merits and the arm's; demotion needs significant harm; both say why."""

from typing import Any

import pyarrow as pa
import pytest

from coevo.tiers.apply import HOLDINGS_SCHEMA, apply
from coevo.tiers.decision import Action
from coevo.tiers.document import Document
from coevo.tiers.gates import Candidate, GateConfig, contributes, demote_harmful, gate, gate_rows, promotable
from coevo.tiers.rows import decisions, rows_from_decisions
from coevo.tiers.tier import Tier

WELL = {"math/L4": (0.02, 0.01), "math/L2": (0.0, 0.01)}
HARM = {"math/L4": (-0.05, 0.01)}


def candidate(to: Tier = Tier.L4, at: Tier = Tier.L3, **known: Any) -> Candidate:
    document = Document(id="d", text="t", domain="math", tier=at, source="s")
    return Candidate(document, to, **{"votes": (True, True, False), "score": 0.8, "overlap": "", **known})


def test_merit_and_contribution_together_promote() -> None:
    (made,) = gate(3, [candidate()], WELL)
    assert (made.action, made.tier, made.stage, made.round) == (Action.PROMOTE, Tier.L4, "gate", 3)
    assert (
        "2 of 3 verifier votes" in made.reason and "math/L4 measured +0.0200 (95 % +0.0004 to +0.0396)" in made.reason
    )
    assert (made.evidence["arm"], made.evidence["arm_mean"], made.evidence["votes_for"]) == ("math/L4", 0.02, 2)


@pytest.mark.parametrize(
    ("bad", "values", "why"),
    [
        (candidate(), HARM, "math/L4 measured -0.0500"),
        (candidate(votes=(True, False)), WELL, "1 of 2 verifier votes"),
        (candidate(votes=()), WELL, "no verifier voted"),
        (candidate(score=0.4), WELL, "selector score 0.400 < 0.500"),
        (candidate(overlap=None), WELL, "not compared with the benchmark texts"),
        (candidate(overlap="overlaps benchmark text 3"), WELL, "overlaps benchmark text 3"),
        (candidate(to=Tier.L3), WELL, "at L3 already"),
        (candidate(to=Tier.L2, at=Tier.L1, score=None), WELL, "no selector score"),
    ],
)
def test_each_lack_refuses_and_is_named(bad: Candidate, values: dict[str, tuple[float, float]], why: str) -> None:
    limits = GateConfig(score=0.5)
    (made,) = gate(1, [bad], values, limits)
    assert made.action is Action.REFUSE and made.tier is None
    assert why in made.reason
    assert len(promotable(bad, values, limits)) == 1
    assert made.evidence["overlap"] == bad.overlap and made.evidence["decontaminated"] is (bad.overlap == "")


def test_an_unmeasured_arm_blocks_nothing_and_zero_is_not_negative() -> None:
    assert promotable(candidate(), {}) == []
    assert promotable(candidate(to=Tier.L2, at=Tier.L1), WELL) == []
    (made,) = gate(0, [candidate()], {})
    assert "not measured yet" in made.reason and made.evidence["arm_mean"] is None


def test_noise_alone_refuses_nothing_and_the_bar_can_be_moved() -> None:
    slightly, probably = {"math/L4": (-0.01, 0.02)}, {"math/L4": (-0.03, 0.02)}
    assert contributes("math/L4", slightly, GateConfig())[0]
    assert not contributes("math/L4", probably, GateConfig())[0]
    assert not contributes("math/L4", slightly, GateConfig(contribution_z=0))[0]
    assert contributes("math/L4", probably, GateConfig(contribution_z=1.64))[0]


def test_bulk_promotion_asks_the_arm_too() -> None:
    verdicts = pa.table({"id": ["a", "b", "c"], "kept": [True, True, False], "reason": ["top", "top", "low"]})
    documents = pa.table({"id": ["c", "b", "a"], "domain": ["en", "math", "en"]})
    made = decisions(gate_rows(1, verdicts, documents, Tier.L2, {"math/L2": (-0.1, 0.01), "en/L2": (0.1, 0.1)}))
    assert [(d.doc, d.action, d.tier) for d in made] == [
        ("a", Action.PROMOTE, Tier.L2),
        ("b", Action.REFUSE, None),
        ("c", Action.REFUSE, None),
    ]
    assert made[0].reason == "top; promoted to L2: en/L2 measured +0.1000 (95 % -0.0960 to +0.2960)"
    assert "math/L2 measured -0.1000" in made[1].reason and made[2].reason == "low"
    assert made[1].evidence["arm_mean"] == -0.1
    assert gate_rows(1, verdicts.slice(0, 0), documents, Tier.L2, {}).num_rows == 0


def holdings(n: int, tier: int = 3, domain: str = "math") -> pa.Table:
    ids = [f"{domain}{tier}{i:03d}" for i in range(n)]
    columns = [ids, [domain] * n, [tier] * n, ["held"] * n, ["x"] * n, ["text"] * n, ["s"] * n, [[]] * n]
    return pa.table(
        [pa.array(c, f.type) for c, f in zip(columns, HOLDINGS_SCHEMA, strict=True)], schema=HOLDINGS_SCHEMA
    )


def scored(table: pa.Table) -> pa.Table:
    """The later the better."""
    return pa.table({"id": table["id"], "score": pa.array([i / 100 for i in range(table.num_rows)])})


def test_harm_moves_a_bounded_share_of_the_worst_one_tier_down() -> None:
    table = holdings(40)
    made = demote_harmful(2, table, {"math/L3": (-0.1, 0.05)}, scored(table))
    assert [d.doc for d in made] == [f"math3{i:03d}" for i in range(8)]
    assert {(d.action, d.tier, d.stage) for d in made} == {(Action.DEMOTE, Tier.L2, "demote")}
    assert made[1].reason == (
        "math/L3 is harmful: -0.1000 (95 % -0.1980 to -0.0020), so at most -0.0180 < 0; "
        "score 0.010 is number 2 from the bottom of 40: L3 -> L2"
    )
    assert (made[1].evidence["score"], made[1].evidence["place"], made[1].evidence["demoted"]) == (0.01, 2, 8)
    after = apply(table, rows_from_decisions(made))
    assert after["tier"].to_pylist() == [2] * 8 + [3] * 32


def test_a_loss_within_its_error_demotes_nothing() -> None:
    table = holdings(40)
    assert demote_harmful(2, table, {"math/L3": (-0.1, 0.07)}, scored(table)) == []
    assert demote_harmful(2, table, {"math/L2": (-9.0, 0.1), "en/L3": (-9.0, 0.1)}, scored(table)) == []


def test_l1_goes_to_the_archive_and_l0_nowhere() -> None:
    table = pa.concat_tables([holdings(20, 1), holdings(20, 0)])
    made = demote_harmful(0, table, {"math/L1": (-1.0, 0.1), "math/L0": (-1.0, 0.1)}, scored(table))
    assert {d.tier for d in made} == {Tier.L0} and {d.doc[:5] for d in made} == {"math1"}


def test_an_arm_is_never_emptied() -> None:
    table, harm = holdings(10), {"math/L3": (-1.0, 0.1)}
    assert len(demote_harmful(0, table, harm, scored(table), GateConfig(demote_share=1.0))) == 2
    assert demote_harmful(0, holdings(8), harm, scored(table)) == []
    assert len(demote_harmful(0, holdings(50), harm, scored(table), GateConfig(demote_most=3))) == 3


def test_the_unscored_go_after_the_worst_and_only_held_ones_go() -> None:
    table = holdings(20)
    known = pa.table({"id": ["math3019", "math3018"], "score": [0.9, 0.1]})
    made = demote_harmful(0, table, {"math/L3": (-1.0, 0.1)}, known)
    assert [d.doc for d in made] == ["math3018", "math3019", "math3000", "math3001"]
    assert made[2].evidence["score"] is None and "unscored" in made[2].reason
    gone = table.set_column(3, "status", pa.array(["dropped"] * 20))
    assert demote_harmful(0, gone, {"math/L3": (-1.0, 0.1)}, known) == []


def test_bulk_promotion_holds_real_scores_against_the_least_and_writes_them_down() -> None:
    ids, scores = ["a", "b", "c"], [0.75, 0.25, None]
    verdicts = pa.table(
        {"id": ids, "kept": [True] * 3, "reason": ["drawn"] * 3, "score": pa.array(scores, pa.float64())}
    )
    documents = pa.table({"id": ids, "domain": ["en"] * 3})
    made = decisions(gate_rows(1, verdicts, documents, Tier.L2, {"en/L2": (0.1, 0.1)}, GateConfig(score=0.5)))
    assert [d.action for d in made] == [Action.PROMOTE, Action.REFUSE, Action.REFUSE]
    assert [d.evidence["score"] for d in made] == scores
    assert made[0].evidence == {"arm": "en/L2", "arm_mean": 0.1, "arm_sd": 0.1, "score": 0.75, "to": "L2"}
    assert "wanted a score of 0.500 or more" in made[1].reason
    drawn = decisions(gate_rows(1, verdicts, documents, Tier.L2, {}))
    assert {d.action for d in drawn} == {Action.PROMOTE}, "without a least score the draw alone decides"


@pytest.mark.parametrize(
    "bad", [{"votes": 1.0}, {"score": -0.1}, {"harm_z": -1}, {"demote_share": 2}, {"keep_documents": -1}]
)
def test_a_gate_that_could_not_close_or_open_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="should be"):
        GateConfig.model_validate(bad)
