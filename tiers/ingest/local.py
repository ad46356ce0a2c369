"""`local:`, the real text on every machine with Python: the standard library and the installed packages."""

import os
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pydantic

from ..split import unit_hash
from .docstrings import docstrings, topics
from .domains import is_mathematical, suffix
from .files import load, printable, read_file
from .records import Malformed
from .sample import Raw, Sample

SKIPPED = frozenset({"__pycache__", "site-packages", "dist-packages", "test", "tests", "testing", "coevo", "licenses"})
OWN = ("coevo-", "__editable__")
GRADERS = ("math_verify", "latex2sympy2_extended", "antlr4")
"""Packages that read and compare answers, with their parsers: who is graded by them is not taught from them."""
TEXT = frozenset({".txt", ".md", ".rst", ".html", ".htm"})
TOPICS = "stdlib/pydoc_data/topics.py"
TEXT_WEIGHT = 8.0
"""Files written to be read come before docstrings."""
CODE_SHARE = 0.5
"""Share of the files that are not mathematical that give their code; the others give their docstrings."""
FILE_BYTES = 40_000
"""No one file gives more than this: tables and change logs run to megabytes."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the local source."""

    path: str
    name: str
    domain: str
    use: str
    """code, docstrings, topics, metadata or text."""


def read_local(sample: Sample) -> None:
    """Offer this machine's Python text, most of it never opened: files are drawn by the hash of their names first.

    A file's weight falls with the root of how many its package has, or the few large packages would be all there is.
    """
    found = [item for root, prefix in roots() for item in scan(root, prefix, sample.seed)]
    packages = Counter((item.use, package(item.name)) for item in found)
    weights = [_weight(item, packages) for item in found]
    order = sorted(range(len(found)), key=lambda i: (sample.key(found[i].name, weights[i]), found[i].name))
    for i in order:
        item, weight = found[i], weights[i]
        if not sample.closed(item.domain, sample.key(item.name, weight)):
            _read(item, weight, sample)


def roots() -> list[tuple[Path, str]]:
    """Folders to scan and what stands for them in source names; no machine's path gets into a name."""
    paths = sysconfig.get_paths()
    site = [Path(paths["purelib"]), Path(paths["platlib"]), Path(pydantic.__file__).parents[1]]
    unique = {path.resolve(): "site" for path in site if path.is_dir()}
    return [(Path(paths["stdlib"]), "stdlib"), *unique.items()]


def scan(root: Path, prefix: str, seed: int) -> Iterator[Found]:
    """Files under a root that may be read, in no particular order; nothing is opened."""
    cut = len(str(root)) + 1
    for folder, folders, files in os.walk(root):
        inside = folder[cut:].replace(os.sep, "/")
        own = inside.partition("/")[0].startswith(OWN + GRADERS)
        folders[:] = [] if own else sorted(name for name in folders if name not in SKIPPED)
        for name in () if own else files:
            if not name.startswith("__editable__"):
                item = _found(folder, name, printable("/".join(p for p in (prefix, inside, name) if p)), seed)
                if item:
                    yield item


def package(name: str) -> str:
    """The package that a source belongs to: the second part of its name; the whole standard library counts as one."""
    return name.split("/")[1] if name.startswith("site/") else "stdlib"


def _found(folder: str, file: str, name: str, seed: int) -> Found | None:
    """What a file is good for, or None."""
    item = partial(Found, os.path.join(folder, file), name)  # noqa: PTH118 (fifty thousand files: Path objects cost a second)
    if name == TOPICS:
        return item("en", "topics")
    if ".dist-info/" in name:
        return item("en", "metadata") if file == "METADATA" else None
    if file.endswith(".py"):
        if is_mathematical(name):
            return item("math", "docstrings")
        is_code = unit_hash(f"use {name}", seed) < CODE_SHARE
        return item("code", "code") if is_code else item("en", "docstrings")
    if suffix(file) in TEXT or file.upper() in ("README", "NEWS", "CHANGES"):
        return item("en", "text")
    return None


def _weight(item: Found, packages: Counter[tuple[str, str]]) -> float:
    crowd = 1.0 if item.use == "metadata" else float(packages[item.use, package(item.name)]) ** -0.5
    return crowd * (1.0 if item.use in ("code", "docstrings") else TEXT_WEIGHT)


def _read(item: Found, weight: float, sample: Sample) -> None:
    """Offer what one file is good for."""
    path = Path(item.path)
    if item.use in ("code", "text"):
        read_file(path, item.name, item.domain, sample, weight, FILE_BYTES)
        return
    try:
        for part, text in _parts(load(path, sample), item):
            kind = "docstring" if item.use == "docstrings" else "text"
            sample.offer(Raw(f"{item.name}#{part}" if part else item.name, text, item.domain, kind), weight)
    except Malformed as error:
        sample.reject(item.name, item.domain, str(error))


def _parts(text: str, item: Found) -> list[tuple[str, str]]:
    """Named texts inside a file, up to `FILE_BYTES` of them; a file without any gives none, and that is no fault."""
    if item.use == "metadata":
        body = text.partition("\n\n")[2].strip()  # the long description stands after the headers, as in a mail
        return [("", body)] if body else []
    try:
        named = topics(text) if item.use == "topics" else docstrings(text)
        return list(named) if item.use == "topics" else _within(named)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Malformed(f"not Python: {type(error).__name__}: {error}"[:200]) from error


def _within(named: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    """As many as fit; names that come again are numbered."""
    taken: list[tuple[str, str]] = []
    seen: Counter[str] = Counter()
    room = FILE_BYTES
    for name, text in named:
        room -= len(text)
        if room < 0:
            break
        seen[name] += 1
        taken.append((name if seen[name] == 1 else f"{name}#{seen[name]}", text))
    return taken
