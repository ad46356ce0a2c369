"""Rephrased benchmark items: found by rare words in common, shown with both texts; ordinary text passes."""

import gzip
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from coevo.tiers.config import DecontaminateConfig
from coevo.tiers.decontaminate import CLEAN, decontaminate

SHARED = Path(os.environ.get("COEVO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
LOOKING = DecontaminateConfig(paraphrase=0.16)
ITEM = (
    "Weng earns twelve dollars an hour for babysitting her neighbour's twins. Yesterday, she just did fifty minutes of "
    "babysitting before the parents returned from the concert. How much did Weng earn in total?"
)
REPHRASED = (
    "For babysitting the twins of a neighbour, Weng is paid at an hourly rate of twelve dollars. If the parents "
    "returned from their concert after she had been babysitting for fifty minutes yesterday, what are her earnings?"
)


def docs(texts: list[str]) -> pa.Table:
    return pa.table({"id": [str(i) for i in range(len(texts))], "text": pa.array(texts, pa.large_string())})


def ordinary(n: int) -> list[str]:
    rng = random.Random(0)
    words = [f"{a}{b}" for a in ("ran", "tos", "mil", "pek", "dor", "lun") for b in ("a", "en", "ish", "or", "ity")]
    common = [
        "the",
        "of",
        "and",
        "for",
        "she",
        "how",
        "much",
        "an",
        "is",
        "in",
        "to",
        "if",
        "what",
        "her",
        "at",
        "from",
    ]
    return [" ".join(rng.choice(common if rng.random() < 0.5 else words) for _ in range(120)) for _ in range(n)]


def test_a_rephrased_item_is_refused_and_both_texts_are_shown() -> None:
    texts = [*ordinary(60), f"Some words before it stand here. {REPHRASED} And others stand after it."]
    quoted = decontaminate(docs(texts), [ITEM])
    assert all(quoted["kept"].to_pylist()), "it quotes no 13 words, so n-grams alone do not see it"
    found = decontaminate(docs(texts), [ordinary(61)[-1], ITEM], LOOKING)
    assert found["kept"].to_pylist() == [True] * 60 + [False]
    reason = found["reason"][60].as_py()
    assert reason.startswith("rephrases benchmark text 1 (similarity 0.") and "Weng is paid" in reason
    assert "Weng earns twelve" in reason and found["reason"][0].as_py() == CLEAN


def test_meaning_is_compared_by_an_encoder_where_it_is_asked_for() -> None:
    pytest.importorskip("faiss")
    changed = " ".join("other" if n % 9 == 8 else word for n, word in enumerate(ITEM.split()))
    found = decontaminate(docs([*ordinary(5), changed]), [ITEM], DecontaminateConfig(meaning=0.6))
    assert found["kept"].to_pylist() == [True] * 5 + [False]
    assert found["reason"][5].as_py().startswith("means the same as benchmark text 0 (cosine")


def test_nothing_to_look_for_or_in_is_fine() -> None:
    assert decontaminate(docs(ordinary(3)), [], LOOKING)["kept"].to_pylist() == [True] * 3
    assert decontaminate(docs(["", "one"]), ["", "two words", ITEM], LOOKING)["kept"].to_pylist() == [True] * 2
    assert decontaminate(docs([]), [ITEM], LOOKING).num_rows == 0


def records(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def test_items_that_strong_models_rephrased_are_found_and_real_text_passes() -> None:
    path = SHARED / "quality" / "contamination_rephrased.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no rephrased items in {path}")
    pairs = [r for r in records(path) if r.get("contaminated")]
    items = sorted({r["original"] for r in pairs})
    files = [f for d in ("en", "math", "code") for f in sorted((SHARED / "l0" / d).glob("*"))]
    read = (r for f in files for r, _ in zip(records(f), range(60), strict=False))
    real = [r["text"][:1500] for r in read if "text" in r]
    kept = decontaminate(docs([*(r["contaminated"] for r in pairs), *real]), items, LOOKING)["kept"].to_pylist()
    found: dict[str, list[bool]] = {}
    for record, keep in zip(pairs, kept, strict=False):
        found.setdefault(record["file"], []).append(not keep)
    recall = {name: sum(hits) / len(hits) for name, hits in found.items()}
    refused = 1 - sum(kept[len(pairs) :]) / len(real)
    print(recall, f"refused of {len(real)} real texts {refused:.4f}")
    assert recall["rephrase_gsm8k"] > 0.85 and recall["humaneval_python"] > 0.5 and recall["humaneval_c"] > 0.6
    assert refused < 0.006
