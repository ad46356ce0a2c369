"""Personal data that Faker makes, in sentences: how much is replaced, by sort and country, with and without its name.

Faker runs in the peers' environment (`make bench-peers`). Addresses that nobody can have (example.com, networks' own)
are not asked for. What else is replaced in `--source` (this machine's text) is counted, and with `--show` printed.
"""

import argparse
import re
import tempfile
from collections import Counter
from pathlib import Path

from peer_process import run_peer

from coevo.tiers.config import IngestConfig, SourceConfig
from coevo.tiers.filters import pii
from coevo.tiers.ingest import ingest

ROOT = Path(__file__).parents[1]
FAKER = r"""
import json
from faker import Faker
rows = []
for country in ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pt_BR", "ru_RU", "zh_CN", "ja_JP"):
    fake = Faker(country)
    fake.seed_instance(1)
    for _ in range(200):
        rows += [(country, "email", fake.company_email()), (country, "phone", fake.phone_number())]
        rows += [(country, "ip", fake.ipv4_public())]
print(json.dumps({"rows": rows}))
"""
BARE = {
    "email": "You can write to {} about it.",
    "phone": "She is there at {} after noon.",
    "ip": "It came from {} yesterday.",
}
NAMED = {"email": "Email: {}", "phone": "Phone: {}", "ip": "Address: {}"}


def found(sort: str, value: str, sentence: str) -> bool:
    """Whether nothing of the value is left."""
    made, counts = pii.replaced(sentence.format(value))
    left = re.sub(r"202-555-01\d\d", "", made)
    return counts[sort] == 1 and value not in made and not (sort == "phone" and re.search(r"\d{3}", left))


def nobodys(sort: str, value: str) -> bool:
    """Ends of networks and names reserved for examples, which stay."""
    return value.rpartition(".")[2] in ("0", "255") if sort == "ip" else pii.NOBODY.search(value) is not None


def main() -> None:
    """Print a row by sort and country, then what is replaced in ordinary text."""
    parser = argparse.ArgumentParser(description="How much personal data is found")
    parser.add_argument("--source", default="local:", help="ordinary text (default: this machine's)")
    parser.add_argument("--show", type=int, default=0, help="print so many telephones of the ordinary text")
    parser.add_argument("--quick", action="store_true", help="500 ordinary documents of each domain")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers", help="folder of the peers' environments")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = run_peer(given.peers / "bin" / "python", FAKER, Path(folder))
    if isinstance(told, str):
        raise SystemExit(f"Faker: {told}")
    hits: Counter[tuple[str, str, bool]] = Counter()
    asked: Counter[tuple[str, str, bool]] = Counter()
    for country, sort, value in told["rows"]:
        for named, sentences in enumerate((BARE, NAMED)):
            if not nobodys(sort, value):
                asked[sort, country, bool(named)] += 1
                hits[sort, country, bool(named)] += found(sort, value, sentences[sort])
    for sort, country in sorted({key[:2] for key in asked}):
        bare, named = (hits[sort, country, n] / asked[sort, country, n] for n in (False, True))
        n = asked[sort, country, True]
        print(f"{sort:6} {country}  n {n:4}  in a sentence {bare:.2f}  after its name {named:.2f}")
    ordinary(given.source, 500 if given.quick else 8_000, given.show)


def ordinary(source: str, most: int, show: int) -> None:
    """Count, and print, what is replaced in ordinary prose."""
    caps = IngestConfig(max_documents=most, max_bytes=1 << 40, min_bytes=0, domains=("code", "en", "math", "zh"))
    docs = ingest([SourceConfig(url=source)], caps, 0).documents
    counts: Counter[str] = Counter()
    texts = [t for t, k in zip(docs["text"].to_pylist(), docs["kind"].to_pylist(), strict=True) if k != "source"]
    for text in texts:
        made, held = pii.replaced(text)
        counts += held
        for i, line in enumerate(text.split("\n") if held["phone"] and show > 0 else ()):
            if line != made.split("\n")[i]:
                print("  ", line.strip()[:160])
                show -= 1
    print(f"{sum(map(len, texts)) / 1e6:.1f} M characters of ordinary prose: {dict(counts)}")


if __name__ == "__main__":
    main()
