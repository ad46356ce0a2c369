"""Does seed noise between two runs scale with the share of training slots in which they differ?

`NoiseFloor.between` scales the A/A variance by 2d / (1 + d), a first-order argument: near mixtures err alike where they
train on the same arm in the same place. Here tiny real models are trained: for each seed one run on the uniform mixture
and one on each of several mixtures at total-variation distance d from it, with common random numbers as in a round.
Over seeds the variance of (score on the mixture - score on uniform) is the seed noise between the two, since the items
never change; it is divided by the sum of the two runs' own variances, which is what it would be without common numbers.
The claim holds where the measured ratio is near 2d / (1 + d), and is safe where it is below.
"""

import argparse
import contextlib
import io
import json
import os
import pydoc_data.topics as topics
import tempfile
from itertools import chain
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from coevo.eval import (
    EvalConfig,
    HeldOut,
    Scale,
    Suite,
    build_suite,
    deltas,
    measure,
    noise_floor,
    read_scores,
    scale_of,
)
from coevo.training.base import build_base
from coevo.training.order import plan_order, slots_apart
from coevo.training.packing import load_index, pack_arms
from coevo.training.spec import ModelConfig, RunSpec, TrainConfig
from coevo.training.trainer import run

MODEL = ModelConfig(
    vocab=512, hidden=32, layers=2, heads=1, intermediate=64, block=64, steps=60, batch=8, dtype="float32"
)
DISTANCES = (0.05, 0.1, 0.2, 0.3)


def texts() -> dict[str, list[tuple[str, str]]]:
    """(file, text) by arm: the standard library's code, Python's help topics, and generated sums."""
    rng = np.random.default_rng(0)
    code = [(f.name, f.read_text("utf-8", "replace")[:6000]) for f in sorted(Path(os.__file__).parent.glob("*.py"))]
    prose = sorted((name, text[:6000]) for name, text in topics.topics.items() if len(text) > 800)
    sums = []
    for n in range(60):
        pairs = rng.integers(10, 500, (60, 2))
        sums.append((f"sums-{n}", "\n".join(f"{a} plus {b} equals {a + b}" for a, b in pairs)))
    return {"code/L1": code[:90], "en/L1": prose, "math/L1": sums}


def scores(folder: Path, seeds: int, steps: int) -> tuple[list[dict[str, float]], np.ndarray, list[float]]:
    """The mixtures, uniform first, bits per byte [mixtures, seeds, benchmarks], and the slots with another block."""
    found = texts()
    held = [HeldOut(text, arm.split("/")[0], name) for arm, rows in found.items() for name, text in rows[-16:]]
    suite = build_suite("hidden", held, EvalConfig(cloze_items=0, arithmetic_items=0, bpb_bytes=160, bpb_items=48), 0)
    train = {arm: [text for _, text in rows[:-16]] for arm, rows in found.items()}
    base = build_base(MODEL, list(chain.from_iterable(train.values())), folder / "cache")
    pack_arms(train, Path(base.path), MODEL.block, folder / "blocks")
    arms, third = sorted(train), 1 / 3
    mixtures = [dict.fromkeys(arms, third)]
    mixtures += [{arms[0]: third + d, arms[1]: third - d, arms[2]: third} for d in DISTANCES]
    config = TrainConfig(steps=steps, batch=8, min_blocks=1, max_epochs=50.0, dtype="float32", device="cpu")
    made = np.zeros((len(mixtures), seeds, len(suite.benchmarks)))
    for seed in range(seeds):
        for n, mixture in enumerate(mixtures):
            name = f"{n}-{seed}"
            spec = RunSpec(
                name=name, group="full", base=base.path, blocks=str(folder / "blocks"), mixture=mixture, steps=steps,
                seed=seed, order=seed, out=str(folder / name), config=config,
            )  # fmt: skip
            with contextlib.redirect_stderr(io.StringIO()):
                model = Path(run(spec).path)
                path = measure(model, suite, folder / f"{name}.parquet", fingerprint=name)
            made[n, seed] = [s.values.mean() for s in read_scores(path, suite).values()]
    other = [moved(folder / "blocks", mixtures[0], mixture, seeds, steps * 8) for mixture in mixtures]
    scale = scale_of(measure(Path(base.path), suite, folder / "base.parquet"), suite)
    print(equal_runs(suite, scale, [folder / f"0-{seed}.parquet" for seed in range(seeds)]))
    return mixtures, made, other


