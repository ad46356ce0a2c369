"""Which domain a record belongs to, and which suffixes are read."""

from pathlib import PurePosixPath

CODE = frozenset({".py", ".c", ".cc", ".cpp", ".h", ".hpp", ".java", ".js", ".ts", ".go", ".rs", ".rb", ".sh"})
HTML = frozenset({".html", ".htm", ".xhtml"})
PROSE = frozenset({".txt", ".md", ".rst"})
READABLE = frozenset({".py", *HTML, *PROSE, ".jsonl", ".parquet"})

MATHEMATICAL = (
    "site/mpmath",
    "site/networkx",
    "site/numpy",
    "site/scipy",
    "site/sympy",
    "site/torch/distributions",
    "stdlib/_pydecimal.py",
    "stdlib/decimal.py",
    "stdlib/fractions.py",
    "stdlib/numbers.py",
    "stdlib/random.py",
    "stdlib/statistics.py",
)
"""Sources of `local:` whose docstrings are mathematics rather than English about programming."""


def is_mathematical(source: str) -> bool:
    """Whether a file of `local:` belongs to a mathematical package."""
    return any(source == name or source.startswith(f"{name}/") for name in MATHEMATICAL)


def suffix(path: str) -> str:
    """Lower-case suffix without `.gz`."""
    return PurePosixPath(path.lower().removesuffix(".gz")).suffix


def guess(path: str, stated: str | None, default: str | None, known: tuple[str, ...]) -> str:
    """Domain of a record: as it states itself, else by its folder's name, else as configured, else by its suffix.

    Args:
        path: where it lies, with `/`.
        stated: its own `domain` field.
        default: the source's configured domain.
        known: domains of the run; only these count as folder names.
    """
    if stated:
        return stated
    folders = [part.lower() for part in PurePosixPath(path).parts[:-1]]
    named = next((part for part in reversed(folders) if part in known), None)
    return named or default or ("code" if suffix(path) in CODE else "en")


def kind_of(path: str, domain: str) -> str:
    """`source` for program text, else `text`."""
    return "source" if domain == "code" and suffix(path) not in PROSE else "text"
