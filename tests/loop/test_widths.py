"""Every command that prints a table fits 80 and 120 columns, and cuts nothing without saying so."""

import json
import re

from click.testing import CliRunner
from rich.cells import cell_len

from coevo.loop.cli import cli

from .conftest import Cli

COMMANDS = (
    "status", "status whole", "rounds whole", "show whole 1", "show whole 2 --all", "tiers whole", "why whole 1",
    "why whole {arm}", "why whole {rubric}", "why whole rule:edit-rules", "why whole {document}", "prompts whole",
    "contamination whole", "ask whole number", "compare whole whole", "resume whole --rounds 4 --dry-run",
    "lab run tier_prior --rounds 2",
)  # fmt: skip
SIGN = re.compile(r"… \(\+[\d,]+ characters\)|… [\d,]+ more lines")
"""How a cut says itself: `plain` and `diff` count what is left out."""
TIME = re.compile(r"[\d.]+ ms a round")
WIDE = 2_000


def printed(finished: Cli, command: str, columns: int) -> str:
    """What a command prints so many columns wide."""
    env = {"COEVO_RUNS": str(finished.folder / "runs"), "COLUMNS": str(columns)}
    done = CliRunner().invoke(cli, command.split(), env=env, catch_exceptions=False)
    assert done.exit_code == 0, (command, done.output)
    return TIME.sub("", done.stdout)


def subjects(finished: Cli) -> dict[str, str]:
    """An arm, a rubric and a document of the finished run that have a story."""
    last = json.loads(printed(finished, "why whole 2 --json", WIDE))
    facts = json.loads(printed(finished, "ask whole number --json", WIDE))["hits"]
    return {
        "arm": last["arms"][0]["arm"],
        "rubric": last["rubrics"][0]["rubric"],
        "document": facts[0]["documents"][0],
    }


def words(output: str) -> set[str]:
    """What stands between blanks, without rules and without the marks that join the values of a list."""
    return {word.strip(";,") for word in output.split() if word.strip("─")}


def test_every_table_fits_its_terminal_and_cuts_no_word(finished: Cli) -> None:
    names = subjects(finished)
    for command in (c.format(**names) for c in COMMANDS):
        whole = words(printed(finished, command, WIDE))
        for width in (80, 120):
            out = printed(finished, command, width)
            assert max(map(cell_len, out.splitlines())) <= width, command
            assert "…" not in SIGN.sub("", " ".join(out.split())), command
            notes = " ".join(line for line in out.splitlines() if line.startswith(f"not shown at {width} columns: "))
            long = " ".join(word for word in whole if cell_len(word) > width - 8)  # wider than a line: it goes on below
            cut = {word for word in words(out) - whole - words(notes) if word not in long}
            assert not cut, (command, width, cut)
