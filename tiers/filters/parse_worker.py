"""What parses program text in a process of its own: a grammar is native code, and some texts keep it busy for hours.

Started by `syntax.py` as a script, so it stands on nothing but tree-sitter: one JSON line in is one JSON line out.
"""

import importlib
import json
import re
import signal
import sys
from collections.abc import Iterator
from typing import Any

CONDITION = re.compile(rb"[ \t]*#[ \t]*(if|el|endif)\w*")
LOGICAL_LINE = re.compile(rb"(?:[^\n]*\\\r?\n)*[^\n]*\n?")
"""A line with those that a backslash joins to it."""


def main(seconds: float) -> None:
    """Answer each `{text, limit, grammars: [[language, module, function], ...]}` with what is wrong with it, or null.

    It is judged by the reading with the least share of bytes under errors, or the first one within the limit. A text
    that takes more than `seconds` of processor time ends this process by SIGPROF.
    """
    for request in map(json.loads, sys.stdin):
        signal.setitimer(signal.ITIMER_PROF, seconds)
        fault = fault_of(request["text"].encode(), request["grammars"], request["limit"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(fault), flush=True)


def fault_of(source: bytes, grammars: list[list[str]], limit: float) -> str | None:
    """Measured share, limit, the line of the longest error and the language; None within the limit."""
    found: list[tuple[float, int, str]] = []
    for reading in readings(source, grammars):
        if reading[0] <= limit:
            return None
        found.append(reading)
    share, line, language = min(found)
    return f"{share:.3f} > {limit:g} of it, worst at line {line} ({language})"


def readings(source: bytes, grammars: list[list[str]]) -> Iterator[tuple[float, int, str]]:
    """Share of bytes under errors, line of the longest error and language; of C and C++ by branches as well."""
    from tree_sitter import Language, Parser  # pyright: ignore[reportMissingImports]

    for language, module, function in grammars:
        parser = Parser(Language(getattr(importlib.import_module(module), function)()))
        ways = (source, branches(source, False), branches(source, True)) if language in ("c", "cpp") else (source,)
        for text in ways:
            found = [(max(n.end_byte - n.start_byte, 1), -n.start_point[0]) for n in errors(parser.parse(text))]
            share = sum(size for size, _ in found) / max(len(source), 1)
            yield share, 1 - max(found, default=(0, 0))[1], language


def errors(tree: Any) -> Iterator[Any]:
    """The topmost ERROR and MISSING nodes (no recursion: texts may nest as deep as they are long)."""
    cursor = tree.walk()
    while True:
        node = cursor.node
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def branches(source: bytes, last: bool) -> bytes:
    """Only the first or the last branch of every `#if`, the rest blank: branches need not be whole statements."""
    lines = LOGICAL_LINE.findall(source)
    opening, closing = (b"endif", b"if") if last else (b"if", b"endif")
    read: list[bool] = []
    for i in range(len(lines) - 1, -1, -1) if last else range(len(lines)):
        found = CONDITION.match(lines[i])
        if found and found[1] == opening:
            read.append(True)
        elif found and found[1] == closing:
            read[-1:] = []
        elif found:
            read[-1:] = [False] * len(read[-1:])
        if found or not all(read):
            lines[i] = re.sub(rb"[^\n]", b"", lines[i])
    return b"".join(lines)


if __name__ == "__main__":
    main(float(sys.argv[1]))
