"""Share of benchmark items found in ordinary text, by kind of pack and layout, and ordinary documents refused in vain.

Every item of a sample is planted in an ordinary document in ten layouts, and looked for beside all other items. The
false positive rate counts ordinary documents, as they are, that the items of all packs refuse; `--show` prints them,
so that true quotations can be told. Thresholds were chosen on one half of packs and documents, by their names' hash;
`--half report`, the default, is the other half.
"""

import argparse
import gzip
import hashlib
import html
import json
import math
import os
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pyarrow as pa

from coevo.eval.pack_items import line_items
from coevo.tiers.benchmark_item import BenchmarkItem
from coevo.tiers.config import DecontaminateConfig
from coevo.tiers.decontaminate import refuse
from coevo.tiers.quotable import Quotable, Segments

LATIN, ALIKE = "aceopxyAEOPCTXBHKM", "асеорхуАЕОРСТХВНКМ"  # noqa: RUF001
LOOK = str.maketrans(LATIN, ALIKE)
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}


def parts(item: BenchmarkItem) -> list[str]:
    """Passage, question and answer, those that there are."""
    return [part for part in (item.context, item.question, item.answer) if part.strip()]


def listed(item: BenchmarkItem) -> str:
    """The question, all choices by letters, and the answer."""
    choices = [f"{letter}. {choice}" for letter, choice in zip("ABCDEFGHIJ", item.choices, strict=False)]
    return "\n".join([*filter(None, (item.context, item.question)), *choices, item.answer])


def broken(text: str) -> str:
    """A line break after every fifth word, with a hyphen inside of long words."""
    lines, words = [], text.split(" ")
    for at in range(0, len(words), 5):
        line = words[at : at + 5]
        if line[-1].isalpha() and line[-1].isascii() and len(line[-1]) > 7:
            line[-1] = f"{line[-1][:4]}-\n{line[-1][4:]}"
        lines.append(" ".join(line))
    return "\n".join(lines)


def page(item: BenchmarkItem) -> str:
    """The item's paragraphs as they are when a page's tags are gone; no page goes through ingest here."""
    return "\n\n".join(html.unescape(re.sub("<[^>]*>", "", f"<p>{html.escape(part)}</p>")) for part in parts(item))


LAYOUTS = {
    "bare": lambda i: "\n".join(parts(i)),
    "Q:/A:": lambda i: f"{i.context}\nQ: {i.question}\nA: {i.answer}",
    "Markdown": lambda i: f"{i.context}\n\n## Question\n\n**{i.question}**\n\n> *Answer:* {i.answer}",
    "HTML": page,
    "upper case": lambda i: "\n".join(parts(i)).upper(),
    "line breaks": lambda i: broken("\n".join(parts(i))),
    "zero-width": lambda i: re.sub(r"(\w\w\w)", "\\1\u200b", "\n".join(parts(i))),
    "full-width": lambda i: "\n".join(parts(i)).translate(WIDE),
    "look-alikes": lambda i: "\n".join(parts(i)).translate(LOOK),
    "choices listed": listed,
    "numbered": lambda i: f"12. {i.question}\n   - {i.answer}\n" if not i.context else f"{i.context}\n12. {i.question}",
    "table": lambda i: f"| {i.context} | {i.question} | {i.answer} |".replace("\n", " "),
    "italics": lambda i: "\n".join(f"*{part}*" for part in parts(i)),
    "apart": lambda i: f"{i.context}\n{i.question}\nThink about it before you read on.\nThe answer is {i.answer}.",
    "JSON": lambda i: json.dumps({"context": i.context, "question": i.question, "answer": i.answer}),
    "two columns": lambda i: listed(i).replace("\nB.", "    B.").replace("\nD.", "    D."),
    "question only": lambda i: "\n".join(filter(None, (i.context, i.question))),
}


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a gzipped file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def halved(name: str) -> str:
    """Which half a file is in."""
    return "choose" if hashlib.blake2b(name.encode()).digest()[0] % 2 else "report"


def ordinary(folder: Path, half: str) -> list[str]:
    """Texts of the folder's files of one half, pages without their tags."""
    texts = []
    for path in sorted(folder.rglob("*.jsonl.gz")):
        if half in ("all", halved(path.name)):
            for row in records(path):
                raw = row.get("text") or re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", row.get("html") or "")
                texts += [raw[:120_000]] if raw.strip() else []
    return texts


def table_of(texts: list[str]) -> pa.Table:
    """As a table of documents."""
    return pa.table({"id": [str(n) for n in range(len(texts))], "text": pa.array(texts, pa.large_string())})


