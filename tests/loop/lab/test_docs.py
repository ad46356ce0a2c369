"""The world of docs/lab.md is a world, as short as it says, and every command that the page shows is one."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coevo.loop.cli import cli
from coevo.loop.lab.specs import WORLDS

PAGE = (Path(__file__).parents[3] / "docs" / "lab.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_the_example_is_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [code] = EXAMPLE
    assert len([line for line in code.splitlines() if line.strip()]) <= 30
    (tmp_path / "my_world_of_the_page.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    world = "my_world_of_the_page:TwoTopics,worth=2"
    found = CliRunner().invoke(cli, ["lab", "run", "trust_blr", "--world", world, "--rounds", "4"])
    assert found.exit_code == 0 and "over uniform" in found.output


def test_every_world_is_on_the_page() -> None:
    assert all(f"| `{name}` |" in PAGE for name in WORLDS)


def test_every_command_exists() -> None:
    commands = re.findall(r"^    (coevo lab .*?)(?:\s{2,}#.*)?$", PAGE, re.M)
    assert len(commands) >= 5
    for command in commands:
        _, *words = shlex.split(command)
        group: Any = cli
        while words and not words[0].startswith("-") and words[0] in getattr(group, "commands", {}):
            group = group.commands[words.pop(0)]
        known = {o for p in group.params for o in p.opts}
        assert {w for w in words if w.startswith("--")} <= known, command
