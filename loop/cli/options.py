"""Options that commands share, and how a command says what it found."""

import json
from pathlib import Path
from typing import Any

import click

RUNS = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    envvar="COEVO_RUNS",
    show_default=True,
    help="Folder that holds the runs.",
)
DRY = click.option("--dry-run", is_flag=True, help="Spend nothing: say what the rounds to come are expected to cost.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print data instead of a table.")
BUDGET = [
    click.option("--rounds", type=click.IntRange(min=1), help="Rounds in all, those already done included."),
    click.option("--timeout", help="Wall time the whole run may take, such as 90s, 30m or 12h."),
    click.option("--max-usd", type=click.FloatRange(min=0), help="US dollars the run may spend on models."),
    click.option("--max-gpu-hours", type=click.FloatRange(min=0), help="GPU hours the run may train and evaluate."),
]


def budgeted(command: Any) -> Any:
    """Add the budget options to a command."""
    for option in reversed(BUDGET):
        command = option(command)
    return command


def expect(found: Any) -> None:
    """Say what rounds to come are expected to cost."""
    from ..view import text

    text.estimate(found.model_dump(mode="json"))


def aside(text: str) -> None:
    """A line beside the result, on standard error."""
    click.echo(text, err=True)


def show_data(data: Any, render: Any, as_json: bool) -> None:
    """Print data as JSON, or as `render` writes it."""
    if as_json:
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        render(data)
