"""Nearest neighbours among n vectors of real text: inverted lists with measured recall beside exact search.

Texts are pieces of the installed packages' files, vectors those of the hashing encoder (512 dimensions). Each vector
looks for its nearest among all others; of the approximate search the recall that it reports (measured on a sample as it
is built) stands beside the recall that it has.
"""

import argparse
import json
import statistics
import time
from typing import Any

import numpy as np
import pyarrow as pa
from decontaminate import texts

from coevo.tiers.encoder import HashingEncoder
from coevo.tiers.vectors import VectorIndex


def timed(
    x: "np.ndarray[tuple[int, int], np.dtype[np.float32]]", queries: int, exact: int
) -> tuple[float, VectorIndex, Any]:
    """Seconds to build the index and search it, the index, and the second-best products."""
    began = time.perf_counter()
    index = VectorIndex(x, len(x), exact=exact)
    index.add(x)
    found = index.search(x[:: max(1, len(x) // queries)], 2)[0][:, 1]
    return time.perf_counter() - began, index, found


def main() -> None:
    """Run, print a table, and one JSON line last."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: 20,000 texts")
    quick = parser.parse_args().quick
    n, queries, repeats = (20_000, 4_000, 2) if quick else (100_000, 20_000, 3)
    found = [t for t, _ in zip(dict.fromkeys(texts()), range(n), strict=False)]
    x = HashingEncoder().encode(pa.array(found, pa.large_string()))
    rows = []
    for _ in range(repeats):
        exact, _, best = timed(x, queries, len(x))
        ours, index, near = timed(x, queries, 0)
        rows.append((exact / ours, ours, exact, index.recall, float(np.mean(near >= best - 1e-6)), index.probes))
    ratios = [r[0] for r in rows]
    _, ours, exact, told, had, probes = rows[ratios.index(statistics.median_low(ratios))]
    print(f"{len(x):,} vectors of {x.shape[1]}, {queries:,} queries, {probes} probes")
    print(f"inverted lists {ours:7.1f} s   recall told {told:.3f}, had {had:.3f}\nexact          {exact:7.1f} s")
    said = {"name": "semantic", "ours": ours, "peer": exact, "ratio": statistics.median(ratios), "unit": "s"}
    said |= {"peer_name": "faiss exact", "n": len(x), "spread": [min(ratios), max(ratios)]}
    print(json.dumps(said | {"recall": had, "recall_told": told}))


if __name__ == "__main__":
    main()
