"""Commands that tell what is in a run, and change nothing."""

from functools import partial
from pathlib import Path

import click

from .options import JSON, RUNS, show_data


@click.command()
@click.argument("name", required=False)
@RUNS
@JSON
def status(name: str | None, runs: Path, as_json: bool) -> None:
    """What state a run is in, what it has spent, and the command that continues it; all runs without a NAME."""
    from ..view import tables, text

    show_data(tables.status(runs, name), text.status, as_json)


@click.command()
@click.argument("name")
@RUNS
@JSON
def rounds(name: str, runs: Path, as_json: bool) -> None:
    """One line a round: what was tried, what it gained, what was accepted."""
    from ..run_folder import open_run
    from ..view import tables, text

    show_data(tables.rounds(open_run(runs, name).root), text.rounds, as_json)


@click.command()
@click.argument("name")
@click.argument("number", type=int)
@click.option("--all", "whole", is_flag=True, help="Every comparison and benchmark, signal and noise, costs.")
@RUNS
@JSON
def show(name: str, number: int, whole: bool, runs: Path, as_json: bool) -> None:
    """A round: what it gained with 95 % interval, n and verdict, composite and hidden benchmarks first."""
    from ..run_folder import open_run
    from ..view import deltas_text, tables

    show_data(tables.show(open_run(runs, name).root, number), partial(deltas_text.show, whole=whole), as_json)


@click.command()
@click.argument("name")
@click.argument("what", nargs=-1, required=True)
@RUNS
@JSON
def why(name: str, what: tuple[str, ...], runs: Path, as_json: bool) -> None:
    """The whole story of a document (id), a round (number), an arm (math/L3), a rubric or a prompt."""
    from ..run_folder import open_run
    from ..view import story, story_text

    show_data(story.why(open_run(runs, name).root, " ".join(what)), story_text.story, as_json)


@click.command()
@click.argument("name")
@RUNS
@JSON
def tiers(name: str, runs: Path, as_json: bool) -> None:
    """What a run holds by domain and tier: counts, sizes, costs, what was dropped and why, and what moved."""
    from ..run_folder import open_run
    from ..view import tiers as view
    from ..view import tiers_text

    show_data(view.tiers(open_run(runs, name).root), tiers_text.tiers, as_json)


@click.command()
@click.argument("name")
@RUNS
@JSON
def contamination(name: str, runs: Path, as_json: bool) -> None:
    """Which documents of a run overlap with which benchmark items: the matched text beside the item."""
    from ..run_folder import open_run
    from ..view import contamination as view

    show_data(view.contamination(open_run(runs, name).root), view.told, as_json)


@click.command()
@click.argument("name")
@click.argument("query")
@click.option("-k", "most", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many facts.")
@click.option("--domain", help="Facts of this domain only.")
@click.option("--how", type=click.Choice(["both", "text", "vector"]), default="both", show_default=True, help="Search.")
@RUNS
@JSON
def ask(name: str, query: str, most: int, domain: str | None, how: str, runs: Path, as_json: bool) -> None:
    """Facts of L4 that answer a QUERY, with the documents and sources that state them and how they were verified."""
    from ..run_folder import open_run
    from ..view import facts

    show_data(facts.ask(open_run(runs, name).root, query, most, domain, how), facts.told, as_json)


@click.command()
@click.argument("name", required=False)
@click.option("--show", "shown", metavar="PROMPT", help="Say one prompt in full.")
@click.option("--diff", "compared", nargs=2, metavar="PROMPT PROMPT", help="What the second says otherwise.")
@RUNS
@JSON
def prompts(name: str | None, shown: str | None, compared: tuple[str, str] | None, runs: Path, as_json: bool) -> None:
    """Every prompt, where it came from and what it was worth in the run NAME; without one the built-in ones."""
    from ..view import prompts as view
    from ..view import prompts_text

    show_data(view.prompts(runs, name, shown, compared), prompts_text.prompts, as_json)


@click.command()
@click.argument("name")
@RUNS
def report(name: str, runs: Path) -> None:
    """Write the self-contained HTML report anew and say where it is."""
    from ..run_folder import open_run
    from ..view.report import write_report

    click.echo(write_report(open_run(runs, name).root))
