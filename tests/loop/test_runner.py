"""However a run is broken off, its last word is the command that continues it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from coevo.loop import runner
from coevo.loop.config import load_config
from coevo.loop.context import RunContext
from coevo.loop.graph import ROUND, build
from coevo.loop.run_db import RunDB
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


def test_a_saved_result_without_its_checkpoint_is_not_the_end(tmp_path: Path) -> None:
    """Killed in that instant the state shows the result and nothing to do next: a resume took the run for ended."""
    nodes: dict[str, Any] = dict.fromkeys(("curate", "train", "evaluate", "finish"), lambda state: {})
    nodes |= {"prepare": lambda state: {"round": 0}, "allocate": lambda state: {"round": 1}}
    nodes["learn"] = lambda state: {"stop": "done"}
    thread = {"configurable": {"thread_id": "main"}}
    graph = build({name: nodes[name] for name in ("prepare", *ROUND, "finish")}, tmp_path / "run.db")
    put = graph.checkpointer.put

    def killed(config: Any, checkpoint: Any, *rest: Any) -> Any:
        if checkpoint["channel_values"].get("round") == 1:
            raise RuntimeError("killed")
        return put(config, checkpoint, *rest)

    graph.checkpointer.put = killed
    with pytest.raises(RuntimeError, match="killed"):
        list(graph.stream({"round": 0}, thread, durability="sync"))
    graph.checkpointer.put = put
    at = graph.get_state(thread)
    assert (at.values["round"], at.next) == (1, ())
    db = RunDB(tmp_path / "nodes.db", create=True)
    for number, node in ((0, "prepare"), (1, "allocate")):
        result = {"round": number}
        db.insert("nodes", {"round": number, "node": node, "key": node, "result": result, "seconds": 0.0})
    assert runner._entry(graph, thread, cast(RunContext, SimpleNamespace(db=db))) is None
    list(graph.stream(None, thread, durability="sync"))
    assert graph.get_state(thread).values["stop"] == "done"
