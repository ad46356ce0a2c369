"""A run folder is there whole or not at all."""

import shutil
from pathlib import Path

import pytest

from coevo.loop import run_folder
from coevo.loop.config import load_config
from coevo.loop.run_folder import RunFolder, create_run, list_runs, open_run


def test_a_run_that_was_only_just_made_can_be_continued(tmp_path: Path) -> None:
    made = create_run(tmp_path / "runs", "whole", load_config("embedded"), "preset: embedded")
    assert open_run(tmp_path / "runs", "whole") == made
    assert list_runs(tmp_path / "runs") == ["whole"]


def test_what_was_killed_half_made_is_no_run_and_not_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, fill = load_config("embedded"), run_folder._fill

    def killed(folder: RunFolder, *rest: object) -> None:
        fill(folder, *rest)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "_fill", killed)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # nobody tidies up after kill -9
        with pytest.raises(KeyboardInterrupt):
            create_run(tmp_path, "whole", config, "")
    assert [p.name[:7] for p in tmp_path.iterdir()] == [".whole."]
    assert list_runs(tmp_path) == []


def test_what_a_killed_process_left_half_written_is_swept(tmp_path: Path) -> None:
    made = create_run(tmp_path, "whole", load_config("embedded"), "")
    stale = [
        made.round_models(1) / ".main.0a.tmp" / "x",
        made.round_models(1) / "blocks" / "b.npy",
        made.models / ".base.1.tmp",
    ]
    stale += [made.scores / ".suite-feedback.json.7.tmp", made.root / ".report.html.z.tmp", made.scores / "a.parquet"]
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    made.sweep()
    assert [p.name for p in stale if p.exists()] == ["b.npy", "a.parquet"]
    assert not (made.round_models(1) / ".main.0a.tmp").exists()


def test_the_command_that_continues_names_the_folder_where_it_is_not_the_default(tmp_path: Path) -> None:
    assert RunFolder(Path("runs") / "a").resume() == "coevo resume a"
    assert RunFolder(tmp_path / "a").resume("--rounds 4") == f"coevo resume a --rounds 4 --runs {tmp_path}"
