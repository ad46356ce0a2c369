"""Fit the table of `agents/word_order.py` and write it: real text against shuffled words, and against a Markov chain.

Only sources whose licence allows to ship counts of their word pairs are read (MIT, Apache-2.0, CC BY, public domain).
Documents are split in halves by the digest of their id: the first half is fitted to, the other is reported on.
"""

import argparse
import gzip
import hashlib
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from coevo.agents.canaries import shuffled
from coevo.agents.word_order import BITS, OrderModel, buckets, model, packed, tokens

SOURCES = {
    "en": "python-peps 18f-posts digitalgov inaugural state-union movie-reviews rust-book simonw-til fastapi-docs-en "
    "gitenberg jbranchaud-til swcarpentry yihui-en",
    "zh": "houbb-blog lctt-published yihui-cn cosx-md laws classical-modern o2team-blog mzlogin-blog "
    "javaguide react-zh",
    "math": "open-logic",
    "code": "thealgorithms-python pip fastapi requests flask thealgorithms-java thealgorithms-javascript gin",
}
PIECE, PIECES = 2_000, 12
"""Characters of a piece, and pieces of a document at most."""
STEP = 0.35
_PART = re.compile(r"\w+|[^\w\s]|\s+")
_HAN = re.compile("[\u3400-\u9fff]")


def pieces(data: Path, half: int) -> Iterator[tuple[str, str]]:
    """(domain, text) of every piece of one half."""
    for domain, names in SOURCES.items():
        for name in names.split():
            with gzip.open(data / "l0" / domain / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
                for row in map(json.loads, file):
                    if "text" in row and hashlib.sha256(row["id"].encode()).digest()[0] % 2 == half:
                        text = re.sub(r"\A---\n.*?\n---\n", "", row["text"], flags=re.DOTALL)
                        starts = range(0, min(len(text), PIECE * PIECES), PIECE)
                        yield from ((domain, text[at : at + PIECE]) for at in starts)


class Chain:
    """A first-order Markov chain over the tokens of real text (in Chinese: characters)."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._next: dict[str, list[str]] = defaultdict(list)
        for text in texts:
            parts = _parts(text)
            for one, other in pairwise(parts):
                self._next[one].append(other)
        self._all = [*self._next]

    def text(self, size: int, rng: random.Random) -> str:
        """About `size` characters."""
        part, written = rng.choice(self._all), 0
        parts = []
        while written < size:
            parts.append(part)
            written += len(part)
            part = rng.choice(self._next.get(part) or self._all)
        return "".join(parts)


def _parts(text: str) -> list[str]:
    """Tokens with the white space behind them."""
    parts: list[str] = []
    for part in _PART.findall(text):
        if part.isspace() and parts:
            parts[-1] += part
        else:
            parts.extend(part if _HAN.match(part) else [part])
    return parts


def counts(texts: Sequence[str], which: int) -> np.ndarray:
    """[2^BITS] how often each pair (0) or triple (1) occurs."""
    total = np.zeros(1 << BITS)
    for text in texts:
        total += np.bincount(buckets(tokens(text).classes)[which], minlength=1 << BITS)
    return total


def ratios(real: np.ndarray, false: np.ndarray) -> np.ndarray:
    """Smoothed log-likelihood ratios; a bucket seen as seldom as others in both is 0."""
    smooth = 2.0
    false = false * (real.sum() / false.sum())
    return np.log((real + smooth) / (false + smooth)).astype(np.float32)


def chains(texts: Sequence[tuple[str, str]], seed: int) -> list[str]:
    """A chain's text for every piece, of the chain of its domain."""
    made = []
    for domain in SOURCES:
        own = [text for d, text in texts if d == domain]
        chain, rng = Chain(own), random.Random(seed)
        made += [chain.text(len(text), rng) for text in own]
    return made


def main() -> None:
    """Fit, write, and print the share of held-out texts that stand above their shuffled and their random partners."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds l0/")
    parser.add_argument("--out", type=Path, help="write the table there, e.g. agents/word_order.json")
    given = parser.parse_args()
    rng = random.Random(0)
    if given.out:
        fitted = [*pieces(given.data, 0)]
        real = [text for _, text in fitted]
        mess = [shuffled(text, rng) for text in real]
        pairs = ratios(counts(real, 0), counts(mess, 0))
        triples = ratios(counts(real, 1), counts(chains(fitted, 1), 1))
        table = {"step": STEP, "pairs": packed(pairs, STEP), "triples": packed(triples, STEP)}
        given.out.write_text(json.dumps(table, indent=0) + "\n", encoding="utf-8")
        model.cache_clear()
    report(model(), [*pieces(given.data, 1)], rng)


def report(table: OrderModel, texts: Sequence[tuple[str, str]], rng: random.Random) -> None:
    """A line a domain."""
    sizes = Counter(domain for domain, _ in texts)
    random_texts = chains(texts, 2)
    row: dict[str, list[list[float]]] = {}
    for (domain, text), other in zip(sorted(texts, key=lambda t: [*SOURCES].index(t[0])), random_texts, strict=True):
        same = table.scores(tokens(text)), table.scores(tokens(shuffled(text, rng))), table.scores(tokens(other))
        row.setdefault(domain, []).append([s for pair in same for s in pair])
    for domain, values in row.items():
        v = np.array(values)
        above = (v[:, 0] > v[:, 2]).mean(), (v[:, 1] > v[:, 5]).mean()
        print(f"{domain:5} n {sizes[domain]:6,}  above shuffled {above[0]:.3f}  above Markov {above[1]:.3f}", end="  ")
        print(
            "medians real/shuffled/Markov: pairs {} triples {}".format(
                *(np.round(np.median(v[:, i::2], 0), 2) for i in (0, 1))
            )
        )
        print("      5 % and 95 %", np.round(np.quantile(v, [0.05, 0.95], axis=0), 2).tolist())


if __name__ == "__main__":
    main()
