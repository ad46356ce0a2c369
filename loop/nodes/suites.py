"""The suites of a run: cut once from held-out files, packs and lm-eval tasks, before anything is trained."""

import pyarrow as pa
import pyarrow.compute as pc

from ...eval.dividing import divided, fold, too_long
from ...eval.pack_items import suite_items
from ...eval.packs import Pool, read_packs
from ...eval.score import Split, Suite
from ...eval.suites import HeldOut, build_suite, load_suite, save_suite
from ...tiers.benchmark_item import BenchmarkItem
from ...tiers.clean import clean
from ...tiers.split import source_file
from ..context import RunContext
from ..jobs import import_job
from .evaluate import suite_path

HELD_OUT = "held out: "
"""Begins the reason for which the split drops a document; the name of its part ends it."""


def splits(context: RunContext) -> tuple[Split, ...]:
    """Feedback, hidden, and sealed if files are held out for it."""
    return ("feedback", "hidden", *(("sealed",) if context.config.holdout.sealed else ()))


def cut_suites(context: RunContext) -> None:
    """One suite a split, from clean held-out texts of different files and different questions of the packs."""
    wanted = splits(context)
    if all(context.artefacts.known(suite_path(context, split)) for split in wanted):
        return
    apart = context.store.documents(status="dropped")
    apart = apart.filter(pc.starts_with(apart["reason"], HELD_OUT))
    apart = apart.filter(clean(apart, context.config.clean)["kept"])
    config, seed, pool = context.config.evaluation, context.config.seed, _pool(context)
    made: list[Suite] = []
    for split in wanted:
        more = divided(pool, split, wanted, config.pack_items, config.pack_bytes, seed)
        made.append(build_suite(split, _held_out(apart, split), config, seed, exclude=made, more=more))
    fold(made[0], 1, config.folds, seed)  # too few clusters for the folds are said now, not in round one
    for suite in made:
        for gone in suite.omitted:
            context.event(0, "prepare", "warning", f"{suite.split} benchmark {gone.benchmark} left out: {gone.reason}")
        context.artefacts.add(save_suite(suite, suite_path(context, suite.split)))
    items = sum(len(b.items) for b in made[0].benchmarks)
    twins = "hidden twins" if len(made) == 2 else "hidden and sealed twins"
    context.progress.say(f"benchmarks · {len(made[0].benchmarks)} with {items} feedback items, and {twins}")


def benchmark_items(context: RunContext) -> list[BenchmarkItem]:
    """Every item of all suites: what no trained document may quote."""
    return [item for split in splits(context) for item in suite_items(load_suite(suite_path(context, split)))]


def _pool(context: RunContext) -> Pool:
    """Benchmarks of the packs and of lm-eval's own tasks, with all their items."""
    config = context.config.evaluation
    letters = config.pack_choices == "letters"
    pool = read_packs(config.packs, shots=config.pack_shots, letters=letters) if config.packs else Pool()
    if config.tasks:
        job = (list(config.tasks), config.task_folder)
        more = Pool.model_validate_json(context.workers.map(import_job, [job])[0])
        pool = Pool(benchmarks=(*pool.benchmarks, *more.benchmarks), notes=(*pool.notes, *more.notes))
    for note in (*pool.notes, *too_long(pool, config.pack_bytes)):
        context.event(0, "prepare", "info", note)
    return pool


def _held_out(apart: pa.Table, part: str) -> list[HeldOut]:
    mine = apart.filter(pc.equal(apart["reason"], f"{HELD_OUT}{part}")).to_pylist()
    return [HeldOut(r["text"], r["domain"], source_file(r["source"])) for r in mine]
