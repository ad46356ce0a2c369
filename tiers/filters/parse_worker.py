"""What parses program text in a process of its own: a grammar is native code, and some texts keep it busy for hours.

Started by `syntax.py` as a script, so it stands on nothing but tree-sitter: one JSON line in is one JSON line out.
Python's grammar knows newer syntax than the interpreter may, and the syntax of Python 2, which counts as an error.
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
LAZY = re.compile(rb"(?m)^lazy (?=(?:import|from)\b)")
"""Python 3.15 (PEP 810), which the grammar does not know."""
OLD_NUMBER = re.compile(rb"0+[1-9]\d*|.*[lL]")
"""A whole number as only Python 2 writes it."""
OLD_STRING = re.compile(rb"`|[uU][rR]")


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
            tree = parser.parse(LAZY.sub(b"", text) if language == "python" else text)
            nodes = python_errors(tree) if language == "python" else errors(tree)
            found = [(max(n.end_byte - n.start_byte, 1), -n.start_point[0]) for n in nodes]
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


def python_errors(tree: Any) -> Iterator[Any]:
    """The errors of a Python file: what is of Python 2 is one, a default of a type parameter (PEP 696) is none."""
    yield from (node for node in errors(tree) if not is_in_type_parameter(node))
    cursor = tree.walk()
    while True:
        if is_python_2(cursor.node):
            yield cursor.node
        if cursor.node.type == "block" and not cursor.node.named_child_count:  # its lines are not indented
            yield cursor.node
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def is_in_type_parameter(node: Any) -> bool:
    """Whether a node stands in the brackets of `class A[T]`, `def f[T]` or `type A[T]`."""
    above = node.parent
    while above is not None and above.type != "type_parameter":
        above = above.parent
    return above is not None


def is_python_2(node: Any) -> bool:
    """Whether a node is syntax that Python 3 gave up."""
    match node.type:
        case "print_statement" | "exec_statement" | "<>":
            return True
        case "integer":
            return OLD_NUMBER.fullmatch(node.text) is not None
        case "string_start":
            return OLD_STRING.match(node.text) is not None
        case "tuple_pattern":
            return bool(node.parent.type in ("parameters", "lambda_parameters"))
        case "raise_statement":
            return bool(node.named_child_count and node.named_child(0).type == "expression_list")
        case "except_clause":  # `except OSError, error:`; since Python 3.14 also several types without parentheses
            names = node.children_by_field_name("value")
            return len(names) == 2 and names[1].type == "identifier" and names[1].text.islower()
    return False


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
