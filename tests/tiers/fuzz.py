"""Coverage-guided fuzzing: `pip install -e '.[fuzz]'`, then `python -m tests.tiers.fuzz html -max_total_time=60`.

The first argument names a parser, the others are libFuzzer's (a folder keeps the inputs that mattered). An exception
that is not told as a quarantined record ends it with its traceback, and the input lies in a file `crash-...`.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import atheris  # pyright: ignore[reportMissingModuleSource]

with atheris.instrument_imports(include=["coevo.tiers"]):  # pyright: ignore[reportAttributeAccessIssue]
    from coevo.tiers.ingest.asciimath import asciimath_to_latex
    from coevo.tiers.ingest.extract import extract
    from coevo.tiers.ingest.latex import latex_body

from tests.tiers.test_fuzz import WHOLE, read


def text(parser: Callable[[str], object], data: bytes) -> None:
    """A parser of text gets what the bytes say, whatever they are."""
    parser(data.decode("utf-8", "replace"))


def file(name: str, data: bytes) -> None:
    """A whole read of a folder that holds the bytes as a file of this name beside a good one."""
    with tempfile.TemporaryDirectory() as folder:
        read(Path(folder), name, data)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "html": partial(text, extract),
    "tex": partial(text, latex_body),
    "asciimath": partial(text, asciimath_to_latex),
    **{name.removeprefix("a."): partial(file, name) for name in WHOLE if name not in ("a.html", "a.tex")},
}


def main() -> None:
    """Fuzz the parser that the command line names."""
    if sys.argv[1:2] and sys.argv[1] in TARGETS:
        seed = Path(tempfile.mkdtemp()) / "seed"
        seed.write_bytes(WHOLE.get(f"a.{sys.argv[1]}", b"sum_(i=1)^n i^3=((n(n+1))/2)^2"))
        atheris.Setup([sys.argv[0], f"-seed_inputs={seed}", *sys.argv[2:]], TARGETS[sys.argv[1]])
        atheris.Fuzz()
    sys.exit(f"wanted one of {', '.join(TARGETS)}, got {' '.join(sys.argv[1:]) or 'nothing'}")


if __name__ == "__main__":
    main()
