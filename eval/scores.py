"""Per-item scores on disk: one Parquet file for one model on one suite, with what it was measured from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..tiers.errors import EvalError, LedgerError
from ..tiers.parts import content_digest, read_part, write_part
from ..tiers.whole import RESCUE
from .score import Suite

Floats = NDArray[np.float64]

SCHEMA = pa.schema(
    [
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("cluster", pa.string()),
        ("value", pa.float64()),
        ("accuracy", pa.float64()),
        ("gold", pa.float64()),
    ]
)
"""`value` is in the benchmark's metric; `accuracy` is 0 or 1 (or what lies between in the metric of an lm-eval task),
null where nothing is right or wrong; `gold` is bits per byte of the true answer, null where the whole text is asked
for."""


DIGEST = "digest"
"""Name in the file's metadata of the digest of all the rest."""


class Score(NamedTuple):
    """One model's result on one item; see SCHEMA."""

    value: float
    accuracy: float | None = None
    gold: float | None = None


@dataclass(frozen=True)
class ItemScores:
    """One benchmark's items in the order of the suite."""

    items: tuple[str, ...]
    clusters: tuple[str, ...]
    values: Floats
    """[n] in the benchmark's metric."""
    accuracy: Floats | None
    """[n] 0 or 1; None where nothing is right or wrong."""
    gold: Floats | None = None
    """[n] bits per byte of the true answers; None where the whole text is asked for."""


def write_scores(path: Path, suite: Suite, values: Mapping[str, Score], source: str) -> Path:
    """Write scores by item id, whole or not at all; `source` names the model and the code that measured."""
    rows = [
        (benchmark.name, item.id, item.cluster, *values[item.id])
        for benchmark in suite.benchmarks
        for item in benchmark.items
    ]
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    table = pa.Table.from_arrays(columns, schema=SCHEMA)
    named = {"suite": suite.digest, "source": source}
    write_part(path, table.replace_schema_metadata(named | {DIGEST: _digest(table, named)}))
    return path


def measured(path: Path, suite: Suite, source: str) -> bool:
    """Whether `path` already holds this suite's scores from the same source; a damaged file counts as absent."""
    try:
        named = _read(path)[1]
    except EvalError:
        return False
    return named == {"suite": suite.digest, "source": source}


def read_scores(path: Path, suite: Suite) -> dict[str, ItemScores]:
    """Scores by benchmark, in the suite's order; of a part of a suite, from the file of the whole.

    Raises:
        EvalError: the file is missing, cut short, altered, or holds the scores of another suite.
    """
    table, named = _read(path)
    if named["suite"] != suite.digest:
        raise EvalError(f"{path} holds scores of suite {named['suite']}, not of {suite.digest}: {RESCUE}")
    if suite.part:
        ids = pa.array([item.id for b in suite.benchmarks for item in b.items])
        table = table.filter(pc.is_in(table["item"], ids))
    starts = accumulate((len(b.items) for b in suite.benchmarks), initial=0)
    return {b.name: _slice(table.slice(at, len(b.items))) for b, at in zip(suite.benchmarks, starts, strict=False)}


def _read(path: Path) -> tuple[pa.Table, dict[str, str]]:
    """The whole table, and the suite and source that it names.

    Raises:
        EvalError: it is missing, or not as it was written.
    """
    try:
        table = read_part(path)
        named = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        digest = named.pop(DIGEST, "")
        sound = {*named} == {"suite", "source"} and digest == _digest(table, named)
    except (LedgerError, UnicodeDecodeError, pa.ArrowException) as error:
        raise EvalError(f"no scores can be read from {path} ({type(error).__name__}): {RESCUE}") from error
    if not sound:
        raise EvalError(f"{path} was altered after it was written: {RESCUE}")
    return table, named


def _digest(table: pa.Table, named: Mapping[str, str]) -> str:
    """Digest of all values and of what they were measured from."""
    whole = content_digest(table) + "".join(f"\0{key}={named[key]}" for key in sorted(named))
    return hashlib.blake2b(whole.encode(), digest_size=16).hexdigest()


def _slice(table: pa.Table) -> ItemScores:
    accuracy, gold = table["accuracy"], table["gold"]
    return ItemScores(
        items=tuple(table["item"].to_pylist()),
        clusters=tuple(table["cluster"].to_pylist()),
        values=table["value"].to_numpy(),
        accuracy=None if accuracy.null_count else accuracy.to_numpy(),
        gold=None if gold.null_count else gold.to_numpy(),
    )
