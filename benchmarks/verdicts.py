"""What the rules of L1 drop and keep of real pages: counts by rule, and a random sample to be read.

Reads the records of `--data` (l0/DOMAIN/*.jsonl.gz) whose id falls into one half of each file, as `coevo build` reads
them, mends and judges them, and prints `--drops` and `--keeps` documents, as many of each domain. Half 0 is for work
on the rules, half 1 for measuring them. The same arguments print the same documents. `--work` keeps what was read,
which is slow, for the next call.
"""

import argparse
import gzip
import json
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from coevo.tiers.clean import clean
from coevo.tiers.config import BulkConfig, SourceConfig
from coevo.tiers.ingest.stream import read_unit
from coevo.tiers.ingest.units import list_units
from coevo.tiers.mend import mend, mended
from coevo.tiers.split import unit_hash

HALVES = 2


def half_of(data: Path, half: int, folder: Path) -> None:
    """Write the records of one half, in the layout of the data."""
    for packed in sorted((data / "l0").glob("*/*.jsonl.gz")):
        out = folder / packed.parent.name / packed.name
        out.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(packed, "rb") as lines, gzip.open(out, "wb", compresslevel=1) as kept:
            for line in lines:
                if int(unit_hash(f"half {json.loads(line)['id']}", 0) * HALVES) == half:
                    kept.write(line)


def documents(data: Path, half: int, work: Path) -> pa.Table:
    """The documents of one half, as a build reads them; once for a work folder."""
    path = work / f"half-{half}.parquet"
    if not path.exists():
        sources = work / f"sources-{half}"
        half_of(data, half, sources)
        config = BulkConfig()
        names: list[str] = []
        for unit in list_units([SourceConfig(url=str(sources))], config.ingest).units:
            names += read_unit(unit, work / f"read-{half}", config)[0]
        tables = [pq.read_table(work / f"read-{half}" / "l0" / f"{name}.parquet") for name in names]
        pq.write_table(pa.concat_tables(tables), path)
    return pq.read_table(path)


def sample(docs: pa.Table, rows: list[int], most: int, seed: int) -> list[int]:
    """As many rows of each domain, by the hash of their names."""
    by: dict[str, list[int]] = {}
    names, domains = docs["source"].to_pylist(), docs["domain"].to_pylist()
    for row in sorted(rows, key=lambda row: unit_hash(f"read {names[row]}", seed)):
        by.setdefault(domains[row], []).append(row)
    return [row for domain in sorted(by) for row in by[domain][: most // len(by)]]


def shown(text: str, characters: int) -> str:
    """Beginning, middle and end of a text."""
    if len(text) <= characters:
        return text
    part, middle = characters // 3, len(text) // 2
    return "\n[...]\n".join((text[:part], text[middle - part // 2 : middle + part // 2], text[-part:]))


def main() -> None:
    """Print counts, the sample, and one JSON line last."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with l0/")
    parser.add_argument(
        "--half", type=int, choices=range(HALVES), default=1, help="0: for work on the rules; 1: held out"
    )
    parser.add_argument("--drops", type=int, default=100, help="dropped documents to print")
    parser.add_argument("--keeps", type=int, default=100, help="kept documents to print")
    parser.add_argument("--characters", type=int, default=1_200, help="of each document, at most")
    parser.add_argument("--seed", type=int, default=0, help="another seed prints other documents")
    parser.add_argument("--work", type=Path, help="folder that keeps what was read (default: none)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        docs = documents(given.data, given.half, given.work or Path(folder))
    judged = mended(docs, mend(docs))
    reasons = clean(judged)["reason"].to_pylist()
    kept = clean(judged)["kept"].to_pylist()
    domains = docs["domain"].to_pylist()
    counts = Counter((d, r.partition(":")[0]) for d, r, k in zip(domains, reasons, kept, strict=True) if not k)
    total = Counter(domains)
    for (domain, rule), n in sorted(counts.items(), key=lambda item: (item[0][0], -item[1])):
        print(f"{domain:5} {rule:28} {n:5} of {total[domain]}")
    for title, wish, most in (("DROP", False, given.drops), ("KEEP", True, given.keeps)):
        for row in sample(docs, [i for i, k in enumerate(kept) if k is wish], most, given.seed):
            print(f"\n===== {title} {docs['source'][row]} [{domains[row]}] {reasons[row]}")
            print(shown(judged["text"][row].as_py(), given.characters))
    dropped = {d: sum(n for (domain, _), n in counts.items() if domain == d) for d in sorted(total)}
    print(json.dumps({"name": "verdicts", "half": given.half, "seed": given.seed, "read": total, "dropped": dropped}))


if __name__ == "__main__":
    main()
