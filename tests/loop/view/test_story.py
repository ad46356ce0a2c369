"""why: documents, rounds, arms and rubrics tell all that the ledger and the measurements know of them."""

import json
from pathlib import Path

import pytest

from coevo.loop.view.story import why
from coevo.tiers.errors import InputError


def test_an_edited_document_tells_its_decisions_in_order_and_the_diff(
    run_folder: Path, documents: dict[str, str]
) -> None:
    data = why(run_folder, documents["edited"])
    assert data["source"].startswith("local:stdlib/")
    assert data["status"]["status"] == "superseded"
    told = [(e["stage"], e["action"]) for e in data["events"] if e["made"] in (None, documents["edit"])]
    assert told[:3] == [("ingest", "ingest"), ("decontaminate", "promote"), ("score", "score")]
    assert ("edit", "edit") in told
    edit = next(e for e in data["events"] if e["action"] == "edit")
    assert next(d["text"] for d in edit["diff"] if d["mark"] == "-") == "# Copyright (c) 2001 Somebody"
    assert edit["agent"] == "rule:edit-rules"
    assert documents["edit"] in [c["doc"] for c in data["children"]]


def test_the_edit_knows_its_parent_and_where_it_was_trained_on(run_folder: Path, documents: dict[str, str]) -> None:
    data = why(run_folder, documents["edit"][:10])
    assert [p["doc"] for p in data["parents"]] == [documents["edited"]]
    assert [t["arm"] for t in data["training"]] == [f"{data['domain']}/L3"] * 3
    for told in data["training"]:
        assert told["possible"]
        assert told["share"] > 0
        assert told["value_se"] == pytest.approx(0.02 + 0.02 / told["round"])
        assert told["credit"] is not None


def test_a_made_document_is_not_trained_on_before_it_exists(run_folder: Path, documents: dict[str, str]) -> None:
    data = why(run_folder, documents["qa"])
    assert data["tier"] == "L4"
    assert [t["possible"] for t in data["training"]] == [False, False, True]
    made = next(e for e in data["events"] if e["action"] == "create")
    assert (made["prompt"], made["usage"]["tokens_in"]) == ("synthesize-qa@9f8e7d", 412)
    assert data["cost"]["usd"] == pytest.approx(0.0002)


def test_a_demotion_by_measured_effect_comes_after_the_training_it_cites(
    run_folder: Path, documents: dict[str, str]
) -> None:
    data = why(run_folder, documents["demoted"])
    assert data["tier"] == "L2"
    assert [t["arm"] for t in data["training"]] == [None, "en/L3", "en/L2"]


def test_a_round_tells_plan_deltas_decision_and_what_changes_next(run_folder: Path) -> None:
    data = why(run_folder, "round 2")
    assert data["plan"]["reason"].startswith("math/L3")
    assert (data["accepted"], data["accept_reason"]) == ("control", "main is significantly worse than control")
    moved = data["next"]["moved"]
    sizes = [abs(m["after"] - m["before"]) for m in moved]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0.001
    assert why(run_folder, "3")["next"] is None


def test_an_arm_tells_values_shares_and_the_contrasts_it_differed_in(run_folder: Path) -> None:
    data = why(run_folder, "math/L3")
    assert [r["round"] for r in data["rounds"]] == [1, 2, 3]
    assert {(c["treatment"], c["reference"]) for c in data["contrasts"]} == {("main", "control"), ("probe-1", "centre")}
    assert all(c["split"] == "feedback" and c["share"] != c["reference_share"] for c in data["contrasts"])
    assert {"create", "edit"} <= {m["action"] for m in data["moves"]}


def test_an_arm_that_no_run_could_train_on_has_no_contrast(run_folder: Path) -> None:
    assert why(run_folder, "code/L4")["contrasts"] == []


def test_a_rubric_tells_trust_worth_and_extremes(run_folder: Path) -> None:
    data = why(run_folder, "clarity")
    assert [r["round"] for r in data["rounds"]] == [1, 2, 3]
    assert data["rounds"][0]["prompt"] == "score-clarity@1a2b3c"
    top, bottom = [e["score"] for e in data["top"]], [e["score"] for e in data["bottom"]]
    assert top == sorted(top, reverse=True)
    assert min(top) > max(bottom)
    assert len(top) == len(bottom) == 3


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("claritty", "did you mean clarity"),
        ("math/L9", "nearest are math/L"),
        ("maths/L3", "nearest are math/L3"),
        ("abc", "at least 6 hex digits"),
        ("round 9", "no round 9"),
        ("", "at least 6 hex digits"),
        ("ffffff", "nearest are|no documents"),
        ("../../etc/passwd", "is no round, arm, rubric, prompt or document"),
    ],
)
def test_what_is_unknown_is_one_sentence_with_the_nearest(run_folder: Path, subject: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        why(run_folder, subject)


def test_stories_are_json_and_hold_no_control_characters(run_folder: Path, documents: dict[str, str]) -> None:
    for subject in ("2", "math/L3", "clarity", documents["hostile"], documents["qa"]):
        text = json.dumps(why(run_folder, subject), allow_nan=False, ensure_ascii=False)
        assert not any(c in text for c in ("\x1b", "\\u001b", "\u202e"))
    assert "<script>" in why(run_folder, documents["hostile"])["text"]


def test_a_prompt_tells_what_its_documents_added_with_an_interval(run_folder: Path) -> None:
    data = why(run_folder, "synthesize-qa")
    assert data["versions"] == ["synthesize-qa@9f8e7d"]
    assert {(a["action"]) for a in data["actions"]} == {"create"}
    assert [r["round"] for r in data["rounds"]] == [1, 2, 3]
    assert [r["documents"] for r in data["rounds"]] == sorted(r["documents"] for r in data["rounds"])
    last = data["rounds"][-1]
    assert sum(last["arms"].values()) == last["documents"] > 0
    assert last["credit_se"] > 0
    for row in data["rounds"]:
        if row["explains"] is not None:
            assert row["explains_low"] < row["explains"] < row["explains_high"]
    by_rule = why(run_folder, "rule:edit-rules")
    assert sum(a["documents"] for a in by_rule["actions"] if a["action"] == "edit") > 0


def test_an_arm_explains_a_share_of_a_delta_only_where_the_delta_is_resolved(run_folder: Path) -> None:
    rows = why(run_folder, "math/L3")["rounds"]
    resolved = [abs(r["delta"]) > 1.96 * 0.02 for r in rows]
    assert [r["explains"] is not None for r in rows] == resolved
    assert any(resolved)
    for r in rows:
        if r["explains"] is not None:
            assert r["explains"] == pytest.approx(r["credit"] / r["delta"])
            assert r["explains_low"] < r["explains"] < r["explains_high"]
