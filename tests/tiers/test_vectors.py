"""Vector search: exact below a size; above it a share of queries is answered right that is what was measured."""

import numpy as np
import pytest

from coevo.tiers import vectors as module
from coevo.tiers.encoder import unit
from coevo.tiers.semantic import nearest, nearest_before
from coevo.tiers.vectors import RECALL, VectorIndex

pytest.importorskip("faiss")


def clustered(n: int, seed: int = 0) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """Texts have subjects: points around two hundred centres, every fifth a near copy of the one before it."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(200, 32))[rng.integers(200, size=n)] + 0.7 * rng.normal(size=(n, 32))
    found[1::5] = found[0::5][: len(found[1::5])] + 0.02 * rng.normal(size=found[1::5].shape)
    return unit(found)


def test_below_its_size_search_is_exact() -> None:
    x = clustered(500)
    index = VectorIndex(x, len(x))
    index.add(x)
    assert (index.recall, index.probes, len(index)) == (1.0, 0, 500)
    scores, places = index.search(x[:5], 3)
    assert np.array_equal(places, np.argsort(-(x[:5] @ x.T), axis=1, kind="stable")[:, :3])
    assert scores[:, 0] == pytest.approx(1, abs=1e-5)
    assert index.search(x[:1], 600)[1][0][-1] == -1


def test_above_it_the_recall_that_is_told_is_the_recall_that_is_had() -> None:
    x = clustered(12_000)
    index = VectorIndex(x, len(x), exact=1_000)
    index.add(x)
    assert index.recall >= RECALL and 1 <= index.probes < module.lists_of(len(x))
    queries = x[7::31]
    exact = np.sort(queries @ x.T, axis=1)[:, -2]
    assert np.mean(index.search(queries, 2)[0][:, 1] >= exact - 1e-5) >= RECALL - 0.03


def test_near_copies_are_found_in_a_large_set(monkeypatch: pytest.MonkeyPatch) -> None:
    x = clustered(6_000)
    exact = nearest_before(x)
    monkeypatch.setattr(module, "EXACT", 1_000)
    found = nearest_before(x)
    copies = exact.similarity > 0.98
    assert copies.sum() >= 1_000 and np.mean(found.place[copies] == exact.place[copies]) > 0.99
    best = (x[:200] @ x[200:].T).max(axis=1)
    assert np.mean(nearest(x[:200], x[200:]).similarity >= best - 1e-5) >= RECALL - 0.03
