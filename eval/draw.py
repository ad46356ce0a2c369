"""Seeded draws that depend on what is drawn, never on the order in which it came."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable


def rank(seed: int, *parts: object) -> int:
    """A uniform 64-bit number for a thing under a seed; sorting by it shuffles reproducibly."""
    key = "\0".join([str(seed), *map(str, parts)]).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")


def spread(candidates: Iterable[tuple[str, str]], count: int, seed: int) -> list[tuple[str, str]]:
    """Draw `count` of the (cluster, text) pairs over as many clusters as possible.

    One text of every cluster is taken before a second of any, since what narrows a clustered error is clusters.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for cluster, text in candidates:
        groups[cluster].append(text)
    drawn = []
    for cluster, texts in groups.items():
        texts.sort(key=lambda text: (rank(seed, cluster, text), text))
        drawn += [(turn, rank(seed, cluster), cluster, text) for turn, text in enumerate(texts)]
    return [(cluster, text) for _, _, cluster, text in sorted(drawn)[:count]]
