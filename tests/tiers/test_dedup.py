import gzip
import json
import os
import random
import re
from pathlib import Path

import pyarrow as pa
import pytest

from coevo.tiers.config import DedupConfig
from coevo.tiers.dedup import UNIQUE, dedup
from coevo.tiers.errors import InputError
from coevo.tiers.signs import read_text

SHARED = Path(os.environ.get("COEVO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
WORDS = [f"{a}{b}" for a in ("ran", "tos", "mil", "pek", "dor", "lun") for b in ("a", "en", "ish", "or", "ity", "um")]


def text(seed: int, length: int = 200) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=length))


def table(*texts: str, sources: list[str] | None = None) -> pa.Table:
    ids = [f"id{i:03d}" for i in range(len(texts))]
    return pa.table({"id": ids, "text": pa.array(texts, pa.large_string()), "source": sources or ids})


def changed(seed: int, words: int) -> str:
    """A text with this many words replaced, far apart."""
    parts = text(seed).split()
    for i in range(words):
        parts[(i * 37 + 11) % len(parts)] = f"other{i}"
    return " ".join(parts)


def test_different_texts_stay() -> None:
    verdicts = dedup(table(*(text(i) for i in range(50))))
    assert verdicts["reason"].to_pylist() == [UNIQUE] * 50
    assert all(verdicts["kept"].to_pylist())


def test_case_and_space_make_no_difference_and_the_reason_names_the_survivor() -> None:
    one = text(0)
    verdicts = dedup(table(one, one.upper().replace(" ", "\n"), text(1), sources=["b", "a", "c"]))
    assert verdicts["kept"].to_pylist() == [False, True, True]
    assert verdicts["reason"][0].as_py() == "exact duplicate of id001 (a)"


def test_punctuation_does_make_one_between_exact_texts() -> None:
    verdicts = dedup(table("x = a + b", "x = a - b", "----", "===="))
    assert all(verdicts["kept"].to_pylist())


def test_a_near_copy_goes_and_the_longer_stays() -> None:
    verdicts = dedup(table(text(0), text(0) + " and a few words more", text(1)))
    assert verdicts["kept"].to_pylist() == [False, True, True]
    assert re.fullmatch(r"near duplicate of id001 \(id001\): similarity 0\.\d\d >= 0\.7", verdicts["reason"][0].as_py())


def test_similarity_below_the_threshold_stays() -> None:
    assert all(dedup(table(text(0), changed(0, 20)))["kept"].to_pylist())
    loose = DedupConfig(threshold=0.2, permutations=120, bands=60)
    assert dedup(table(text(0), changed(0, 20)), loose)["kept"].to_pylist().count(False) == 1


def test_a_text_goes_only_if_it_is_like_one_that_stays() -> None:
    chain = [" ".join(text(0, 400).split()[i * 25 : i * 25 + 200]) for i in range(6)]
    verdicts = dedup(table(*chain), DedupConfig(threshold=0.6))
    kept = {row["id"] for row in verdicts.to_pylist() if row["kept"]}
    gone = [row["reason"] for row in verdicts.to_pylist() if not row["kept"]]
    assert gone and len(kept) >= 2
    for reason in gone:
        found = re.match(r"near duplicate of (id\d+)", reason)
        assert found is not None and found[1] in kept


def test_many_copies_leave_one() -> None:
    verdicts = dedup(table(*(changed(0, i % 3) for i in range(300)), text(1)))
    assert verdicts["kept"].to_pylist().count(True) == 2


def test_chinese_near_copies_are_found() -> None:
    base = "".join(random.Random(0).choices("天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏", k=300))
    verdicts = dedup(table(base, base[:150] + "新" + base[150:]))
    assert verdicts["kept"].to_pylist() == [False, True]


def test_the_verdicts_do_not_depend_on_order() -> None:
    texts = [text(i // 2) + (" again" if i % 2 else "") for i in range(40)]
    rows = table(*texts)
    order = list(range(40))
    random.Random(0).shuffle(order)
    straight = {r["id"]: r["kept"] for r in dedup(rows).to_pylist()}
    assert {r["id"]: r["kept"] for r in dedup(rows.take(order)).to_pylist()} == straight


def test_texts_without_words_and_no_texts_at_all() -> None:
    assert dedup(table("", "", "!?"))["kept"].to_pylist() == [True, False, True]
    assert dedup(table()).num_rows == 0


def test_bands_must_divide_the_permutations() -> None:
    with pytest.raises(InputError, match="bands that divide 120"):
        dedup(table("a"), DedupConfig(bands=7))


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared data at {SHARED}: set COEVO_SHARED_DATA")
def test_known_near_duplicates_are_found() -> None:
    """Pairs of the shared set that share 0.8 of their 5-grams must not both stay, unless their signs differ."""
    texts: dict[str, str] = {}
    for name in ("code/fastapi", "code/rust-book-listings", "math/mooculus"):
        with gzip.open(SHARED / "l0" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            texts |= {r["id"]: r.get("text") or r["html"] for r in map(json.loads, file)}
    rows = pa.table({"id": list(texts), "text": pa.array(texts.values(), pa.large_string()), "source": list(texts)})
    kept = dict(zip(texts, dedup(rows)["kept"].to_pylist(), strict=True))
    with gzip.open(SHARED / "quality" / "neardup_pairs.jsonl.gz", "rt") as file:
        pairs = [(r["a"], r["b"]) for r in map(json.loads, file) if r["a"] in texts and r["b"] in texts]
    near = [(a, b) for a, b in pairs if jaccard(texts[a], texts[b]) >= 0.8]
    assert len(near) >= 20
    both = [(a, b) for a, b in near if kept[a] and kept[b]]
    assert len(both) <= 0.08 * len(near)
    assert not [(a, b) for a, b in both if read_text(texts[a])[1] == read_text(texts[b])[1]]


def jaccard(a: str, b: str) -> float:
    left, right = shingles(a), shingles(b)
    return len(left & right) / max(len(left | right), 1)


def shingles(one: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[\u4e00-\u9fff]|[^\W_\u4e00-\u9fff]+", one.lower())
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}
