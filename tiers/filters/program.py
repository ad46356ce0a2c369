"""Rules for program text of any language: other people's copies, what minifiers write, and files that do nothing."""

import re

import numpy as np
import pyarrow as pa

from ..config import CleanConfig
from .batch import Batch, Floats, Reasons, over, under
from .code import beside_table

VENDORED = re.compile(
    r"(?:^|/)(?:vendor|vendored|_vendor|third[_-]?party|node_modules|bower_components|site-packages|dist-packages|"
    r"externals?|jspm_packages|Pods|Carthage)/",
    re.I,
)
MINIFIED = re.compile(r"[.-]min\.(?:js|css|mjs)$|\.bundle\.js$|-bundle\.js$", re.I)
LOCK = re.compile(
    r"(?:^|/)(?:package-lock\.json|yarn\.lock|poetry\.lock|Cargo\.lock|go\.sum|[^/]*_pb2(?:_grpc)?\.py|[^/]*\.pb\.go)$"
)
COMMENT = r"^(?://|#(?:[^!a-z]|$)|/\*|\*(?:[ /]|$)|--[ -]|;;|<!--|\"\"\"|''')"
OF_THESE = re.compile(
    r"(?:/|^)[^./]+$|\.(?:pyi?|c|cc|cpp|cxx|h|hh|hpp|cs|java|kt|scala|m?js|jsx|tsx?|go|rs|php|swift)$"
)
"""Files of languages that are written with these, and files without suffix, which are mostly data."""
STATEMENT = (
    r"[=(;{]|^(?:return|import|from|export|include|require|use|using|package|pass|else|end|class|def|print|echo|puts)\b"
)
"""What a line that does something has."""
LEAST_STATEMENTS = 0.10


def by_name(batch: Batch, config: CleanConfig) -> Reasons:
    """A file whose name or folder says that it was copied, minified or generated."""
    made: list[str | None] = [None] * len(batch)
    for i in np.flatnonzero(batch.is_code):
        file = batch.source[i].partition("#")[0]
        for name, pattern in (("vendored", VENDORED), ("minified", MINIFIED), ("generated-file", LOCK)):
            found = pattern.search(file)
            if found:
                made[i] = f"{name}: {found[0].strip('/')} in its name"
                break
    return pa.array(made, pa.string())


def minified(batch: Batch, config: CleanConfig) -> Reasons:
    """Almost no white space between statements."""
    share = batch.counts["space"] / np.maximum(batch.counts["character"], 1)
    return under("no-space", share, 0.04, batch.is_code & (batch.counts["character"] >= 500))


def only_comments(batch: Batch, config: CleanConfig) -> Reasons:
    """A licence or a description without program, or a program that was commented out."""
    lines = batch.lines
    return over("comments-only", lines.share(lines.matching(COMMENT)), 0.9, batch.is_code & (lines.counts >= 5))


def nothing_done(batch: Batch, config: CleanConfig) -> Reasons:
    """Lines of which hardly any does something: data, a log, prose that is called code; beside rows of numbers."""
    lines = batch.lines
    known = np.array([OF_THESE.search(name.partition("#")[0]) is not None for name in batch.source], bool)
    applies = batch.is_code & known & (lines.counts >= 10)
    share = _doing(batch)
    asked = applies & (share < LEAST_STATEMENTS)
    share = np.where(asked, batch.measured(asked, beside_table(_doing)), share)
    return under("few-statements", share, LEAST_STATEMENTS, applies)


def _doing(batch: Batch) -> Floats:
    """[n] share of lines that do something."""
    return batch.lines.share(batch.lines.matching(STATEMENT))


RULES = (by_name, minified, only_comments, nothing_done)
