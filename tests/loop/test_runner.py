"""However a run is broken off, its last word is the command that continues it."""

from pathlib import Path

import pytest

from coevo.loop import runner
from coevo.loop.config import load_config
from coevo.loop.run_folder import create_run
from coevo.loop.workers import Stopping
from coevo.tiers.errors import LedgerError


@pytest.mark.parametrize(
    ("broken_off", "raises", "says"),
    [
        (Stopping(), KeyboardInterrupt, "Continue with: coevo resume whole"),
        (KeyboardInterrupt(), KeyboardInterrupt, "Continue with: coevo resume whole"),
        (LedgerError("a part is missing"), LedgerError, "Once it is mended: coevo resume whole"),
    ],
)
def test_a_run_that_is_broken_off_names_the_command_that_continues(
    broken_off: BaseException,
    raises: type[BaseException],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def walk(*_: object) -> None:
        raise broken_off

    monkeypatch.setattr(runner, "_walk", walk)
    folder = create_run(tmp_path, "whole", load_config("embedded"), "")
    with pytest.raises(raises):
        runner.work(folder, folder.config())
    assert says in capsys.readouterr().err


def test_a_run_with_nothing_left_to_do_is_not_called_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def walk(*_: object) -> None:
        raise runner.Ended("run 'whole' has ended")

    monkeypatch.setattr(runner, "_walk", walk)
    folder = create_run(tmp_path, "whole", load_config("embedded"), "")
    with pytest.raises(runner.Ended):
        runner.work(folder, folder.config())
    assert capsys.readouterr().err == ""
