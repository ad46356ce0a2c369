"""Commands that make data: tiers in bulk, a tier of a run as a dataset."""

from pathlib import Path
from typing import Any

import click

from .options import JSON, RUNS, show_data


@click.command()
@click.argument("name")
@click.option("--tier", required=True, type=click.Choice(["L0", "L1", "L2", "L3", "L4"]), help="What is written.")
@click.option("--domain", help="Documents of this domain only.")
@click.option(
    "--format", "form", type=click.Choice(["parquet", "jsonl", "datasets"]), default="parquet", show_default=True
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A folder that is not there yet.")
@click.option("--push-to-hub", "hub", metavar="OWNER/NAME", help="Upload the folder as a private dataset too.")
@RUNS
def export(name: str, tier: str, domain: str | None, form: str, out: Path, hub: str | None, runs: Path) -> None:
    """Write a tier of a run as a dataset, with lineage, scores, typed payloads and a dataset card."""
    from ..export import export_tier, push
    from ..run_folder import open_run

    click.echo(export_tier(open_run(runs, name).root, tier, out, domain, form))
    if hub:
        click.echo(push(out, hub))


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the build; one begun goes on.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Who works.")
@click.option("--workers", type=click.IntRange(1, 4096), default=2, show_default=True, help="Processes, or Ray CPUs.")
@click.option("--through", type=click.Choice(["L1", "L2"]), default="L2", show_default=True, help="Last tier made.")
@click.option(
    "--against",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="An earlier build: what is like its texts is dropped.",
)
@click.option("--domain", metavar="NAME", help="Of records that name none; auto: each record's text says which.")
@click.option("--packs", multiple=True, metavar="FILE", help="Benchmarks (files, folders) that no text may quote.")
@click.option("--tasks", multiple=True, metavar="NAME", help="The same of lm-eval tasks, groups or tags.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings as YAML.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as selection.share=0.3.")
@JSON
def build(as_json: bool, **wanted: Any) -> None:
    """Tiers in bulk, outside of a run: read SOURCEs, clean, deduplicate, decontaminate, let judges label, select.

    A SOURCE is a folder, a file, a URL or datasets:NAME. Memory is flat, and a build that was killed goes on when the
    same command is typed again. The judge is agents.scorer, rules unless another is set.
    """
    from ..build import Wanted, build_tiers
    from ..view import built_text

    said = build_tiers(Wanted(**wanted), lambda line: click.echo(line, err=True))
    show_data(said, built_text.built, as_json)
