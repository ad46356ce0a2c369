"""Tiers in bulk, outside of a run: sources to L1 or L2 in a folder of their own, by `tiers.bulk`."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from ..agents import pool
from ..agents.config import AgentsConfig
from ..agents.journal import Journal
from ..agents.scorer import Scorer
from ..tiers.benchmark_item import BenchmarkItem
from ..tiers.bulk.build import build
from ..tiers.bulk.selection import Judge, select_l2
from ..tiers.config import BulkConfig, SourceConfig
from ..tiers.decision import Decision, Usage
from ..tiers.document import Document
from ..tiers.engine import Engine, engine
from ..tiers.errors import AgentError, InputError
from ..tiers.ingest.domains import AUTO
from ..tiers.tier import Tier
from .config import override, parse_as, read_settings

SCOPE = "label"


class BuildConfig(BulkConfig):
    """A build in bulk, and the judge whose labels its selector learns from (`agents.scorer`)."""

    agents: AgentsConfig = AgentsConfig()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `coevo build` was asked for."""

    sources: tuple[str, ...]
    out: Path
    engine: Literal["local", "ray"] = "local"
    workers: int = 2
    through: Literal["L1", "L2"] = "L2"
    against: tuple[Path, ...] = ()
    domain: str | None = None
    packs: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    config: Path | None = None
    overrides: tuple[str, ...] = ()


def build_tiers(wanted: Wanted, say: Callable[[str], None]) -> dict[str, Any]:
    """Build, or go on with what was begun in the folder; what was done, as JSON types.

    Args:
        wanted: what was asked for.
        say: told of each stage that is over.

    Raises:
        InputError: a source, a setting or a folder is not what was wanted.
        AgentError: the judge answers nothing.
        EvalError: a benchmark cannot be read.
    """
    config = build_config(wanted.config, wanted.overrides)
    if config.agents.scorer.startswith("student:") and wanted.through == "L2":
        raise InputError("agents.scorer=student: is the model of a run, and a build has none: name another judge")
    if wanted.domain not in (None, AUTO, *config.ingest.domains):
        raise InputError(f"--domain: wanted {AUTO} or one of {', '.join(config.ingest.domains)}, got {wanted.domain!r}")
    sources = [SourceConfig(url=url, domain=wanted.domain) for url in wanted.sources]
    runs = Watched(engine(wanted.engine, wanted.workers), say)
    built = build(sources, wanted.out, config, runs, wanted.against, _benchmark_items(wanted.packs, wanted.tasks, say))
    told: dict[str, Any] = {"folder": str(wanted.out), "l1": built.model_dump(mode="json")}
    if wanted.through == "L2":
        judge, url = judge_of(config.agents, wanted.out), config.agents.scorer
        told["l2"] = select_l2(wanted.out, built, config.selection, judge, url, runs).model_dump(mode="json")
    return told


def _benchmark_items(packs: tuple[str, ...], tasks: tuple[str, ...], say: Callable[[str], None]) -> list[BenchmarkItem]:
    """Every item of the benchmarks; what reads them is imported only if there are any."""
    items: list[BenchmarkItem] = []
    if packs:
        from ..eval.pack_items import pack_items

        items += pack_items(packs)
    if tasks:
        from ..eval.imported import import_tasks
        from ..eval.pack_items import item_parts

        pool = import_tasks(tasks)
        items += [item_parts(item) for benchmark in pool.benchmarks for item in benchmark.items]
        for note in pool.notes:
            say(note)
    if packs or tasks:
        say(f"benchmarks · {len(dict.fromkeys(items))} items that no document may quote")
    return list(dict.fromkeys(items))


def build_config(path: Path | None, overrides: Sequence[str]) -> BuildConfig:
    """Settings of a YAML file over the defaults, then `a.b=value`.

    Raises:
        InputError: the file cannot be read, or a setting is unknown or of no use.
    """
    tree: dict[str, Any] = BuildConfig().model_dump(mode="json")
    if path:
        _merge(tree, read_settings(path))
    for item in overrides:
        override(tree, item)
    return parse_as(BuildConfig, tree, path.name if path else "--set")


def _merge(tree: dict[str, Any], given: dict[str, Any]) -> None:
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = value


def judge_of(agents: AgentsConfig, folder: Path) -> Judge:
    """The configured scorer, all rubrics at once; its paid answers lie in the folder's journal."""

    def judge(documents: pa.Table) -> pa.Table:
        with Journal(folder / "calls.db", scope=SCOPE) as journal:
            left = _left(agents, journal)
            role = Scorer(agents.open("scorer", journal=journal), round=0)
            asked = [Document(**row, tier=Tier.L1) for row in documents.to_pylist()]
            return _grades(pool.run(role, asked, concurrency=agents.concurrency, budget=left))

    return judge


def _left(agents: AgentsConfig, journal: Journal) -> Any:
    """The budget, less what this work has paid for already."""
    used, limits = sum(journal.costs(SCOPE).values(), Usage()), agents.budget
    spent = {"max_calls": used.calls, "max_tokens": used.tokens_in + used.tokens_out, "max_usd": used.usd}
    given = {name: getattr(limits, name) for name in spent}
    return limits.model_copy(update={n: v if v is None else max(0, v - spent[n]) for n, v in given.items()})


def _grades(decided: list[Decision]) -> pa.Table:
    """Score table of decisions.

    Raises:
        AgentError: there is no grade at all, so that nothing is written down as judged.
    """
    found = [(d.doc, rubric, score) for d in decided for rubric, score in d.scores.items()]
    errors = [d.error for d in decided if d.error]
    if errors and not found:
        raise AgentError(f"the judge graded none of {len(decided)} documents: {errors[0]}. Mend that, build again")
    columns = list(zip(*found, strict=True)) or [(), (), ()]
    kinds = {"doc_id": pa.string(), "rubric": pa.string(), "score": pa.float64()}
    return pa.table({name: pa.array(c, kind) for c, (name, kind) in zip(columns, kinds.items(), strict=True)})


class Watched:
    """An engine that says when a stage is over."""

    def __init__(self, inner: Engine, say: Callable[[str], None]) -> None:
        self._inner, self._say = inner, say

    def map(self, work: Callable[..., Any], shards: Iterable[Any], *rest: Any) -> Iterator[Any]:
        """See `Engine`."""
        began, count = time.monotonic(), 0
        for result in self._inner.map(work, shards, *rest):
            count += 1
            yield result
        self._say(f"{work.__name__} · {count} shards · {time.monotonic() - began:.1f} s")
