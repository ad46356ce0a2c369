"""Does program text parse, by the grammars of tree-sitter: Python always, other languages where they are asked for."""

import ast
import difflib
import json
import signal
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from ..config import CleanConfig
from ..errors import InputError
from .batch import Batch, Reasons

SUFFIXES = {
    "javascript": (".js", ".mjs", ".cjs", ".jsx"),
    "typescript": (".ts", ".mts", ".cts"),
    "tsx": (".tsx",),
    "java": (".java",),
    "c": (".c", ".h"),
    "cpp": (".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx"),
    "go": (".go",),
    "rust": (".rs",),
}
"""Language -> its files. A suffix of several languages is judged only where all of them are asked for."""
PREPROCESSED = ("c", "cpp")
"""Their macros may stand for anything, and no grammar knows what for."""
SECONDS = 2.0
"""Processor time for one text; real files take some hundredths."""
DEATHS = {-signal.SIGPROF: f"its parser was stopped after {SECONDS:g} s", -signal.SIGSEGV: "its parser crashed"}
"""How a text can end the process that parses it."""
VERSION = f"Python {sys.version_info.major}.{sys.version_info.minor}"


def check_languages(languages: Iterable[str]) -> None:
    """See that texts of these languages can be parsed here.

    Raises:
        InputError: an unknown language (the nearest are named), or a package that is not installed.
    """
    for name in languages:
        if name not in SUFFIXES:
            near = difflib.get_close_matches(name.lower(), SUFFIXES, n=2, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise InputError(
                f"clean.parse_languages: unknown language {name!r}: {hint}known are {', '.join(SUFFIXES)} "
                "(Python is always parsed)"
            )
        _check_installed(
            name, "clean.parse_languages: ", "type pip install 'coevo[parsers]', or leave the language out"
        )


def _check_installed(language: str, setting: str, way: str) -> None:
    """Raise InputError where a package that parses a language is missing."""
    for module in ("tree_sitter", _grammar(language)[1]):
        if find_spec(module) is None:
            package = module.replace("_", "-")
            raise InputError(f"{setting}{language} wanted the package {package}, which is not installed: {way}")


def python_parses(batch: Batch, config: CleanConfig) -> Reasons:
    """Whole Python files must be Python; a piece of one (named with `#`) may begin in the middle.

    A file that this interpreter cannot parse is Python all the same if the grammar finds neither errors nor Python 2 in
    it: it may be written for a newer version. This machine's own files (`local:`) are of this one.
    """
    made: list[str | None] = [None] * len(batch)
    requests: dict[int, str] = {}
    for i in np.flatnonzero(batch.is_code):
        if batch.source[i].endswith(".py"):
            text = textwrap.dedent(batch.text[i].as_py())
            made[i], may_be_newer = _interpreter_fault(text)
            if may_be_newer and not batch.is_local[i]:
                requests[int(i)] = json.dumps({"text": text, "grammars": [_grammar("python")], "limit": 0.0})
    if requests:
        _check_installed("python", "", "type pip install -U coevo")
    for row, fault in zip(requests, faults(list(requests.values())), strict=True):
        made[row] = made[row] if fault else None
    return pa.array(made, pa.string())


def _interpreter_fault(source: str) -> tuple[str | None, bool]:
    """Why a text is not Python of this version, or None; and whether it may be Python of a newer one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's code
            ast.parse(source)
    except SyntaxError as error:
        of_any_version = isinstance(error, IndentationError) or str(error.msg).startswith("too many nested")
        return f"does-not-parse: {error.msg} at line {error.lineno} ({VERSION})", not of_any_version
    except (ValueError, RecursionError, MemoryError) as error:  # NUL, or nesting beyond the parser's stack
        return f"does-not-parse: {type(error).__name__} ({VERSION})", False
    return None, False


def parses(batch: Batch, config: CleanConfig) -> Reasons:
    """Whole files of the languages asked for must parse but for a small share; a piece (named with `#`) need not."""
    made: list[str | None] = [None] * len(batch)
    if not config.parse_languages:
        return pa.array(made, pa.string())
    check_languages(config.parse_languages)
    asked = batch.is_code & (batch.counts["character"] <= config.max_chars)  # longer ones are too long anyway
    names = {int(i): _languages(batch.source[i], config.parse_languages) for i in np.flatnonzero(asked)}
    rows = {i: languages for i, languages in names.items() if languages}
    limits: dict[str, float] = dict.fromkeys(PREPROCESSED, config.max_parse_errors_c)
    requests = [
        json.dumps(
            {
                "text": batch.text[i].as_py(),
                "grammars": [_grammar(name) for name in languages],
                "limit": limits.get(languages[0], config.max_parse_errors),
            }
        )
        for i, languages in rows.items()
    ]
    for i, fault in zip(rows, faults(requests), strict=True):
        made[i] = fault and f"does-not-parse: {fault}"
    return pa.array(made, pa.string())


def faults(requests: list[str]) -> Iterator[str | None]:
    """What is wrong with each text, or None, by `parse_worker` in a process of its own.

    A text that outlasts `SECONDS` of processor time, or crashes its grammar, is at fault itself; the rest go on in
    another process.
    """
    command = [sys.executable, "-P", str(Path(__file__).with_name("parse_worker.py")), str(SECONDS)]
    while requests:
        done = subprocess.run(command, input="\n".join(requests), capture_output=True, text=True, encoding="utf-8")
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        yield from answers
        requests = requests[len(answers) :]
        if requests and done.returncode in DEATHS:
            languages = [name for name, *_ in json.loads(requests[0])["grammars"]]
            yield f"{DEATHS[done.returncode]} ({' or '.join(languages)})"
        elif requests or done.returncode:
            raise RuntimeError(f"the parser of program text ended with {done.returncode}: {done.stderr[-2000:]}")
        requests = requests[1:]


def _grammar(language: str) -> tuple[str, str, str]:
    """The language, its module, and the function of the module that makes its grammar."""
    if language in ("typescript", "tsx"):  # one package with two
        return language, "tree_sitter_typescript", f"language_{language}"
    return language, f"tree_sitter_{language}", "language"


def _languages(source: str, asked: tuple[str, ...]) -> list[str]:
    """Whose file this may be; none where one of them was not asked for."""
    suffix = PurePosixPath(source).suffix.lower()
    whose = [name for name, ends in SUFFIXES.items() if suffix in ends]
    return whose if set(whose) <= set(asked) else []


RULES = (python_parses, parses)
