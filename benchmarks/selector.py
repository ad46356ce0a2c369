"""Tokens a second that a student selector scores on one core, against scikit-learn (hashed n-grams, linear model).

Both read the same texts (the installed packages' sources and documents), hash words and pairs of words into 2^18
buckets, and are fitted to the same labels; what is timed is scoring rows that are not fitted to, from text to grade.
Tokens are those of our selector for both sides: words, punctuation marks and Chinese characters. CPU seconds of one
thread, alternating runs, medians. How well each ranks texts that it was not fitted to is printed beside.
"""

import argparse
import json
import os
import site
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa

from coevo.tiers.features import BITS, features
from coevo.tiers.ranking import spearman
from coevo.tiers.selector import fit

SIZE, LABELS = 2_000, 1_000


def texts() -> Iterator[tuple[str, float]]:
    """Pieces of code (0) and of documents (1), taken in turns."""
    folders = [Path(os.__file__).parent, *map(Path, site.getsitepackages())]
    code = (p for f in folders for p in sorted(f.rglob("*.py")))
    prose = (p for f in folders for kind in ("*.rst", "*.md", "*.txt", "METADATA") for p in sorted(f.rglob(kind)))
    for pair in zip(pieces(code), pieces(prose), strict=False):
        yield from zip(pair, (0.0, 1.0), strict=True)


def pieces(paths: Iterator[Path]) -> Iterator[str]:
    """Texts of SIZE characters."""
    for path in paths:
        whole = path.read_text(encoding="utf-8", errors="ignore") if path.is_file() else ""
        yield from (whole[at : at + SIZE] for at in range(0, len(whole) - SIZE // 2, SIZE))


def timed(score: Callable[[Any], Any], rows: Any) -> tuple[float, Any]:
    """CPU seconds and the grades."""
    began = time.process_time()
    found = score(rows)
    return time.process_time() - began, found


def main() -> None:
    """Run, print a table, and one JSON line last."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDRegressor

    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: 2,000 texts")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    wanted = LABELS + (2_000 if options.quick else 10_000)
    found = [pair for pair, _ in zip(texts(), range(wanted), strict=False)]
    labels = np.array([label for _, label in found])
    order = np.random.default_rng(0).permutation(len(found))
    taught, rest = order[:LABELS], order[LABELS:]
    column = pa.array([found[i][0] for i in order], pa.large_string())
    plain = column.to_pylist()
    ours = fit(column[:LABELS], labels[taught])
    vectorizer = HashingVectorizer(n_features=1 << BITS, ngram_range=(1, 2))
    peer = SGDRegressor(random_state=0, max_iter=50).fit(vectorizer.transform(plain[:LABELS]), labels[taught])
    tokens = features(column[LABELS:]).tokens
    runs = [
        (timed(ours.score, column[LABELS:]), timed(lambda t: peer.predict(vectorizer.transform(t)), plain[LABELS:]))
        for _ in range(2 if options.quick else options.repeats)
    ]
    speed = [[tokens / run[side][0] for run in runs] for side in (0, 1)]
    agree = [spearman(np.asarray(runs[0][side][1], np.float64), labels[rest]) for side in (0, 1)]
    print(f"{len(rest):,} texts, {tokens:,} tokens ({tokens / len(rest):.0f} a text), {LABELS:,} labels")
    for name, values, rank in zip(("coevo.tiers.selector", "scikit-learn"), speed, agree, strict=True):
        shown = f"{statistics.median(values):12,.0f} tokens/s  ({min(values):,.0f} to {max(values):,.0f})"
        print(f"{name:22}{shown}  Spearman with unseen labels {rank:+.3f}")
    ratios = sorted(a / b for a, b in zip(*speed, strict=True))
    told = {"name": "selector", "ours": round(statistics.median(speed[0])), "peer": round(statistics.median(speed[1]))}
    told |= {"ratio": round(statistics.median(ratios), 2), "unit": "tokens/s of one core (ratio = ours / peer)"}
    told |= {"peer_name": "scikit-learn HashingVectorizer(1-2) + SGDRegressor", "n": len(runs)}
    print(
        json.dumps(
            told | {"spread": [round(ratios[0], 2), round(ratios[-1], 2)], "spearman": [round(a, 3) for a in agree]}
        )
    )


if __name__ == "__main__":
    main()
