"""Planted worlds: scores whose true effects, clusters and seed noise are known."""

from collections.abc import Mapping

import numpy as np

from coevo.eval import Benchmark, Item, ItemScores, Scale, Suite

World = Mapping[str, ItemScores]
NAMES = ("bpb_code", "bpb_en", "bpb_math", "cloze_code", "cloze_en", "cloze_math", "arithmetic")


def planted_suite(files: int = 14, per_file: int = 5, names: tuple[str, ...] = NAMES) -> Suite:
    """Benchmarks of one domain are cut from the same files; arithmetic has its own clusters."""
    benchmarks = []
    for name in names:
        kind, _, domain = name.partition("_")
        items = tuple(
            Item(id=f"{name}-{f}-{i}", cluster=f"{domain or kind}/{f}", text="x")
            for f in range(files)
            for i in range(per_file)
        )
        benchmarks.append(
            Benchmark.model_validate(
                {
                    "name": name,
                    "kind": kind,
                    "domain": domain or "math",
                    "metric": "bits_per_byte" if kind == "bpb" else "margin",
                    "items": items,
                }
            )
        )
    return Suite(split="feedback", benchmarks=tuple(benchmarks), digest="planted")


def planted_scale(suite: Suite, sd: float = 0.5) -> Scale:
    names = [b.name for b in suite.benchmarks]
    return Scale(split="feedback", mean=dict.fromkeys(names, 2.0), sd=dict.fromkeys(names, sd))


def planted_run(
    suite: Suite,
    rng: np.random.Generator,
    *,
    gain: float = 0.0,
    item: float = 0.05,
    cluster: float = 0.03,
    seed: float = 0.0,
) -> World:
    """One run's scores: a true gain, and effects of items, of files (shared by their benchmarks) and of the seed."""
    files = {i.cluster: cluster * rng.standard_normal() for b in suite.benchmarks for i in b.items}
    found = {}
    for b in suite.benchmarks:
        clusters = tuple(i.cluster for i in b.items)
        noise = item * rng.standard_normal(len(clusters)) + np.array([files[c] for c in clusters])
        shift = gain + noise + seed * rng.standard_normal()
        values = 2.0 + (shift if b.higher_is_better else -shift)
        found[b.name] = ItemScores(tuple(i.id for i in b.items), clusters, values, None)
    return found