def equal_runs(suite: Suite, scale: Scale, runs: list[Path], draws: int = 300) -> str:
    """How often two runs on one mixture are called unresolved, with a noise floor from three others of its runs."""
    rng, single, whole = np.random.default_rng(0), [], []
    for _ in range(draws if len(runs) >= 5 else 0):
        one, other, *three = (runs[i] for i in rng.permutation(len(runs))[:5])
        found = deltas(one, other, suite, noise_floor(three, suite, scale), scale)
        single.append(np.mean([d.verdict == "unresolved" for d in found[:-1]]))
        whole.append(found[-1].verdict == "unresolved")
    if not single:
        return "too few seeds to compare equal runs"
    told = f"{np.mean(single):.3f} of benchmarks and {np.mean(whole):.3f} of composites are unresolved"
    return f"two runs on one mixture, floor from three others ({draws} draws of {len(runs)} runs): {told}"


def moved(blocks: Path, one: dict[str, float], other: dict[str, float], seeds: int, slots: int) -> float:
    """Share of the slots in which two mixtures' runs train on different blocks, over seeds."""
    sizes = {arm: packed.blocks for arm, packed in load_index(blocks).arms.items()}
    found = []
    for seed in range(seeds):
        a, b = (plan_order(m, sizes, slots, order=seed, seed=seed, max_epochs=50.0) for m in (one, other))
        found.append(float(((a.arm != b.arm) | (a.block != b.block)).mean()))
    return float(np.mean(found))


def ratio(one: np.ndarray, other: np.ndarray) -> float:
    """Variance over seeds [seeds, benchmarks] of the difference, in units of the two runs' own variances."""
    own = one.var(axis=0, ddof=1) + other.var(axis=0, ddof=1)
    return float(((other - one).var(axis=0, ddof=1) / own).mean())


def interval(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the ratio over resampled seeds."""
    rng, seeds = np.random.default_rng(0), len(one)
    drawn = [ratio(one[i], other[i]) for i in rng.integers(seeds, size=(2000, seeds)) if len(set(i)) > 2]
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def main() -> None:
    """Train, print a table, and one JSON line last."""
    parser = argparse.ArgumentParser(description="Seed noise between near mixtures, measured on tiny real runs")
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: 4 seeds, 10 steps")
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--steps", type=int, default=30)
    options = parser.parse_args()
    seeds, steps = (4, 10) if options.quick else (options.seeds, options.steps)
    with tempfile.TemporaryDirectory() as folder:
        mixtures, found, blocks = scores(Path(folder), seeds, steps)
    print(f"{seeds} seeds x {len(mixtures)} mixtures, {steps} steps of 8 x {MODEL.block} tokens, {found.shape[2]} sets")
    print(f"{'distance':>8} {'2d/(1+d)':>9} {'measured':>9} {'other block':>12}  95 % interval over seeds")
    rows = []
    for n, d in enumerate(DISTANCES, start=1):
        claim, got = slots_apart(mixtures[0], mixtures[n]), ratio(found[0], found[n])
        low, high = interval(found[0], found[n])
        rows.append({"distance": d, "claim": round(claim, 3), "measured": round(got, 3), "interval": [low, high]})
        print(f"{d:8.2f} {claim:9.3f} {got:9.3f} {blocks[n]:12.3f}  {low:.3f} to {high:.3f}")
    mean = float(np.mean([r["measured"] / r["claim"] for r in rows]))
    report = {"name": "apart", "ours": round(mean, 3), "peer": 1.0, "ratio": round(mean, 3), "n": seeds, "rows": rows}
    report |= {"unit": "measured over claimed variance (1: as claimed, below: safe)", "peer_name": "2d / (1 + d)"}
    ratios = [round(r["measured"] / r["claim"], 2) for r in rows]
    print(json.dumps(report | {"spread": [min(ratios), max(ratios)]}))


if __name__ == "__main__":
    main()
