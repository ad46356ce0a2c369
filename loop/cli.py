"""The command line; every command imports what it needs when it runs, so that --help answers at once."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from .lab.cli import lab

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


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="coevo")
def cli() -> None:
    """Autonomous data-model co-evolution rounds: curate, train, evaluate, learn.

    Start with `coevo run`: three rounds on this machine's own text, no key, no GPU, no network.
    """


@cli.command()
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
    from .runner import expected, start

    if dry_run:
        return _expect(expected(preset, overrides, limits))
    start(preset, overrides, runs, name, limits, quiet)


@cli.command()
@click.argument("name")
@click.option("--quiet", is_flag=True, help="Say nothing until the end.")
@DRY
@RUNS
@budgeted
def resume(name: str, quiet: bool, dry_run: bool, runs: Path, **limits: Any) -> None:
    """Continue a run where it stopped; more --rounds extend a finished one."""
    from .runner import expected_of, resume

    if dry_run:
        return _expect(expected_of(runs, name, limits))
    resume(runs, name, limits, quiet)


@cli.command()
@click.argument("name", required=False)
@RUNS
@JSON
def status(name: str | None, runs: Path, as_json: bool) -> None:
    """What state a run is in, what it has spent, and the command that continues it; all runs without a NAME."""
    from .view import tables, text

    _show(tables.status(runs, name), text.status, as_json)


@cli.command()
@click.argument("name")
@RUNS
@JSON
def rounds(name: str, runs: Path, as_json: bool) -> None:
    """One line a round: what was tried, what it gained, what was accepted."""
    from .run_folder import open_run
    from .view import tables, text

    _show(tables.rounds(open_run(runs, name).root), text.rounds, as_json)


@cli.command()
@click.argument("name")
@click.argument("number", type=int)
@RUNS
@JSON
def show(name: str, number: int, runs: Path, as_json: bool) -> None:
    """A round: benchmark, before, after, delta, 95 % interval, n, verdict."""
    from .run_folder import open_run
    from .view import deltas_text, tables

    _show(tables.show(open_run(runs, name).root, number), deltas_text.show, as_json)


@cli.command()
@click.argument("name")
@click.argument("what", nargs=-1, required=True)
@RUNS
@JSON
def why(name: str, what: tuple[str, ...], runs: Path, as_json: bool) -> None:
    """The whole story of a document (id), a round (number), an arm (math/L3), a rubric or a prompt."""
    from .run_folder import open_run
    from .view import story, story_text

    _show(story.why(open_run(runs, name).root, " ".join(what)), story_text.story, as_json)


@cli.command()
@click.argument("name")
@RUNS
@JSON
def tiers(name: str, runs: Path, as_json: bool) -> None:
    """What a run holds by domain and tier: counts, sizes, costs, what was dropped and why, and what moved."""
    from .run_folder import open_run
    from .view import tiers as view
    from .view import tiers_text

    _show(view.tiers(open_run(runs, name).root), tiers_text.tiers, as_json)


@cli.command()
@click.argument("name")
@RUNS
@JSON
def contamination(name: str, runs: Path, as_json: bool) -> None:
    """Which documents of a run overlap with which benchmark items: the matched text beside the item."""
    from .run_folder import open_run
    from .view import contamination as view

    _show(view.contamination(open_run(runs, name).root), view.told, as_json)


@cli.command()
@click.argument("name")
@click.argument("query")
@click.option("-k", "most", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many facts.")
@click.option("--domain", help="Facts of this domain only.")
@click.option("--how", type=click.Choice(["both", "text", "vector"]), default="both", show_default=True, help="Search.")
@RUNS
@JSON
def ask(name: str, query: str, most: int, domain: str | None, how: str, runs: Path, as_json: bool) -> None:
    """Facts of L4 that answer a QUERY, with the documents and sources that state them and how they were verified."""
    from .run_folder import open_run
    from .view import facts

    _show(facts.ask(open_run(runs, name).root, query, most, domain, how), facts.told, as_json)


@cli.command()
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
    from .export import export_tier, push
    from .run_folder import open_run

    click.echo(export_tier(open_run(runs, name).root, tier, out, domain, form))
    if hub:
        click.echo(push(out, hub))


@cli.command()
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
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings as YAML.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as selection.share=0.3.")
@JSON
def build(as_json: bool, **wanted: Any) -> None:
    """Tiers in bulk, outside of a run: read SOURCEs, clean, deduplicate, let judges label a sample, select.

    A SOURCE is a folder, a file, a URL or datasets:NAME. Memory is flat, and a build that was killed goes on when the
    same command is typed again. The judge is agents.scorer, rules unless another is set.
    """
    from .build import Wanted, build_tiers
    from .view import built_text

    said = build_tiers(Wanted(**wanted), lambda line: click.echo(line, err=True))
    _show(said, built_text.built, as_json)


@cli.command()
@click.argument("name")
@RUNS
def report(name: str, runs: Path) -> None:
    """Write the self-contained HTML report anew and say where it is."""
    from .run_folder import open_run
    from .view.report import write_report

    click.echo(write_report(open_run(runs, name).root))


@cli.command()
@click.argument("name", required=False)
@click.option("--show", "shown", metavar="PROMPT", help="Say one prompt in full.")
@click.option("--diff", "compared", nargs=2, metavar="PROMPT PROMPT", help="What the second says otherwise.")
@RUNS
@JSON
def prompts(name: str | None, shown: str | None, compared: tuple[str, str] | None, runs: Path, as_json: bool) -> None:
    """Every prompt, where it came from and what it was worth in the run NAME; without one the built-in ones."""
    from .view import prompts as view
    from .view import prompts_text

    _show(view.prompts(runs, name, shown, compared), prompts_text.prompts, as_json)


@cli.command()
@click.argument("reference")
@click.argument("treatment")
@RUNS
@JSON
def compare(reference: str, treatment: str, runs: Path, as_json: bool) -> None:
    """Compare the final models of two runs on the same hidden items (paired)."""
    from .compare import compare_runs
    from .view import deltas_text

    _show(compare_runs(runs, reference, treatment), deltas_text.compare, as_json)


@cli.command("eval")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--packs", multiple=True, metavar="FILE", help="Benchmark file of JSON lines, or a folder of them.")
@click.option("--tasks", multiple=True, metavar="NAME", help="lm-eval task, group or tag.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting, such as evaluation.pack_items=100."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("scores"), show_default=True, help="Scores by question."
)
@JSON
def evaluate(
    models: tuple[str, ...],
    packs: tuple[str, ...],
    tasks: tuple[str, ...],
    overrides: tuple[str, ...],
    out: Path,
    as_json: bool,
) -> None:
    """Score models on disk (BASE+ADAPTER for an adapter) on real benchmarks: a table with 95 % intervals and n.

    The second and further models are compared with the first, question by question. What was measured before is not
    measured again. Settings are those of `evaluation` in a run: pack_items, pack_bytes, pack_shots, written=TOKENS,
    pack_choices=letters, chat, engine=vllm, dtype (docs/evaluation.md).
    """
    from .evaluation import evaluate_models
    from .view.evaluation_text import evaluated

    _show(evaluate_models(models, packs, tasks, overrides, out, _aside), evaluated, as_json)


@cli.command()
@click.argument("name")
@RUNS
@JSON
def unseal(name: str, runs: Path, as_json: bool) -> None:
    """Open the sealed set of a finished run, once: its final model on items nobody saw; every look is recorded."""
    from .unseal import unseal as opened
    from .view import deltas_text

    _show(opened(runs, name), deltas_text.unseal, as_json)


@cli.command()
@click.argument("preset", default="embedded")
@click.option(
    "--against",
    default="feedback.mechanism=uniform",
    show_default=True,
    help="The setting that makes the other run of each pair.",
)
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Pairs of runs; seed 0, 1, ...")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting in both runs.")
@RUNS
@JSON
def trial(preset: str, against: str, seeds: int, overrides: tuple[str, ...], runs: Path, as_json: bool) -> None:
    """Does feedback help? Pairs of whole runs, same base, seeds and tokens, compared at the end on hidden items."""
    from .compare import run_trial
    from .view import deltas_text

    _show(run_trial(preset, against, seeds, overrides, runs), deltas_text.trial, as_json)


@cli.command()
@click.argument("name")
@click.argument("protocol")
@click.option("--candidate", "candidates", multiple=True, metavar="ARM", help="Arm in question, such as math/L3.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Pairs of runs.")
@click.option("--steps", type=click.IntRange(min=1), help="Steps of each run [default: training.steps].")
@click.option("--quiet", is_flag=True, help="Say nothing until the end.")
@RUNS
@JSON
def verify(
    name: str,
    protocol: str,
    candidates: tuple[str, ...],
    seeds: int,
    steps: int | None,
    quiet: bool,
    runs: Path,
    as_json: bool,
) -> None:
    """What tiers or arms of the run NAME are worth by a PROTOCOL: efficient, decay, tiered, stages, or a YAML file."""
    from .verify import Asked, verify
    from .view import deltas_text

    _show(verify(runs, name, Asked(protocol, candidates, seeds, steps or 0), quiet), deltas_text.verified, as_json)


cli.add_command(lab)


def _expect(found: Any) -> None:
    from .view import text

    text.estimate(found.model_dump(mode="json"))


def _aside(text: str) -> None:
    click.echo(text, err=True)


def _show(data: Any, render: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        render(data)


def main() -> None:
    """Run a command; a CoevoError is one sentence and exit code 2, Ctrl-C is 130; a bug keeps its traceback."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as e:
        e.show()
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # `coevo show | head`: the reader left
        sys.exit(0)
    except Exception as e:
        sentence = _sentence(e)
        if sentence is None:
            raise
        click.echo(f"coevo: {sentence}", err=True)
        sys.exit(2)


def _sentence(error: Exception) -> str | None:
    """What to tell a person, or None for a bug."""
    from ..tiers.errors import CoevoError
    from .disk import is_full

    if isinstance(error, CoevoError):
        return str(error)
    if is_full(error, Path()):
        return f"the disk is full ({error}): free some space, then type the command again; nothing is damaged"
    return None
