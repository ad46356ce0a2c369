"""Seconds of statistics for 10^5 items and 20 runs, from score files: deltas, bootstrap, tests and their corrections.

The peer does the part that a library has, the paired bootstrap of the composite's mean, by scipy.stats.bootstrap (BCa
off, vectorised, items as independent: it knows no clusters), one run against the reference at a time.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from coevo.eval import Benchmark, Item, Scale, Suite, compare, holm, mcnemar, noise_floor, paired_bootstrap, read_scores
from coevo.eval.scores import Score, write_scores

BENCHMARKS = 10


def make_suite(items: int) -> Suite:
    """Ten benchmarks of margins, five items to a source file."""
    each = items // BENCHMARKS
    made = [
        Benchmark(
            name=f"cloze_{n}",
            kind="cloze",
            domain="en",
            metric="margin",
            items=tuple(
                Item(id=f"{n}-{i}", cluster=f"file-{n}-{i // 5}", text="", choices=("a", "b")) for i in range(each)
            ),
        )
        for n in range(BENCHMARKS)
    ]
    return Suite(split="feedback", benchmarks=tuple(made), digest="made")


def write_runs(suite: Suite, runs: int, folder: Path) -> list[Path]:
    """Score files of models that differ by noise, with right and wrong answers."""
    rng, ids = np.random.default_rng(0), [i.id for b in suite.benchmarks for i in b.items]
    base, found = rng.standard_normal(len(ids)), []
    for run in range(runs):
        values = base + 0.3 * rng.standard_normal(len(ids)) + 0.01 * rng.standard_normal()
        rows = {i: Score(float(v), float(v > 0)) for i, v in zip(ids, values, strict=True)}
        found.append(write_scores(folder / f"{run}.parquet", suite, rows, f"run {run}"))
    return found


def ours(paths: list[Path], suite: Suite, draws: int) -> dict[str, float]:
    """Everything that a report of `paths` says against the first of them; seconds by part."""
    took, started = {}, time.perf_counter()

    def lap(name: str) -> None:
        nonlocal started
        took[name], started = time.perf_counter() - started, time.perf_counter()

    scale = Scale(
        split="feedback",
        mean=dict.fromkeys([b.name for b in suite.benchmarks], 0.0),
        sd=dict.fromkeys([b.name for b in suite.benchmarks], 1.0),
    )
    floor = noise_floor(paths[:6], suite, scale)
    lap("noise floor of 6 A/A runs")
    scores = [read_scores(path, suite) for path in paths]
    lap("reading")
    made = [compare(scores[0], one, suite, floor, scale) for one in scores[1:]]
    lap("deltas, composite, clustered errors")
    for b in suite.benchmarks:
        rows = np.stack([s[b.name].values - scores[0][b.name].values for s in scores[1:]], axis=1)
        paired_bootstrap(rows, scores[0][b.name].clusters, draws=draws)
    lap(f"clustered bootstrap, {draws} draws")
    p = [mcnemar(_accuracy(scores[0], b.name), _accuracy(s, b.name)).p for s in scores[1:] for b in suite.benchmarks]
    holm(p)
    lap("McNemar and Holm")
    assert len(made) == len(paths) - 1
    return took


def _accuracy(scores: dict, name: str) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(scores[name].accuracy)


def peer(paths: list[Path], suite: Suite, draws: int) -> float:
    """Seconds of scipy's bootstrap for the same pairs."""
    from scipy.stats import bootstrap

    scores = [read_scores(path, suite) for path in paths]
    started = time.perf_counter()
    for b in suite.benchmarks:
        for s in scores[1:]:
            d = s[b.name].values - scores[0][b.name].values
            bootstrap((d,), np.mean, n_resamples=draws, method="percentile", batch=50, rng=0)
    return time.perf_counter() - started


def main() -> None:
    """Run, print a table, and one JSON line last."""
    parser = argparse.ArgumentParser(description="Seconds of statistics for many items and runs")
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: the peer with a fortieth of the draws")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    part = 40 if options.quick else 10
    with tempfile.TemporaryDirectory() as folder:
        suite = make_suite(options.items)
        paths = write_runs(suite, options.runs, Path(folder))
        found, theirs, busy = [], [], []
        for _ in range(1 if options.quick else options.repeats):
            began = time.process_time()
            found.append(ours(paths, suite, options.draws))
            busy.append(time.process_time() - began)
            theirs.append(peer(paths, suite, options.draws // part) * part)
    totals = [sum(f.values()) for f in found]
    print(f"{options.items} items, {BENCHMARKS} benchmarks, {options.runs} runs; medians of {len(found)}")
    for name in found[0]:
        print(f"{name:40} {statistics.median(f[name] for f in found):6.2f} s")
    print(f"{'in all':40} {statistics.median(totals):6.2f} s  ({min(totals):.2f} to {max(totals):.2f})")
    print(f"{'in all, processor time':40} {statistics.median(busy):6.2f} s")
    name = f"clustered bootstrap, {options.draws} draws"
    mine, other = statistics.median(f[name] for f in found), statistics.median(theirs)
    print(f"{'scipy.stats.bootstrap, no clusters':40} {other:6.2f} s  (one draw in {part} run, scaled)")
    report = {"name": "stats", "ours": round(statistics.median(totals), 2), "peer": 5.0}
    report |= {"ratio": round(5.0 / statistics.median(totals), 2), "unit": "s (lower is better; ratio = peer / ours)"}
    report |= {"peer_name": "the limit that was set", "n": len(found), "spread": [min(totals), max(totals)]}
    print(json.dumps(report))
    ratios = sorted(t / f[name] for t, f in zip(theirs, found, strict=True))
    report = {"name": "stats", "ours": round(mine, 3), "peer": round(other, 2), "ratio": round(other / mine, 1)}
    report |= {"unit": "s of bootstrap", "peer_name": "scipy.stats.bootstrap (percentile)", "n": len(found)}
    print(json.dumps(report | {"spread": [round(ratios[0], 1), round(ratios[-1], 1)]}))


if __name__ == "__main__":
    main()