def interval(count: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z, share = 1.96, count / max(n, 1)
    middle, half = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), (middle + half) / (1 + z * z / n)


def main() -> None:
    """Run, print the table, and one JSON line last."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("packs", type=Path, help="folder of packs, JSON lines, gzip")
    parser.add_argument("documents", type=Path, help="folder of ordinary documents, JSON lines, gzip")
    parser.add_argument("--half", choices=["choose", "report", "all"], default="report")
    parser.add_argument("--each", type=int, default=60, help="items of a pack that are planted")
    parser.add_argument("--quick", action="store_true", help="ten items of a pack, one document in six")
    parser.add_argument("--show", type=int, default=0, help="refused ordinary documents and missed items shown")
    options = parser.parse_args()
    rng, config = random.Random(0), DecontaminateConfig()
    items: dict[BenchmarkItem, str] = {}
    for path in sorted(options.packs.rglob("*.jsonl.gz")):
        if options.half in ("all", halved(path.name)):
            for row in records(path):
                for item in line_items(row):
                    items.setdefault(item, f"{path.parent.name}/{path.name.split('.')[0]}")
    hosts = ordinary(options.documents, options.half)
    hosts = hosts[:: 6 if options.quick else 1]
    began = time.process_time()
    quotable = Quotable(Segments.of(list(items)), config)
    ready = time.process_time() - began
    names = list(items)
    began = time.process_time()
    verdicts = refuse(table_of(hosts), [], quotable, config).to_pylist()
    seconds, megabytes = time.process_time() - began, sum(map(len, hosts)) / 1e6
    refused = [n for n, row in enumerate(verdicts) if not row["kept"]]
    for n in refused[: options.show]:
        item = names[int(verdicts[n]["reason"].split()[3])]
        print(
            f"--- {verdicts[n]['reason']}\n    item of {items[item]}: {item.question[:160]!r} -> {item.answer[:60]!r}"
        )
    by_pack: dict[str, list[BenchmarkItem]] = defaultdict(list)
    for n in quotable.sought.tolist():
        by_pack[items[names[n]]].append(names[n])
    owned = Counter(items.values())
    kept = [host[:1500] for host, row in zip(hosts, verdicts, strict=True) if row["kept"] and len(host) > 300]
    each = 10 if options.quick else options.each
    planted = [(p, i) for p, own in sorted(by_pack.items()) for i in rng.sample(own, min(each, len(own)))]
    hits: Counter[tuple[str, str]] = Counter()
    totals = Counter(pack for pack, _ in planted)
    missed: dict[str, list[str]] = defaultdict(list)
    for layout, lay in LAYOUTS.items():
        texts = [f"{rng.choice(kept)}\n\n{lay(item)}\n\n{rng.choice(kept)}" for _, item in planted]
        for (pack, item), row in zip(planted, refuse(table_of(texts), [], quotable, config).to_pylist(), strict=True):
            hits[pack, layout] += not row["kept"]
            if row["kept"]:
                missed[layout].append(f"{pack}: {item.question[:100]!r} -> {item.answer[:40]!r} {item.choices[:2]}")
    print(f"{'pack':34}{'items':>7}{'sought':>8}" + "".join(f"{layout[:9]:>10}" for layout in LAYOUTS))
    for pack in sorted(set(owned) - set(totals)):
        print(f"{pack:34}{owned[pack]:7}{0:8}")
    for pack in sorted(totals):
        cells = "".join(f"{hits[pack, layout] / totals[pack]:10.0%}" for layout in LAYOUTS)
        print(f"{pack:34}{owned[pack]:7}{len(by_pack[pack]):8}{cells}")
    shares = {layout: sum(hits[p, layout] for p in totals) / sum(totals.values()) for layout in LAYOUTS}
    print(
        f"{'all':34}{sum(owned.values()):7}{len(quotable.sought):8}"
        + "".join(f"{shares[layout]:10.1%}" for layout in LAYOUTS)
    )
    for layout in ("bare", "line breaks") if options.show else ():
        print(f"missed, {layout}:", *missed[layout][: options.show], sep="\n   ")
    low, high = interval(len(refused), len(hosts))
    print(
        f"{len(items):,} items; refused {len(refused)} of {len(hosts):,} ordinary documents: "
        f"{len(refused) / len(hosts):.3%} ({low:.3%} to {high:.3%}); {ready:.1f} s to index, "
        f"{megabytes / seconds:.1f} M characters/s"
    )
    line = {"name": "contamination", "ours": min(shares.values()), "peer": 0.99, "ratio": min(shares.values()) / 0.99}
    line |= {"unit": "share found, worst layout", "peer_name": "goal", "n": sum(totals.values()), "spread": [low, high]}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
