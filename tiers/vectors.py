"""Vectors: a faiss index of inner products, exact up to a size, above it inverted lists whose recall is measured.

Inverted lists (Jegou, Douze and Schmid 2011, doi 10.1109/TPAMI.2010.57) look only at the lists whose centres are
nearest to a query. How many that has to be is measured, not guessed: the probes are doubled until a sample of queries
finds as good as all that exact search finds. faiss runs on the GPU where it finds one and was installed for it.
"""

from typing import Any

import numpy as np

from .encoder import Floats
from .errors import InputError

EXACT = 500_000
"""Vectors up to which search is exact: many queries at once are a product of matrices, and lists want training."""
RECALL = 0.95
"""Least share of sampled queries whose nearest vector is found."""
QUERIES = 256
LIST_TRAINING = 39
"""Vectors that a list's centre is learned from, as many as faiss asks for."""


def lists_of(expected: int) -> int:
    """Number of lists for so many vectors: looking for the nearest centre and through its list cost about the same."""
    return max(1, int(2 * np.sqrt(expected)))


class VectorIndex:
    """Unit vectors by number, in the order in which they were added.

    Attributes:
        recall: share of sampled queries whose nearest vector is found; 1 where search is exact.
        probes: lists looked at for each query; 0 where search is exact.
    """

    def __init__(self, sample: Floats, expected: int, exact: int | None = None) -> None:
        """An empty index.

        Args:
            sample: [s, d] some of the vectors to come, in no order that matters: lists are learned from them.
            expected: about how many are going to be added.
            exact: up to how many search is exact; EXACT unless told otherwise.

        Raises:
            InputError: faiss is not installed.
        """
        self.recall, self.probes = 1.0, 0
        index = _flat(sample.shape[1])
        if expected > (EXACT if exact is None else exact) and len(sample) > QUERIES:
            index, self.recall, self.probes = _lists(_spread(sample, LIST_TRAINING * lists_of(expected)), expected)
        self._index, self._count = _on_gpu(index), 0

    def __len__(self) -> int:
        return self._count

    def add(self, vectors: Floats) -> None:
        """Take in [n, d] vectors."""
        self._index.add(np.ascontiguousarray(vectors, np.float32))
        self._count += len(vectors)

    def search(self, queries: Floats, k: int = 1) -> tuple[Any, Any]:
        """[n, k] inner products and numbers of the nearest vectors, best first; -1 where fewer were found."""
        scores, places = self._index.search(np.ascontiguousarray(queries, np.float32), k)
        return np.where(places < 0, np.float32(-1), scores), places.astype(np.int64)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as e:
        raise InputError("semantic search wants faiss, which is missing: pip install 'coevo[cpu]' or [gpu]") from e
    return faiss


def _flat(dimension: int) -> Any:
    return _faiss().IndexFlatIP(dimension)


def _on_gpu(index: Any) -> Any:
    """The index on the GPU, if faiss has one."""
    faiss = _faiss()
    if hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0:
        return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
    return index


def _lists(sample: Floats, expected: int) -> tuple[Any, float, int]:
    """An empty index of inverted lists, the recall that it reaches on the sample, and with how many probes."""
    faiss, d = _faiss(), sample.shape[1]
    lists = min(lists_of(expected), max(1, len(sample) // LIST_TRAINING))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(d), d, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(sample)
    index.add(sample)
    exact, queries = _flat(d), _spread(sample, QUERIES)
    exact.add(sample)
    wanted = exact.search(queries, 2)[0][:, 1]  # the first is the query itself
    probes, recall = 1, 0.0
    while True:
        index.nprobe = probes
        recall = float(np.mean(index.search(queries, 2)[0][:, 1] >= wanted - 1e-6))
        if recall >= RECALL or probes >= lists:
            break
        probes = min(2 * probes, lists)
    index.reset()
    return index, recall, probes


def _spread(vectors: Floats, most: int) -> Floats:
    """At most so many of the vectors, evenly spaced."""
    step = max(1, -(-len(vectors) // most))
    return np.ascontiguousarray(vectors[::step], np.float32)
