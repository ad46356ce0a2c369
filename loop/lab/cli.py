"""`coevo lab`: simulated runs, tournaments of mechanisms, and what another mechanism would have done with a run."""

import json
from pathlib import Path
from typing import Any

import click

JSON = click.option("--json", "as_json", is_flag=True, help="Print data instead of a table.")
ROUNDS = click.option("--rounds", type=click.IntRange(1, 1000), default=20, show_default=True, help="Rounds of a run.")
MODE = click.option(
    "--mode",
    type=click.Choice(["continue", "reset"]),
    default="continue",
    show_default=True,
    help="Whether the model carries over, or every round starts from one base.",
)
SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of all runs: feedback.gate=always.",
)


@click.group()
def lab() -> None:
    """Feedback mechanisms in worlds with a planted truth, through the nodes of a real run.

    Worlds and mechanisms are written NAME,key=value,...: planted,influence=0.32,drift=0.1 or trust_blr,discount=0.9;
    NAME may be module:Class of your own. docs/lab.md lists the worlds.
    """


@lab.command()
@click.argument("mechanism", default="")
@click.option("--world", default="planted", show_default=True, help="Spec of the world.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the world.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the run's database and checkpoints.")
@ROUNDS
@MODE
@SET
@JSON
def run(
    mechanism: str,
    world: str,
    seed: int,
    keep: Path | None,
    rounds: int,
    mode: str,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """One MECHANISM (default: the world's own) in one world, round by round."""
    from . import text
    from .single import run_one

    _show(run_one(mechanism, world, seed, rounds, mode, _tree(overrides), keep), text.run, as_json)


@lab.command()
@click.option("--mechanism", "mechanisms", multiple=True, metavar="SPEC", help="Who takes part [default: all].")
@click.option("--world", "worlds", multiple=True, metavar="SPEC", default=("planted",), show_default=True)
@click.option("--seeds", default="1000-1099", show_default=True, help="Of the worlds: 7, 1000-1099 or 1,5,9.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes [default: one a core].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("tournament"), show_default=True)
@ROUNDS
@MODE
@SET
@JSON
def tournament(
    mechanisms: tuple[str, ...],
    worlds: tuple[str, ...],
    seeds: str,
    workers: int | None,
    out: Path,
    rounds: int,
    mode: str,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Every mechanism in every world for every seed, on all cores; begun again, it goes on where it was."""
    from . import text
    from .play import play_tournament

    _show(
        play_tournament(mechanisms, worlds, seeds, rounds, mode, _tree(overrides), out, workers),
        text.tournament,
        as_json,
    )


@lab.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("tournament"))
@JSON
def report(folder: Path, as_json: bool) -> None:
    """The standings of a tournament, as a table and as a page that needs nothing else."""
    from . import text
    from .report import write_report
    from .standings import standings
    from .tournament import load

    data = standings(load(folder))
    _show(data, text.tournament, as_json)
    click.echo(f"report: {write_report(folder, data)}", err=as_json)


@lab.command()
@click.argument("name")
@click.option("--mechanism", required=True, metavar="SPEC", help="Whose plans are valued.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), envvar="COEVO_RUNS", show_default=True)
@JSON
def offpolicy(name: str, mechanism: str, runs: Path, as_json: bool) -> None:
    """What another mechanism would have planned in the finished run NAME, and how its plans would have scored."""
    from . import text
    from .offpolicy import evaluate

    _show(evaluate(runs, name, mechanism), text.offpolicy, as_json)


def _tree(overrides: tuple[str, ...]) -> dict[str, Any]:
    """Settings by group from `a.b=value`."""
    from ..config import override

    tree: dict[str, Any] = {}
    for item in overrides:
        override(tree, item)
    return tree


def _show(data: Any, render: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        render(data)
