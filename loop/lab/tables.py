"""Tables of finished runs: mixtures and scores from RegMix's files, or from any CSV or Parquet of one's own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ...tiers.errors import InputError
from ..feedback.mechanism import Floats

MIXTURE, SCORE = "mixture/", "score/"
REGMIX_MIXTURE, REGMIX_LOSS = "train_the_pile_", "metric/the_pile_"
TOLERANCE = 0.02
"""How far a row's shares may be from one: published tables are rounded."""
LEAST = 8
"""Runs below which a table says nothing about mixtures that are not in it."""


@dataclass(frozen=True)
class RunTable:
    """n finished runs from one base: what each was trained on and how it scored."""

    arms: tuple[str, ...]
    benchmarks: tuple[str, ...]
    mixtures: Floats
    """[n, K] on the simplex."""
    scores: Floats
    """[n, B] more is better."""


def read_table(path: Path, lower_is_better: bool = False, mixture: str = MIXTURE, score: str = SCORE) -> RunTable:
    """A table with a row a run: columns `mixture/ARM` hold shares, columns `score/NAME` what was measured.

    Args:
        path: CSV or Parquet.
        lower_is_better: whether the scores are losses.
        mixture: prefix of the columns of shares.
        score: prefix of the columns of scores.

    Raises:
        InputError: no such file, columns or numbers; fewer than eight runs; scores that never differ.
    """
    table = _read(path)
    shares = [c for c in table.column_names if c.startswith(mixture)]
    scores = [c for c in table.column_names if c.startswith(score)]
    for found, prefix, what in ((shares, mixture, "shares of two or more arms"), (scores, score, "scores")):
        if len(found) < (2 if prefix == mixture else 1):
            have = ", ".join(table.column_names[:8]) or "none"
            raise InputError(f"{path}: wanted {what} in columns named {prefix}NAME, got the columns {have}")
    return _checked(
        path,
        _names(path, shares, mixture),
        _names(path, scores, score),
        _numbers(path, table, shares),
        _numbers(path, table, scores) * (-1 if lower_is_better else 1),
    )


def read_regmix(folder: Path, size: str = "1m", split: str = "") -> RunTable:
    """RegMix's published runs (arXiv 2407.01492): 17 domains of the Pile, 13 validation losses, joined by index.

    Args:
        folder: holds `train_mixture_1m.csv`, `train_pile_loss_1m.csv` and the like.
        size: `1m`, `60m` or `1B`.
        split: `train` (1m alone) or `test`; the first that there is unless given.

    Raises:
        InputError: a file or a column is missing, or the two do not belong together.
    """
    paths = _regmix_paths(folder, size, split)
    mixtures, losses = (_read(p) for p in paths)
    for path, table in zip(paths, (mixtures, losses), strict=True):
        if "index" not in table.column_names:
            raise InputError(f"{path}: wanted a column 'index' that names each run, got {table.column_names[:4]}")
    joined = mixtures.join(losses, "index", join_type="inner").sort_by("index")
    if joined.num_rows < max(mixtures.num_rows, losses.num_rows):
        raise InputError(f"{paths[0].name} and {paths[1].name} have only {joined.num_rows} runs in common")
    shares = [c for c in mixtures.column_names if c.startswith(REGMIX_MIXTURE)]
    scores = [c for c in losses.column_names if c.startswith(REGMIX_LOSS)]
    if not shares or not scores:
        raise InputError(f"{folder}: wanted columns {REGMIX_MIXTURE}NAME and {REGMIX_LOSS}NAME_val_loss, got none")
    benchmarks = tuple(c.removeprefix(REGMIX_LOSS).removesuffix("_val_loss") for c in scores)
    arms = _names(paths[0], shares, REGMIX_MIXTURE)
    return _checked(paths[1], arms, benchmarks, _numbers(paths[0], joined, shares), -_numbers(paths[1], joined, scores))


def _regmix_paths(folder: Path, size: str, split: str) -> tuple[Path, Path]:
    pairs = [
        (folder / f"{word}_mixture_{size}.csv", folder / f"{word}_pile_loss_{size}.csv")
        for word in ([split] if split else ["train", "test"])
    ]
    found = next((p for p in pairs if all(f.is_file() for f in p)), None)
    if found is None:
        have = ", ".join(sorted(p.name for p in folder.glob("*.csv"))) or "no CSV at all"
        raise InputError(f"{folder}: wanted {pairs[-1][0].name} and {pairs[-1][1].name}, got {have}")
    return found


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise InputError(f"no table {path}: wanted a CSV or Parquet file with a row for each finished run")
    try:
        return pq.read_table(path) if path.suffix.lower() in (".parquet", ".pq") else pacsv.read_csv(path)
    except (pa.ArrowInvalid, OSError) as e:
        raise InputError(f"{path} is neither a readable CSV nor Parquet: {str(e).splitlines()[0][:160]}") from e


def _numbers(path: Path, table: pa.Table, columns: Sequence[str]) -> Floats:
    """[n, columns] as floats."""
    out = np.empty((table.num_rows, len(columns)))
    for j, name in enumerate(columns):
        kind = table.schema.field(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise InputError(f"{path}: column {name} wants numbers, got {kind}")
        out[:, j] = table[name].to_numpy(zero_copy_only=False)
    bad = np.argwhere(~np.isfinite(out))
    if len(bad):
        raise InputError(f"{path}: column {columns[bad[0][1]]} is empty or not finite in row {bad[0][0] + 1}")
    return out


def _names(path: Path, columns: Sequence[str], prefix: str) -> tuple[str, ...]:
    names = tuple(c.removeprefix(prefix) for c in columns)
    if len(set(names)) < len(names):
        raise InputError(f"{path}: a column appears twice among {', '.join(names)}")
    return names


def _checked(path: Path, arms: tuple[str, ...], names: tuple[str, ...], mixtures: Floats, scores: Floats) -> RunTable:
    n = len(mixtures)
    if n < LEAST:
        raise InputError(f"{path}: {n} run{'s' * (n != 1)}: wanted {LEAST} or more to say anything of other mixtures")
    totals = mixtures.sum(axis=1)
    odd = np.argwhere((np.abs(totals - 1) > TOLERANCE) | (mixtures < 0).any(axis=1)).ravel()
    if len(odd):
        i = int(odd[0])
        raise InputError(
            f"{path}: the shares of row {i + 1} want to be >= 0 and sum to 1, got a sum of {totals[i]:.4g}"
        )
    flat = [names[j] for j in range(len(names)) if np.ptp(scores[:, j]) < 1e-12]
    if flat:
        raise InputError(f"{path}: every run has the same {', '.join(flat)}: nothing can be learned; leave it out")
    if len(np.unique(mixtures.round(9), axis=0)) < 2:
        raise InputError(f"{path}: every run has the same mixture: nothing can be learned from it")
    return RunTable(arms, names, mixtures / totals[:, None], scores)


def domain_of(name: str) -> str:
    """A name of a source as a domain: lower case, letters, digits, `-` and `_`, beginning with a letter."""
    tidy = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")[:40]
    return tidy if tidy[:1].isalpha() else f"d-{tidy}"[:40]
