"""Screening a rubric where the student of the round judges: it is the accepted model, and its folder is known."""

from pathlib import Path
from types import SimpleNamespace

from coevo.loop.config import parse_config
from coevo.loop.nodes.rubric_screen import distrusted
from coevo.loop.run_db import RunDB
from coevo.loop.run_folder import create_run
from coevo.prompts import built_in
from coevo.training.base import build_base
from coevo.training.spec import ModelConfig

TEXTS = ["The cat sat on the mat and looked at the moon. " * 4, "def f(x):\n    return x + 1\n" * 8] * 20
SMALL = ModelConfig(
    vocab=400, hidden=32, layers=1, heads=1, intermediate=64, block=64, steps=3, batch=2, dtype="float32"
)


def test_a_scorer_that_is_the_student_screens_with_the_accepted_model(tmp_path: Path) -> None:
    accepted = Path(build_base(SMALL, TEXTS, tmp_path / "cache").path)
    config = parse_config({"agents": {"scorer": "student:"}, "domains": ["en"]}, "test")
    folder = create_run(tmp_path / "runs", "r", config, "")
    with RunDB(folder.database, create=True) as db:
        stopping = SimpleNamespace(is_set=lambda: False)
        context = SimpleNamespace(folder=folder, config=config, db=db, stopping=stopping)
        prompt = next(p for p in built_in().of_role("scorer") if p.rubric == "clarity")
        told = distrusted(context, 1, prompt, accepted)  # type: ignore[arg-type]
    assert "no grades" not in told and (told.startswith("trust 0") or not told)
