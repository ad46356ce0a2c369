"""Commands that work: start a run, continue one."""

from pathlib import Path
from typing import Any

import click

from .options import DRY, RUNS, budgeted, expect


@click.command()
@click.argument("preset", default="embedded")
@click.option("--name", help="Name of the run [default: the preset's name, numbered].")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting, such as feedback.mechanism=uniform.",
)
@click.option("--quiet", is_flag=True, help="Say nothing until the end.")
@DRY
@RUNS
@budgeted
def run(
    preset: str,
    name: str | None,
    overrides: tuple[str, ...],
    quiet: bool,
    dry_run: bool,
    runs: Path,
    **limits: Any,
) -> None:
    """Start a run from a PRESET or a config file, and go on until its rounds or its budget are used up.

    A model is named by --set agents.ROLE=URL, a URL being offline:, student:, openai:MODEL@BASE_URL, hf:MODEL,
    vllm:MODEL or replay:RUN (docs/models.md).
    """
    from ..runner import expected, start

    if dry_run:
        return expect(expected(preset, overrides, limits))
    start(preset, overrides, runs, name, limits, quiet)


@click.command()
@click.argument("name")
@click.option("--quiet", is_flag=True, help="Say nothing until the end.")
@DRY
@RUNS
@budgeted
def resume(name: str, quiet: bool, dry_run: bool, runs: Path, **limits: Any) -> None:
    """Continue a run where it stopped; more --rounds extend a finished one."""
    from ..runner import expected_of, resume

    if dry_run:
        return expect(expected_of(runs, name, limits))
    resume(runs, name, limits, quiet)
