"""Rank correlation of the rule judges' grades with what people said of texts, beside and given the length of the texts.

The sets lie in `--data`/quality (JSONL, packed). Each is split in halves by the digest of its item: the rules were
written with one half in view (`--half 0`); the other half is what is reported. Intervals are from a bootstrap over
items, 95 %. `given length` is the partial rank correlation. Then the shares of texts that are graded above a spoiled
copy of themselves (words in disorder, dressed up, padded), and the speed in texts a second of one core.
"""

import argparse
import gzip
import hashlib
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from coevo.agents.canaries import dressed, padded, shuffled
from coevo.agents.text_grades import RUBRICS, grade

LEVELS = {"elementary": 2.0, "intermediate": 1.0, "advanced": 0.0}
SETS: dict[str, tuple[str, str, str, Callable[[dict[str, Any]], float]]] = {
    # name: (domain, field of the text, field of the item, label)
    "dclm_human_useful": ("en", "text", "id", lambda r: float(r["label"])),
    "clear_readability": ("en", "text", "title", lambda r: float(r["easiness_bt"])),
    "onestop_levels": ("en", "text", "article", lambda r: LEVELS[r["level"].lower()]),
    "gaokao_graded_answers_zh": (
        "zh",
        "answer",
        "question",
        lambda r: float(np.mean(r["judge_scores"])) / float(r["max_score"]),
    ),
    "gsm8k_solutions_correctness": ("math", "solution", "question", lambda r: float(r["correct"])),
}
PAIRED = {
    "en": ("wikitext2", "openstax-us-history", "openstax-astronomy"),
    "zh": ("cmrc2018-wiki", "advanced-java", "pingcap-docs-cn"),
    "math": ("napkin", "stacks-project"),
    "code": ("amazing-python-scripts", "exercism-python"),
}
"""Sources of which the table of word order saw nothing."""
SAMPLE, BEGIN, END = 150, 300, 1500
"""Texts of a domain, and which of their characters are graded."""


def rows(path: Path) -> list[dict[str, Any]]:
    """Objects of a packed JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def half_of(item: Any) -> int:
    """0 or 1, by the digest of an item's name."""
    return hashlib.sha256(str(item).encode()).digest()[0] % 2


def partial(grades: np.ndarray, labels: np.ndarray, length: np.ndarray | None = None) -> float:
    """Spearman's rank correlation, given the rank of the length where there is one."""
    ranks = [rankdata(v) for v in (grades, labels)]
    if length is not None:
        basis = np.stack([np.ones(len(length)), rankdata(length)], axis=1)
        ranks = [r - basis @ np.linalg.lstsq(basis, r, rcond=None)[0] for r in ranks]
    return float(np.corrcoef(*ranks)[0, 1])


def interval(measured: Callable[[np.ndarray], float], n: int) -> tuple[float, float]:
    """95 % bootstrap interval over n items."""
    rng = np.random.default_rng(0)
    low, high = np.quantile([measured(rng.integers(n, size=n)) for _ in range(400)], [0.025, 0.975])
    return float(low), float(high)


def judged(name: str, data: Path, half: int) -> dict[str, Any]:
    """Correlations of one set, printed and returned."""
    domain, field, group, label = SETS[name]
    items = [r for r in rows(data / "quality" / f"{name}.jsonl.gz") if half_of(r[group]) == half]
    texts = [r[field] for r in items]
    grades, reasons = grade(texts, [domain] * len(texts))
    kept = np.array([not reason for reason in reasons])
    labels = np.array([label(r) for r in items])[kept]
    length = np.array([len(t) for t in texts])[kept]
    columns = {r: grades[r][kept] for r in RUBRICS}
    columns = {"mean": np.mean([*columns.values()], axis=0), **columns}
    n = len(labels)
    alone = partial(length, labels)
    print(f"\n{name} (n {n}, ungraded {len(texts) - n}); length alone {alone:+.2f}")
    told: dict[str, Any] = {"n": n, "ungraded": len(texts) - n, "length": round(alone, 3)}
    for column, values in columns.items():
        plain, given = partial(values, labels), partial(values, labels, length)
        low, high = interval(lambda i, v=values: partial(v[i], labels[i], length[i]), n)
        print(f"  {column:10} {plain:+.2f}   given length {given:+.2f} ({low:+.2f} to {high:+.2f})")
        told[column] = [round(plain, 3), round(given, 3)]
    return told


def spoiled(data: Path) -> dict[str, Any]:
    """Share of texts graded above a spoiled copy, by domain and kind; printed and returned."""
    rng = random.Random(0)
    kinds: dict[str, Callable[[str], str]] = {
        "shuffled": lambda text: shuffled(text, rng),
        "dressed": lambda text: dressed(shuffled(text, rng)),
        "padded": padded,
    }
    print("\nshare graded above a spoiled copy of the same text")
    told: dict[str, Any] = {}
    for domain, names in PAIRED.items():
        found = [r["text"] for name in names for r in rows(data / "l0" / domain / f"{name}.jsonl.gz") if "text" in r]
        texts = [t[BEGIN:END].strip() for t in found if len(t) > 900]
        texts = random.Random(1).sample(texts, min(SAMPLE, len(texts)))
        before, _ = grade(texts, [domain] * len(texts))
        for kind, spoil in kinds.items():
            after, _ = grade([spoil(t) for t in texts], [domain] * len(texts))
            wins = {r: round(float(np.mean(before[r] > np.nan_to_num(after[r]))), 3) for r in RUBRICS}
            print(f"  {domain:5} {kind:9} n {len(texts):4} ", "  ".join(f"{r} {v:.2f}" for r, v in wins.items()))
            told[f"{domain} {kind}"] = wins
    return told


def speed(texts: Sequence[str]) -> float:
    """Texts a second of one core, the median of five passes."""
    seconds = []
    for _ in range(5):
        began = time.process_time()
        grade(texts, ["en"] * len(texts))
        seconds.append(time.process_time() - began)
    return len(texts) / float(np.median(seconds))


def main() -> None:
    """Print the tables, and one JSON line last."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds quality/ and l0/")
    parser.add_argument("--half", type=int, choices=(0, 1), default=1, help="0: the half that the rules were made with")
    given = parser.parse_args()
    told: dict[str, Any] = {name: judged(name, given.data, given.half) for name in SETS}
    told["spoiled"] = spoiled(given.data)
    every = [r["text"] for r in rows(given.data / "quality" / "dclm_human_useful.jsonl.gz")]
    told["texts_per_second"] = round(speed(every))
    print(f"\n{told['texts_per_second']} texts a second ({np.mean([len(t) for t in every]):.0f} characters a text)")
    print(json.dumps({"name": "judges", "half": given.half, **told}))


if __name__ == "__main__":
    main()
