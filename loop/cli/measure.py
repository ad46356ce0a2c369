"""Commands that measure models: against each other, on any benchmark, for what their data is worth."""

from pathlib import Path

import click

from .options import JSON, RUNS, aside, show_data


@click.command()
@click.argument("reference")
@click.argument("treatment")
@RUNS
@JSON
def compare(reference: str, treatment: str, runs: Path, as_json: bool) -> None:
    """Compare the final models of two runs on the same hidden items (paired)."""
    from ..compare import compare_runs
    from ..view import deltas_text

    show_data(compare_runs(runs, reference, treatment), deltas_text.compare, as_json)


@click.command("eval")
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
    from ..evaluation import evaluate_models
    from ..view.evaluation_text import evaluated

    show_data(evaluate_models(models, packs, tasks, overrides, out, aside), evaluated, as_json)


@click.command()
@click.argument("name")
@RUNS
@JSON
def unseal(name: str, runs: Path, as_json: bool) -> None:
    """Open the sealed set of a finished run, once: its final model on items nobody saw; every look is recorded."""
    from ..unseal import unseal as opened
    from ..view import deltas_text

    show_data(opened(runs, name), deltas_text.unseal, as_json)


@click.command()
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
    from ..compare import run_trial
    from ..view import deltas_text

    show_data(run_trial(preset, against, seeds, overrides, runs), deltas_text.trial, as_json)


@click.command()
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
    from ..verify import Asked, verify
    from ..view import deltas_text

    show_data(verify(runs, name, Asked(protocol, candidates, seeds, steps or 0), quiet), deltas_text.verified, as_json)
