"""Passages that rephrase a benchmark text: found by rare words in common, and by an encoder of meaning."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from .config import DecontaminateConfig
from .encoder import Encoder, encoder_of
from .paraphrase import Paraphrases
from .semantic import nearest

QUOTED = 120
PASSAGE = 600
"""Characters of a passage that is compared by its meaning; passages overlap by half."""
DOCUMENTS = 2_000


def rephrased(
    texts: pa.ChunkedArray, items: Sequence[str], config: DecontaminateConfig, background: pa.ChunkedArray
) -> Iterator[tuple[int, str]]:
    """Row and reason of each text that rephrases a benchmark text, as far as the config has it looked for.

    Raises:
        InputError: faiss or the encoder is missing.
    """
    if config.paraphrase and items:
        for match in Paraphrases(items, background).matches(texts, config.paraphrase):
            passage = texts[match.row].as_py().encode()[match.begin : match.end].decode("utf-8", "replace")
            how = f"similarity {match.similarity:.3f} >= {config.paraphrase:g}"
            yield match.row, _said("rephrases", match.item, how, passage, items[match.item])
    if config.meaning and items:
        yield from _alike(texts, items, config.meaning, encoder_of(config.encoder))


def _alike(texts: pa.ChunkedArray, items: Sequence[str], least: float, encoder: Encoder) -> Iterator[tuple[int, str]]:
    """The same by the cosine of passages and items."""
    known = encoder.encode(pa.array(items, pa.large_string()))
    for base in range(0, len(texts), DOCUMENTS):
        parts = [(base + n, p) for n, t in enumerate(texts.slice(base, DOCUMENTS).to_pylist()) for p in _passages(t)]
        found = nearest(encoder.encode(pa.array([p for _, p in parts], pa.large_string())), known)
        seen: set[int] = set()
        for i in np.argsort(-found.similarity, kind="stable")[: int((found.similarity >= least).sum())].tolist():
            row, passage = parts[i]
            if row not in seen:
                seen.add(row)
                item, how = int(found.place[i]), f"cosine {found.similarity[i]:.3f} >= {least:g}, {encoder.name}"
                yield row, _said("means the same as", item, how, passage, items[item])


def _passages(text: str | None) -> list[str]:
    whole = text or ""
    return [whole[at : at + PASSAGE] for at in range(0, max(len(whole) - PASSAGE // 2, 1), PASSAGE // 2)]


def _said(verb: str, item: int, how: str, passage: str, original: str) -> str:
    quoted = " ".join(passage.split())[:QUOTED]
    return f"{verb} benchmark text {item} ({how}): {quoted!r} for {' '.join(original.split())[:QUOTED]!r}"
