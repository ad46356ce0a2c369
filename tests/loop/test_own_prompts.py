"""A user's own prompts: copied into the run, refused with a reason, and told of by `coevo prompts`."""

import json
from pathlib import Path

import pytest

OWN = """---
name: score-harbour
role: scorer
version: 1
rubric: harbour
options: [" yes", " no"]
---
{{ document }}

Does this text speak of a harbour? Answer with one word, yes or no.
Answer:
"""


def test_a_folder_without_prompts_and_a_malformed_one_are_refused_before_any_work(cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    none = cli("run", "--set", f"agents.prompts={tmp_path / 'none'}")
    assert none.returncode == 2 and "wanted a folder of prompts" in none.stderr
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "score-harbour.md").write_text(OWN.replace("{{ document }}", "{{ text }}"))
    wrong = cli("run", "--set", f"agents.prompts={tmp_path / 'own'}")
    assert wrong.returncode == 2 and "only {{ document }} as variable" in wrong.stderr, wrong.stderr
    assert not (cli.folder / "runs").exists()


@pytest.mark.slow
@pytest.mark.long
def test_own_prompts_lie_in_the_run_and_a_question_that_rules_cannot_answer_is_said(cli, tmp_path, settings) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "score-harbour.md").write_text(OWN)
    made = cli("run", "--name", "own", "--rounds", "1", "--set", f"agents.prompts={tmp_path / 'own'}", *settings)
    assert made.returncode == 0, made.stderr
    assert (cli.folder / "runs" / "own" / "prompts" / "score-harbour.md").read_text() == OWN
    told = json.loads(cli("prompts", "own", "--json").stdout)
    assert "score-harbour" in {p["name"] for p in told["prompts"]}
    assert "a question needs a model" in next(m["reason"] for m in told["refused"] if m["rubric"] == "harbour")
