"""Main text of pages against gold: coevo's extraction beside trafilatura as it comes, same pages, quality and speed.

Gold with the files of `--data` (quality/extraction_gold.jsonl.gz and the pages that it names in l0/): snippets that
must and must not be kept (trafilatura's own evaluation), and bodies of articles (scrapinghub, newspaper, readability),
compared as bags of four words in a row as in scrapinghub's article-extraction-benchmark. A page without text is empty.
"""

import argparse
import base64
import gzip
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lxml.html import fromstring

from coevo.tiers.ingest.decode import decode
from coevo.tiers.ingest.extract import extract

SHINGLE = 4


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a packed JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def pages(data: Path, wanted: set[str]) -> dict[str, str]:
    """HTML of the pages that the gold names, by id."""
    found: dict[str, str] = {}
    for path in sorted((data / "l0").glob("*/*.jsonl.gz")):
        for row in read(path):
            if row["id"] in wanted and "html" in row:
                found[row["id"]] = row["html"]
            elif row["id"] in wanted and "raw_b64" in row:
                text = decode(base64.b64decode(row["raw_b64"]), guess=True).text
                found |= {row["id"]: text} if text else {}
    return found


def ours(html: str) -> str:
    """The text that becomes a document."""
    return extract(html).text or ""


def theirs(html: str) -> str:
    """Trafilatura with its defaults but for comments, which the gold does not hold."""
    from trafilatura import extract as peer

    return peer(html, include_comments=False) or ""


def snippets(text: str, item: dict[str, Any]) -> tuple[int, int, int]:
    """Wanted snippets found and missed, and unwanted ones kept."""
    hit = sum(s in text for s in item["must_contain"])
    return hit, len(item["must_contain"]) - hit, sum(s in text for s in item["must_not_contain"])


def shingles(text: str, item: dict[str, Any]) -> tuple[int, int, int]:
    """Shares of fours of words, times 1,000: found, missed, too many."""
    gold = item["gold_text"] if "gold_text" in item else fromstring(item["gold_html"]).text_content()
    want, got = bag(gold), bag(text)
    both = sum((want & got).values())
    total = max(want.total() + got.total() - both, 1)
    return tuple(round(1000 * n / total) for n in (both, want.total() - both, got.total() - both))  # type: ignore[return-value]


def bag(text: str) -> Counter[tuple[str, ...]]:
    """Fours of words with their counts."""
    words = text.split()
    return Counter(tuple(words[i : i + SHINGLE]) for i in range(max(len(words) - SHINGLE + 1, min(1, len(words)))))


def f1(counts: list[tuple[int, int, int]]) -> tuple[float, float, float]:
    """Precision, recall and F1 over all pages."""
    hit, missed, extra = (sum(c[i] for c in counts) for i in range(3))
    precision, recall = hit / max(hit + extra, 1), hit / max(hit + missed, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def main() -> None:
    """Print a table by source of the gold, and one JSON line last."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with quality/extraction_gold.jsonl.gz and l0/")
    given = parser.parse_args()
    gold = list(read(given.data / "quality" / "extraction_gold.jsonl.gz"))
    html = pages(given.data, {item["l0_id"] for item in gold})
    gold = [item for item in gold if item["l0_id"] in html]
    told: dict[str, Any] = {"name": "extraction", "n": len(gold)}
    for name, how in (("coevo", ours), ("trafilatura", theirs)):
        texts, seconds = run(how, html)
        told[name] = {"pages_per_second": round(len(html) / seconds, 1)}
        for source in sorted({item["source"] for item in gold}):
            mine = [item for item in gold if item["source"] == source]
            score = [(snippets if "must_contain" in i else shingles)(texts[i["l0_id"]], i) for i in mine]
            precision, recall, both = f1(score)
            print(f"{name:12} {source:24} n {len(mine):4} P {precision:.3f} R {recall:.3f} F1 {both:.3f}")
            told[name][source] = round(both, 4)
        told[name]["empty"] = sum(not t for t in texts.values())
    print(json.dumps(told | {"mean_f1": [round(mean(told[n]), 4) for n in ("coevo", "trafilatura")]}))


def mean(scores: dict[str, float]) -> float:
    """Mean F1 over the sources of the gold."""
    return statistics.fmean(v for k, v in scores.items() if k not in ("pages_per_second", "empty"))


def run(how: Callable[[str], str], html: dict[str, str]) -> tuple[dict[str, str], float]:
    """Texts of all pages, and seconds of processor time."""
    began = time.process_time()
    return {key: how(page) for key, page in html.items()}, time.process_time() - began


if __name__ == "__main__":
    main()
