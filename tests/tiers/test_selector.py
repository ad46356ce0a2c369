"""The student selector: its features, its fit, what it agrees with, and human labels that it has never seen."""

import gzip
import json
import os
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.tiers.byte_tokens import CAP_BYTES
from coevo.tiers.encoder import HashingEncoder
from coevo.tiers.errors import InputError
from coevo.tiers.features import features
from coevo.tiers.ranking import interval, spearman
from coevo.tiers.selector import LEAST_LABELS, agreement, fit

SHARED = Path(os.environ.get("COEVO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
GOOD = ["because", "therefore", "define", "theorem", "example", "shows"]
BAD = ["click", "buy", "now", "free", "offer", "cookies"]


def made(n: int, seed: int = 0) -> tuple[pa.Array, npt.NDArray[np.float64]]:
    """Texts whose worth is the share of good words in them."""
    rng = random.Random(seed)
    shares = [rng.random() for _ in range(n)]
    texts = [" ".join(rng.choice(GOOD if rng.random() < s else BAD) for _ in range(60)) for s in shares]
    return pa.array(texts, pa.large_string()), np.array(shares)


def names(n: int) -> list[str]:
    return [f"file {i}" for i in range(n)]


def rows(texts: list[str]) -> list[list[tuple[int, float]]]:
    found = features(pa.array(texts, pa.large_string()))
    ends = found.offsets.tolist()
    pairs = list(zip(found.buckets.tolist(), found.values.tolist(), strict=True))
    return [pairs[a:b] for a, b in pairwise(ends)]


@given(st.lists(st.text(max_size=40), max_size=8))
def test_features_of_a_text_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    texts = [t.encode("utf-8", "replace").decode() for t in texts]
    together = rows(texts)
    assert together == [rows([t])[0] for t in texts]
    for row in together:
        assert row == sorted(row) and len({b for b, _ in row}) == len(row)
        assert not row or sum(v * v for _, v in row) == pytest.approx(1, abs=1e-4)


def test_case_does_not_change_words_and_a_chinese_character_is_a_word() -> None:
    small, large = ({b for b, _ in r} for r in rows(["one two three four", "ONE TWO THREE FOUR"]))
    assert len(small & large) >= 7  # four words and three pairs; the shapes differ
    assert features(pa.array(["数学是美的", "x" * 3 * CAP_BYTES, None, ""], pa.large_string())).tokens == 5 + 1


def test_it_grades_texts_it_never_saw_as_the_judge_does() -> None:
    texts, labels = made(300)
    selector, (unseen, worth) = fit(texts, labels), made(200, seed=1)
    assert spearman(selector.score(unseen), worth) > 0.85
    assert fit(texts, labels).version == selector.version != fit(texts, labels[::-1]).version
    whole = pa.chunked_array([unseen[:70], unseen[70:]])
    assert selector.score(whole).tolist() == selector.score(unseen).tolist()
    dense = fit(texts, labels, HashingEncoder())
    assert spearman(dense.score(unseen), worth) > 0.8 and dense.version != selector.version
    assert selector.score(pa.array(["", None], pa.large_string())).tolist() == [selector.intercept] * 2


def test_agreement_is_gated_on_its_lower_end() -> None:
    texts, labels = made(300)
    good = agreement(texts, labels, names(300))
    assert good.accepted and good.n == 300 and good.low is not None and 0.8 < good.low < (good.spearman or 0)
    noise = agreement(texts, np.random.default_rng(0).random(300), names(300))
    assert not noise.accepted and noise.low is not None and noise.low < 0.1 and "refused" in noise.reason
    few = agreement(texts[:10], labels[:10], names(10))
    assert (few.accepted, few.spearman, few.n) == (False, None, 10)
    assert not agreement(texts, np.ones(300), names(300)).accepted
    with pytest.raises(InputError, match=f"wanted {LEAST_LABELS} labels"):
        fit(texts[:10], labels[:10])


def test_what_a_neighbour_of_the_same_file_taught_does_not_count() -> None:
    # forty files of six copies each, labelled by the file alone: nothing can be known about a file not seen
    rng = random.Random(0)
    files = [" ".join(rng.choice("abcdefghij") * rng.randint(1, 9) for _ in range(40)) for _ in range(40)]
    texts = pa.array([f for f in files for _ in range(6)], pa.large_string())
    labels = np.repeat(np.random.default_rng(1).random(40), 6)
    apart = agreement(texts, labels, [f"file {i // 6}" for i in range(240)])
    leaking = agreement(texts, labels, names(240))
    assert (leaking.spearman or 0) > 0.95 > 0.5 > (apart.spearman or 0)


def test_the_interval_holds_what_was_drawn() -> None:
    rng, hits = np.random.default_rng(0), 0
    for _ in range(200):
        x, e = rng.normal(size=100), rng.normal(size=100)
        low, high = interval(spearman(x, 0.6 * x + 0.8 * e), 100)
        hits += low <= 0.582 <= high  # Spearman of a normal pair with correlation 0.6
    assert 180 <= hits <= 198


@pytest.mark.parametrize(
    ("name", "label", "group", "least"),
    [("dclm_human_useful", "label", "id", 0.55), ("clear_readability", "easiness_bt", "title", 0.65)],
)
def test_it_ranks_as_people_do(name: str, label: str, group: str, least: float) -> None:
    path = SHARED / "quality" / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no human labels in {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        items = [json.loads(line) for line, _ in zip(lines, range(1000), strict=False)]
    texts = pa.array([i["text"] for i in items], pa.large_string())
    found = agreement(texts, np.array([float(i[label]) for i in items]), [str(i[group]) for i in items])
    assert found.accepted and (found.spearman or 0) > least, found.reason
