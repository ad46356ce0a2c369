"""Which room may lean on which."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_LINES = 400

MAY_IMPORT: dict[str, set[str]] = {
    "prompts": set(),
    "tiers": set(),
    "agents": {"prompts", "tiers"},
    "training": {"tiers"},
    "eval": {"tiers"},
    "loop": {"agents", "eval", "prompts", "tiers", "training"},
}

THIRD_PARTY: dict[str, set[str]] = {
    "prompts": {"jinja2", "pydantic", "yaml"},
    # charset_normalizer, fsspec, lxml, rensa, trafilatura, zstandard: what ingest and dedup stand on (encodings, remote
    # files, formulas in pages, MinHash, main text of pages, packed files).
    "tiers": {
        "brotli",  # bodies in web archives
        "charset_normalizer",
        "datasets",
        "duckdb",
        "faiss",
        "fsspec",
        "ftfy",  # repair of text that was decoded wrongly
        "lance",
        "lxml",
        "mpmath",  # whether two expressions have the same value, in a process of its own
        "numpy",
        "pyarrow",
        "pydantic",
        "ray",
        "rensa",
        "scipy",  # sparse products of the student selector and of the search for rephrased items
        "torch",  # with transformers: a local encoder of meaning
        "trafilatura",
        "transformers",
        "tree_sitter",  # program text; its grammars are named, not imported
        "xxhash",
        "yaml",  # the words of addresses that are not read are a data file
        "zstandard",
    },
    "agents": {
        "ftfy",  # the editor's rule against broken encoding
        "httpcore",  # one HTTP exchange with a deadline on every read
        "httpx",
        "langgraph",  # the strategist deliberates in a small graph of its own
        "numpy",
        "openai",
        "peft",  # a LoRA adapter on a judge
        "pydantic",
        "safetensors",  # its error is how a cut weights file shows
        "sympy",  # the verifier's check of symbolic answers
        "torch",
        "transformers",
        "vllm",
        "zstandard",  # a server's answer in a coding that nobody asked for, unpacked within a limit
        "yaml",  # the texts that judges are calibrated on are a data file
    },
    # pydantic: bounds of the configuration
    "training": {
        "accelerate",
        "datasets",
        "jinja2",  # its error is how a chat template refuses a conversation
        "numpy",
        "peft",
        "pyarrow",
        "pydantic",
        "safetensors",  # as above
        "scipy",  # fits the scaling laws of in-run mixing
        "tokenizers",
        "torch",
        "transformers",
    },
    # pyarrow: per-item scores lie in Parquet; pydantic: bounds of the configuration
    "eval": {
        "datasets",
        "lm_eval",
        "numpy",
        "peft",
        "pyarrow",
        "pydantic",
        "safetensors",  # which modules an adapter changes, before vLLM is started with room for them
        "scipy",
        "torch",
        "transformers",
        "vllm",  # an engine of its own
        "zstandard",  # packed benchmark files
    },
    # datasets, httpx, huggingface_hub: export, and what a push to the Hub may raise
    "loop": {
        "click",
        "datasets",
        "duckdb",
        "fastapi",
        "httpx",
        "huggingface_hub",
        "jinja2",
        "langchain_core",
        "langgraph",
        "markupsafe",  # jinja2's own type of escaped text: the report's drawings say with it that they are escaped
        "numpy",
        "opentelemetry",
        "plotly",
        "pyarrow",
        "pydantic",
        "rich",
        "scipy",
        "starlette",
        "typer",
        "uvicorn",
        "yaml",
    },
}

FILES = sorted(f for room in MAY_IMPORT for f in (ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every import in a file, wherever it stands, as an absolute dotted name."""
    package = ["coevo", *path.relative_to(ROOT).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield node.lineno, ".".join([*base, *([node.module] if node.module else [])])


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_stay_in_their_lane(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    for line, name in imports(path):
        top, _, rest = name.partition(".")
        where = f"{path.relative_to(ROOT)}:{line}"
        if top == "coevo":
            other = rest.partition(".")[0]
            assert other == room or other in MAY_IMPORT[room], f"{where}: {room} may not import {other or name}"
        elif top not in sys.stdlib_module_names:
            assert top in THIRD_PARTY[room], f"{where}: {room} may not import {top}"


def test_rooms_form_no_circle() -> None:
    seen: list[str] = []
    while len(seen) < len(MAY_IMPORT):
        ready = [r for r, needs in MAY_IMPORT.items() if r not in seen and needs <= set(seen)]
        assert ready, f"a circle among {set(MAY_IMPORT) - set(seen)}"
        seen += ready


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_inner_rooms_are_one_level_deep(path: Path) -> None:
    assert len(path.relative_to(ROOT).parent.parts) <= 2, f"{path.relative_to(ROOT)} stands too deep"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_say_what_they_are_and_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), f"{path} does not say what it is for"
    assert text.count("\n") <= MAX_LINES, f"{path} has outgrown its room"
