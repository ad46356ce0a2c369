"""Which domain a record belongs to, and which suffixes are read."""

from pathlib import PurePosixPath

CODE = frozenset(
    [
        ".py",
        ".pyi",
        ".c",
        ".cc",
        ".cpp",
        ".cxx",
        ".h",
        ".hh",
        ".hpp",
        ".cs",
        ".java",
        ".kt",
        ".scala",
        ".js",
        ".mjs",
        ".jsx",
        ".ts",
        ".tsx",
        ".go",
        ".rs",
        ".rb",
        ".php",
        ".swift",
        ".sh",
        ".bash",
        ".pl",
        ".lua",
        ".r",
        ".jl",
        ".hs",
        ".ml",
        ".sql",
        ".m",
        ".f90",
    ]
)
HTML = frozenset({".html", ".htm", ".xhtml"})
LATEX = frozenset({".tex", ".ltx", ".latex"})
PROSE = frozenset({".txt", ".md", ".markdown", ".rst"})
ARCHIVES = frozenset({".warc", ".wet"})
RECORDS = frozenset({".json", ".jsonl", ".parquet", *ARCHIVES})
FOLDERS = frozenset({".zip"})
"""Files that are read as the folders that they hold."""
READABLE = CODE | HTML | LATEX | PROSE | RECORDS | FOLDERS
SAID = (
    "code of 30 languages, .txt, .md, .rst, .tex, .html, .json, .jsonl, .parquet, .warc, and .zip of them; "
    "all but Parquet and .zip also packed as .gz or .zst"
)
AUTO = "auto"
"""As a source's domain: each record's own text says which."""

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
    """Lower-case suffix without `.gz` and `.zst`."""
    return PurePosixPath(path.lower().removesuffix(".gz").removesuffix(".zst")).suffix


def guess(path: str, stated: str | None, default: str | None, known: tuple[str, ...]) -> str:
    """Domain of a record: as it states itself, else by its folder's name, else as configured, else by its suffix.

    Args:
        path: where it lies, with `/`.
        stated: its own `domain` field.
        default: the source's configured domain (`auto` is settled later, by the text).
        known: domains of the run; only these count as folder names.
    """
    if stated:
        return stated
    folders = [part.lower() for part in PurePosixPath(path).parts[:-1]]
    named = next((part for part in reversed(folders) if part in known), None)
    return named or default or by_suffix(path)


def by_suffix(path: str) -> str:
    """What files of this sort hold mostly."""
    return "code" if suffix(path) in CODE else "math" if suffix(path) in LATEX else "en"


def kind_of(path: str, domain: str) -> str:
    """`source` for program text, else `text`."""
    return "source" if domain == "code" and suffix(path) not in PROSE | HTML | LATEX else "text"
