"""Splits share no question and no passage; folds share no cluster, and all come round."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.eval import Benchmark, Item, Split, Suite, build_suite, measure, read_scores
from coevo.eval.dividing import divided, fold, too_long
from coevo.eval.packs import Pool
from coevo.tiers.errors import EvalError

from .worlds import planted_suite

SPLITS: tuple[Split, ...] = ("feedback", "hidden", "sealed")


def pool(items: Sequence[Item]) -> Pool:
    return Pool(benchmarks=(Benchmark(name="b", kind="choice", domain="en", metric="margin", items=tuple(items)),))


def question(number: int, cluster: str = "", text: str = "") -> Item:
    return Item(id=f"{number}", cluster=cluster or f"{number}", text=text or f"q {number}", choices=(" a", " b"))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 80))
def test_every_question_falls_to_one_split_and_passages_stay_together(seed: int, count: int) -> None:
    items = [question(n, f"passage {n // 3}" if n % 2 else "") for n in range(count)]
    parts = {s: divided(pool(items), s, SPLITS, 1000, 0, seed)[0].items for s in SPLITS}
    assert sorted(i.id for part in parts.values() for i in part) == sorted(i.id for i in items)
    for passage in {i.cluster for i in items if i.cluster.startswith("passage")}:
        assert sum(any(i.cluster == passage for i in part) for part in parts.values()) == 1


def test_a_question_that_recurs_is_asked_once_and_in_one_split() -> None:
    items = [question(n, text="Who?" if n < 20 else "") for n in range(200)]
    parts = [divided(pool(items), s, SPLITS[:2], 1000, 0, 3)[0].items for s in SPLITS[:2]]
    assert sum(i.text == "Who?" for part in parts for i in part) == 1


def test_items_are_taken_over_all_clusters_and_long_ones_are_counted() -> None:
    items = [question(n, f"subject {n % 10}") for n in range(300)]
    drawn = divided(pool(items), "hidden", SPLITS[:2], 20, 0, 0)[0].items
    clusters = [i.cluster for i in drawn]
    assert len(drawn) == 20 and {clusters.count(c) for c in clusters} == {2}
    long = [*items, question(999, text="x" * 100)]
    assert too_long(pool(long), 50) == ["b: 1 of 301 questions longer than 50 bytes left out"]
    assert all(len(i.text) < 50 for s in SPLITS for i in divided(pool(long), s, SPLITS, 1000, 50, 0)[0].items)


def test_folds_take_turns_and_share_no_file() -> None:
    suite = planted_suite()
    whole = {i.id for b in suite.benchmarks for i in b.items}
    rounds = [fold(suite, n, 3, seed=1) for n in (1, 2, 3)]
    assert sorted(i.id for part in rounds for b in part.benchmarks for i in b.items) == sorted(whole)
    clusters = [{i.cluster for i in part.benchmarks[0].items} for part in rounds]
    assert not clusters[0] & clusters[1] and not clusters[1] & clusters[2]
    assert fold(suite, 4, 3, seed=1) != rounds[0], "the next cycle is cut anew"
    assert fold(suite, 1, 3, seed=1) == rounds[0]
    assert fold(suite, 5, 1, seed=1) is suite
    with pytest.raises(EvalError, match=r"has 14 clusters, too few for 8 folds of two: lower evaluation\.folds"):
        fold(suite, 1, 8, seed=1)


def test_a_fold_reads_the_scores_of_the_whole(model: Path, suite: Suite, tmp_path: Path) -> None:
    path = measure(model, suite, tmp_path / "scores.parquet")
    whole, part = read_scores(path, suite), fold(suite, 2, 2, seed=0)
    some = read_scores(path, part)
    for b in part.benchmarks:
        assert some[b.name].items == tuple(i.id for i in b.items)
        by_id = dict(zip(whole[b.name].items, whole[b.name].values, strict=True))
        assert [by_id[i] for i in some[b.name].items] == some[b.name].values.tolist()
        assert len(some[b.name].items) < len(whole[b.name].items)


def test_benchmarks_from_elsewhere_stand_beside_those_cut_here() -> None:
    from .conftest import CONFIG, texts

    more = divided(pool([question(n) for n in range(100)]), "feedback", SPLITS, 30, 0, 0)
    few = Benchmark(name="few", kind="choice", domain="en", metric="margin", items=(question(0),))
    suite = build_suite("feedback", texts(1), CONFIG, 0, more=[*more, few])
    assert suite.benchmarks[-1].name == "b" and len(suite.benchmarks[-1].items) == 30
    assert suite.omitted[-1].reason == "1 clusters of questions, 6 wanted"
    sealed = build_suite("sealed", texts(2), CONFIG, 0)
    assert "arithmetic" not in {b.name for b in sealed.benchmarks}
