"""What steers a round reads the feedback items that judge it, and no others."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from coevo.eval import EvalConfig, HeldOut, build_suite, save_suite
from coevo.eval.suites import suite_texts
from coevo.loop.config import parse_config
from coevo.loop.nodes.evaluate import suite_path
from coevo.loop.nodes.influence import feedback_targets
from coevo.loop.run_folder import create_run


def test_influence_and_screening_ask_the_fold_of_the_round(tmp_path: Path) -> None:
    config = parse_config({"evaluation": {"folds": 2}}, "test")
    context = SimpleNamespace(folder=create_run(tmp_path / "runs", "r", config, ""), config=config)
    rng = np.random.default_rng(0)
    held = [HeldOut(" ".join(f"word{n}" for n in rng.integers(9999, size=40)), "en", f"file{i}") for i in range(24)]
    asked = EvalConfig(cloze_items=0, arithmetic_items=0, bpb_items=24, bpb_bytes=128)
    suite = build_suite("feedback", held, asked, 0)
    save_suite(suite, suite_path(context, "feedback"))  # type: ignore[arg-type]
    first, second, again = (feedback_targets(context, n) for n in (1, 2, 1))  # type: ignore[arg-type]
    assert first == again and len(first.texts) == len(second.texts) == 12
    assert {*first.texts} | {*second.texts} == {*suite_texts(suite)}
    assert not {*first.clusters} & {*second.clusters}
