"""Student selector: a linear model fitted to a judge's labels on a sample, cheap enough to score every row.

Ridge regression in its dual form, on the hashed features of `features` or on the vectors of an encoder; its penalty is
the one with the least leave-one-out error, which one eigendecomposition gives in closed form for all of them (Rifkin
and Lippert 2007, "Notes on regularized least squares"). How far it may be trusted is measured on labels held back,
whole source files at a time, so that no chunk of a file is judged by what its neighbour taught.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import xxhash

from .encoder import Encoder
from .errors import InputError
from .features import BUCKETS, Features, batches, features
from .features import VERSION as FEATURES
from .ranking import interval, spearman
from .record import Record

Kind = Literal["none", "hashed", "embedding"]
FOLDS = 5
LEAST_LABELS = 30
"""With fewer labels nothing can be said about agreement."""
MOST_LABELS = 3_000
"""Of more the last are used: the cost of a fit grows with the cube."""
PENALTIES = 10.0 ** np.arange(-4, 3.01, 0.5)

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


class Agreement(Record):
    """Rank correlation of a selector with its judge, on labels that it was not fitted to."""

    spearman: float | None
    """None where too few labels, or all alike, say nothing."""
    low: float | None
    """95 % interval (Bonett and Wright 2000)."""
    high: float | None
    n: int
    """Labels, each held back once."""
    accepted: bool
    reason: str


@dataclass(frozen=True)
class Selector:
    """Weights that grade a text; made by `fit`."""

    weights: np.ndarray[Any, np.dtype[np.float32]]
    """[BUCKETS], or [d] of an encoder of d dimensions."""
    intercept: float
    penalty: float
    encoder: Encoder | None = None
    """None: the hashed features."""
    version: str = field(default="")
    """Digest of all that its scores depend on."""

    def score(self, texts: pa.Array | pa.ChunkedArray) -> Floats:
        """[n] grades of n texts, on the scale of the labels."""
        if self.encoder is not None:
            return np.asarray(self.encoder.encode(texts) @ self.weights + self.intercept, np.float64)
        parts = [self._of(found) for found in batches(texts)]
        return np.concatenate([np.zeros(0), *parts]) + self.intercept

    def _of(self, found: Features) -> Floats:
        products = np.append(self.weights[found.buckets] * found.values, np.float32(0)).astype(np.float64)
        sums = np.add.reduceat(products, found.offsets[:-1])
        return np.where(np.diff(found.offsets) > 0, sums, 0.0)


def fit(texts: pa.Array | pa.ChunkedArray, labels: Floats, encoder: Encoder | None = None) -> Selector:
    """A selector that grades as the labels do.

    Args:
        texts: [n] labelled texts; of more than MOST_LABELS the last.
        labels: [n] what the judge said.
        encoder: whose vectors it is linear in; None for hashed n-grams.

    Raises:
        InputError: there are fewer than LEAST_LABELS labels.
    """
    if len(labels) < LEAST_LABELS:
        raise InputError(f"wanted {LEAST_LABELS} labels to fit a selector, got {len(labels)}: raise curation.score")
    texts, labels = texts[-MOST_LABELS:], np.asarray(labels, np.float64)[-MOST_LABELS:]
    design = _design(texts, encoder)
    dual, mean, penalty = _ridge(_kernel(design), labels)
    weights = np.asarray(design.T @ dual, np.float32).ravel()
    named = f"{encoder.name if encoder else FEATURES}\0{mean!r}".encode()
    version = f"ridge@{xxhash.xxh3_64_hexdigest(named + weights.tobytes())}"
    return Selector(weights, mean, penalty, encoder, version)


def _design(texts: pa.Array | pa.ChunkedArray, encoder: Encoder | None) -> Any:
    """[n, d] features of the texts, sparse where they are hashed."""
    if encoder is not None:
        return encoder.encode(texts).astype(np.float64)
    from scipy.sparse import csr_array

    found = features(texts)
    return csr_array((found.values.astype(np.float64), found.buckets, found.offsets), (len(texts), BUCKETS))


def _kernel(design: Any) -> Floats:
    product = design @ design.T
    return np.asarray(product if isinstance(product, np.ndarray) else product.toarray())


def _ridge(kernel: Floats, labels: Floats) -> tuple[Floats, float, float]:
    """Dual weights, intercept and penalty of the ridge with the least leave-one-out error."""
    mean = float(labels.mean())
    values, vectors = np.linalg.eigh(kernel)
    values, turned, squares = np.maximum(values, 0), vectors.T @ (labels - mean), np.square(vectors)
    errors = []
    for penalty in PENALTIES:
        kept = values / (values + penalty)
        left_out = (labels - mean - vectors @ (kept * turned)) / (1 - squares @ kept)
        errors.append(float(np.square(left_out).mean()))
    penalty = float(PENALTIES[int(np.argmin(errors))])
    return vectors @ (turned / (values + penalty)), mean, penalty


def agreement(
    texts: pa.Array | pa.ChunkedArray,
    labels: Floats,
    groups: Sequence[str],
    encoder: Encoder | None = None,
    least: float = 0.2,
) -> Agreement:
    """How well a selector ranks texts as the judge does, each label held back once.

    Args:
        texts: [n] labelled texts.
        labels: [n] what the judge said.
        groups: [n] names, such as source files; texts of one group are held back together.
        encoder: as for `fit`.
        least: the lower end of the interval from which the selector is accepted.
    """
    texts, groups = texts[-MOST_LABELS:], groups[-MOST_LABELS:]
    labels = np.asarray(labels, np.float64)[-MOST_LABELS:]
    n = len(labels)
    if n < LEAST_LABELS or np.ptp(labels) == 0:
        few = f"{n} labels, wanted {LEAST_LABELS}" if n < LEAST_LABELS else f"all {n} labels are {labels[0]:.3g}"
        return Agreement(spearman=None, low=None, high=None, n=n, accepted=False, reason=f"refused: {few}")
    guess, held = _held_back(_kernel(_design(texts, encoder)), labels, _folds(groups))
    found = spearman(guess[held], labels[held])
    low, high = interval(found, int(held.sum()))
    good = low >= least
    said = f"Spearman {found:+.3f} [{low:+.3f}, {high:+.3f}] with the judge on {held.sum()} held-back labels"
    word = "accepted" if good else "refused"
    reason = f"{word}: {said}, lower end {'>=' if good else '<'} {least:g}"
    return Agreement(spearman=found, low=low, high=high, n=int(held.sum()), accepted=good, reason=reason)


def _folds(groups: Sequence[str]) -> Ints:
    """[n] fold of each label: groups in the order of a hash, dealt out by their sizes so that no fold is empty."""
    names, which, sizes = np.unique(
        np.asarray(groups, dtype=object).astype(str), return_inverse=True, return_counts=True
    )
    order = np.argsort([xxhash.xxh3_64_intdigest(name.encode("utf-8", "replace")) for name in names], kind="stable")
    ends = np.cumsum(sizes[order])
    fold = np.empty(len(names), np.int64)
    fold[order] = np.minimum((ends - sizes[order] / 2) * FOLDS / ends[-1], FOLDS - 1).astype(np.int64)
    return np.asarray(fold[which])


def _held_back(kernel: Floats, labels: Floats, fold: Ints) -> tuple[Floats, np.ndarray[Any, np.dtype[np.bool_]]]:
    """[n] what each text is graded by the labels of the other folds, and where there was something to learn from."""
    guess, held = np.zeros(len(labels)), np.zeros(len(labels), bool)
    for k in range(FOLDS):
        mine = fold == k
        others = np.flatnonzero(~mine)
        if mine.any() and len(others) >= 2 and np.ptp(labels[others]) > 0:
            dual, mean, _ = _ridge(kernel[np.ix_(others, others)], labels[others])
            # centred on what was fitted: the folds' means must not rank texts of different folds
            guess[mine] = kernel[np.ix_(mine, others)] @ dual + mean
            held |= mine
    return guess, held
