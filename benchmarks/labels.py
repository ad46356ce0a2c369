"""Rank correlation of the student selector with what people said of texts, each label held back once.

The sets lie in `--data`/quality (JSONL, packed): pages judged useful or not (DCLM), the readability of excerpts by
teachers' comparisons (CLEAR), articles written at three levels (OneStopEnglish). A group is held back together.
"""

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from coevo.tiers.selector import agreement

SETS = (
    ("dclm_human_useful", "label", "id"),
    ("clear_readability", "easiness_bt", "title"),
    ("onestop_levels", "level", "article"),
)
LEVELS = {"elementary": 0.0, "intermediate": 1.0, "advanced": 2.0}


def rows(path: Path) -> list[dict[str, Any]]:
    """Objects of a packed JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def value(label: Any) -> float:
    """A label as a number; levels from easy to hard."""
    return LEVELS[label.lower()] if isinstance(label, str) else float(label)


def main() -> None:
    """Print a line a set, and one JSON line last."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds quality/")
    given = parser.parse_args()
    told: dict[str, Any] = {"name": "labels"}
    for name, label, group in SETS:
        items = rows(given.data / "quality" / f"{name}.jsonl.gz")
        texts = pa.array([item["text"] for item in items], pa.large_string())
        found = agreement(texts, np.array([value(i[label]) for i in items]), [str(i[group]) for i in items])
        print(f"{name:22} {found.reason}")
        told[name] = found.model_dump(exclude={"reason"})
    print(json.dumps(told))


if __name__ == "__main__":
    main()
