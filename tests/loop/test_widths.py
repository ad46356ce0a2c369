"""Every command that prints a table fits 80 and 120 columns, and cuts nothing without saying so."""

import json
import re
from collections.abc import Sequence

import pytest
from rich.cells import cell_len

from .conftest import Cli

COMMANDS = (
    "status", "status whole", "rounds whole", "show whole 1", "show whole 2 --all", "tiers whole", "why whole 1",
    "why whole {arm}", "why whole {rubric}", "why whole {prompt}", "why whole {document}", "prompts whole", "prompts",
    "contamination whole", "ask whole number", "compare whole whole", "resume whole --rounds 4 --dry-run",
    "lab run tier_prior --rounds 2",
)  # fmt: skip
SIGN = re.compile(r"… \(\+[\d,]+ characters\)|… [\d,]+ more lines|\[\[.*")
"""How a cut says itself: `plain` and `diff` count what is left out."""


def subjects(cli: Cli) -> dict[str, str]:
    """One arm, rubric, prompt and document of the finished run that have a story."""
    round_2 = json.loads(cli("why", "whole", "2", "--json").stdout)
    known = json.loads(cli("prompts", "whole", "--json").stdout)["prompts"]
    rubric = round_2["rubrics"][0]["rubric"]
    facts = json.loads(cli("ask", "whole", "number", "--json").stdout)["hits"]
    return {
        "arm": round_2["arms"][0]["arm"],
        "rubric": rubric,
        "prompt": "rule:edit-rules",
        "document": facts[0]["documents"][0],
        "digest": known[0]["ref"],
    }


def words(output: str) -> set[str]:
    """What stands between blanks, without the marks that join the values of a list."""
    return {word.strip(";,") for word in output.split()}


@pytest.mark.parametrize("width", [80, 120])
def test_every_table_fits_its_terminal(finished: Cli, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names = subjects(finished)
    for command in COMMANDS:
        typed = command.format(**names).split()
        narrow, wide = (_printed(finished, typed, columns, monkeypatch) for columns in (width, 2_000))
        assert max(map(cell_len, narrow.splitlines())) <= width, command
        assert "…" not in SIGN.sub("", narrow), command
        notes = "".join(line for line in narrow.splitlines() if line.startswith(f"not shown at {width} columns: "))
        assert words(narrow) <= words(wide) | words(notes), command


def _printed(cli: Cli, typed: Sequence[str], columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(cli.env, "COLUMNS", str(columns))
    done = cli(*typed)
    assert done.returncode == 0, (typed, done.stderr)
    return done.stdout
