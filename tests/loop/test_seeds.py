"""Verified seeds in a run: an earlier sample teaches the student selector only where training on it helped."""

import shutil
import threading
from pathlib import Path

import pytest

from coevo.loop.config import parse_config
from coevo.loop.context import RunContext, open_context
from coevo.loop.nodes.student_selector import selector_of
from coevo.loop.progress import Progress
from coevo.loop.run_folder import RunFolder
from coevo.tiers.errors import InputError


def opened(finished, root: Path, verified: bool, gain: tuple[float, float] | None) -> RunContext:  # type: ignore[no-untyped-def]
    """The small run with a student selector; training on round 1's sample had this measured gain and error."""
    shutil.copytree(finished.folder / "runs" / "whole", root, ignore=shutil.ignore_patterns("models"))
    folder = RunFolder(root)
    tree = folder.config().model_dump(mode="json")
    tree["curation"] |= {"selector": "hashed", "agreement": -1.0, "verified_seeds": verified}
    context = open_context(folder, parse_config(tree, "test"), Progress(quiet=True), threading.Event())
    if gain is not None:
        about = {"round": 1, "benchmark": "composite", "treatment": "rubric-high", "split": "feedback"}
        (row,) = context.db.rows("deltas", **about)  # what the run itself measured, at a known size
        context.db.insert("deltas", row | {"gain": gain[0], "se": gain[1]})
    return context


def labels(context: RunContext) -> dict[str, int]:
    return {domain: found.n for domain, found in selector_of(context, 2).items()}


def events(context: RunContext) -> list[str]:
    return [e["message"] for e in context.db.rows("events") if "as seeds" in e["message"]]


def test_a_sample_is_learned_from_only_where_training_on_it_helped(finished, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    helped = opened(finished, tmp_path / "helped", True, (0.05, 0.01))
    unclear = opened(finished, tmp_path / "unclear", True, (0.01, 0.01))
    everything = opened(finished, tmp_path / "all", False, (-0.05, 0.01))
    of_this_round = {*helped.store.scores(2)["doc_id"].to_pylist()}
    both = of_this_round | {*helped.store.scores(1)["doc_id"].to_pylist()}
    assert sum(labels(unclear).values()) == len(of_this_round) < sum(labels(helped).values()) == len(both)
    assert sum(labels(everything).values()) == len(both | {*helped.store.scores(0)["doc_id"].to_pylist()})
    assert events(everything) == [] and events(helped)[0].startswith("refused sample of round 0 as seeds: training")
    assert (
        events(helped)[1]
        == "accepted sample of round 1 as seeds: training on it gained +0.0500 (95 % +0.0304 to +0.0696)"
    )
    assert "(unresolved), wanted gain - 1.64 se > 0" in events(unclear)[1]


def test_seeds_can_be_verified_only_where_they_are_put_to_the_proof() -> None:
    for wrong in ({"selector": "none"}, {"selector": "hashed", "probes": False}):
        tree = {"curation": {"selector": wrong["selector"], "verified_seeds": True}}
        tree |= {"probes": {"rubrics": False}} if "probes" in wrong else {}
        with pytest.raises(InputError, match="verified_seeds"):
            parse_config(tree, "test")
