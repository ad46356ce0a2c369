"""Are intervals of real runs right: equal runs unresolved at their rate, planted effects found at the stated power?

Tiny real models are trained, for each seed one on the uniform mixture, one on each of several mixtures at total
variation distance d from it and one with a planted harm (an arm of random letters), with common random numbers as in a
round. Then

- two runs on the uniform mixture are compared with a noise floor from six others, over groups of eight runs that share
  none: how often are they called unresolved?
- `NoiseFloor.between` takes 2d / (1 + d) of the A/A variance, a first-order argument: near mixtures err alike where
  they train on the same arm in the same place. Over seeds the variance of (score on the mixture - score on uniform) is
  the seed noise between the two, since the items never change; it is divided by the sum of the two runs' own variances.
- the mean difference over all seeds is near the true effect: does each seed's interval hold it, and is it resolved as
  often as the interval's width says?
"""

import argparse
import contextlib
import io
import json
import os
import pydoc_data.topics as topics
import shutil
import tempfile
from dataclasses import dataclass, field
from itertools import chain, combinations
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.special import nctdtr, stdtrit

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
from coevo.training.order import slots_apart
from coevo.training.packing import pack_arms
from coevo.training.spec import ModelConfig, RunSpec, TrainConfig
from coevo.training.trainer import run

MODEL = ModelConfig(
    vocab=512, hidden=32, layers=2, heads=1, intermediate=64, block=64, steps=60, batch=8, dtype="float32"
)
ASKED = EvalConfig(
    bpb_bytes=160, bpb_items=48, cloze_items=40, cloze_context_bytes=48, cloze_choice_bytes=12, arithmetic_items=40
)
DISTANCES = (0.05, 0.1, 0.2, 0.3)
NOISE = "noise/L1"
FLOOR, GROUP = 6, 8
"""Runs behind a floor, and runs of a group: those and the two that are compared."""


@dataclass
class Bench:
    """Trained and measured runs in a folder, by mixture and seed; what is there already is not made again."""

    folder: Path
    steps: int
    train: dict[str, list[str]] = field(init=False)
    suite: Suite = field(init=False)

    def __post_init__(self) -> None:
        found = texts()
        held = [HeldOut(text, arm.split("/")[0], name) for arm, rows in found.items() for name, text in rows[-16:]]
        self.suite = build_suite("hidden", held, ASKED, 0)
        self.train = {arm: [text for _, text in rows[:-16]] for arm, rows in found.items()}
        base = build_base(MODEL, list(chain.from_iterable(self.train.values())), self.folder / "cache")
        self.base = Path(base.path)
        pack_arms(self.train | {NOISE: letters()}, self.base, MODEL.block, self.folder / "packed")
        measure(self.base, self.suite, self.folder / "base.parquet")
        arms, third = sorted(self.train), 1 / 3
        self.mixtures = [dict.fromkeys(arms, third)]
        self.mixtures += [{arms[0]: third + d, arms[1]: third - d, arms[2]: third} for d in DISTANCES]
        self.mixtures += [dict.fromkeys(arms, 0.7 * third) | {NOISE: 0.3}]

    @property
    def scale(self) -> Scale:
        """The composite's units."""
        return scale_of(self.folder / "base.parquet", self.suite)

    def scores(self, number: int, seed: int) -> Path:
        """Scores of the run on mixture `number` with this seed."""
        name = f"{number}-{seed}"
        path = self.folder / f"{name}.parquet"
        if path.exists():
            return path
        config = TrainConfig(steps=self.steps, batch=8, min_blocks=1, max_epochs=50.0, dtype="float32", device="cpu")
        spec = RunSpec(
            name=name, group="full", base=str(self.base), blocks=str(self.folder / "packed"),
            mixture=self.mixtures[number], steps=self.steps, seed=seed, order=seed, out=str(self.folder / name),
            config=config,
        )  # fmt: skip
        with contextlib.redirect_stderr(io.StringIO()):
            made = measure(Path(run(spec).path), self.suite, path, fingerprint=name)
        shutil.rmtree(self.folder / name)
        return made

    def means(self, number: int, seeds: range) -> np.ndarray:
        """Benchmarks' means [seeds, B] in sds of the base's items."""
        units = np.array(list(self.scale.sd.values()))
        rows = [[s.values.mean() for s in read_scores(self.scores(number, n), self.suite).values()] for n in seeds]
        return np.array(rows) / units


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


def letters() -> list[str]:
    """Random letters: the planted harm."""
    rng = np.random.default_rng(1)
    return ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz \n"), 6000)) for _ in range(60)]


def equal_runs(bench: Bench, seeds: int) -> tuple[list[str], np.ndarray]:
    """Names, and by group of eight runs on one mixture [groups, B + 1] the share of its pairs that is unresolved."""
    scale, found, names = bench.scale, [], []
    for start in range(0, seeds - GROUP + 1, GROUP):
        group = [bench.scores(0, seed) for seed in range(start, start + GROUP)]
        rows = []
        for pair in combinations(group, 2):
            floor = noise_floor([p for p in group if p not in pair], bench.suite, scale)
            made = deltas(*pair, bench.suite, floor, scale)
            rows.append([d.verdict == "unresolved" for d in made])
            names = [d.benchmark for d in made]
        found.append(np.mean(rows, axis=0))
    return names, np.array(found)


def planted(bench: Bench, number: int, seeds: int, floors: int = 12) -> dict[str, np.ndarray]:
    """Of pairs (mixture, uniform) of one seed by benchmark, the composite last: effect, coverage, power stated and met.

    Floors are made of uniform runs of other seeds. The effect is the mean over the seeds.
    """
    apart, scale, rng = slots_apart(bench.mixtures[0], bench.mixtures[number]), bench.scale, np.random.default_rng(0)
    other = [[int(s) for s in rng.permutation(np.arange(seeds, 2 * seeds))[:FLOOR]] for _ in range(floors)]
    made = [noise_floor([bench.scores(0, s) for s in drawn], bench.suite, scale).between(apart) for drawn in other]
    rows = []
    for seed in range(seeds):
        pair = bench.scores(0, seed), bench.scores(number, seed)
        found = [deltas(*pair, bench.suite, floor, scale) for floor in made]
        rows.append([[(d.gain, d.se, (d.high - d.low) / 2, d.p) for d in row] for row in found])
    gain, se, half, p = np.moveaxis(np.array(rows), -1, 0)
    effect = gain[:, 0].mean(axis=0)
    dof = student_dof(half / se)
    t = stdtrit(dof, 0.975)
    size = np.abs(effect) / se
    wrong = np.nan_to_num(nctdtr(dof, size, -t))  # far from zero the chance of the wrong sign is too small to be had
    power = 1 - nctdtr(dof, size, t) + wrong
    covered = (np.abs(gain - effect) <= half).mean(axis=1)
    met = (p < 0.05).mean(axis=1)
    return {"effect": effect, "covered": covered, "power": power.mean(axis=(0, 1)), "met": met}


def student_dof(quantile: np.ndarray) -> np.ndarray:
    """Degrees of freedom whose 97.5 % point this is."""
    grid = np.geomspace(1, 1000, 4000)
    return np.interp(-quantile, -stdtrit(grid, 0.975), grid)


def ratio(one: np.ndarray, other: np.ndarray) -> float:
    """Variance over seeds [seeds, benchmarks] of the difference, in units of the two runs' own variances."""
    own = one.var(axis=0, ddof=1) + other.var(axis=0, ddof=1)
    return float(((other - one).var(axis=0, ddof=1) / own).mean())


def drawn_interval(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the ratio over resampled seeds."""
    rng, seeds = np.random.default_rng(0), len(one)
    drawn = [ratio(one[i], other[i]) for i in rng.integers(seeds, size=(2000, seeds)) if len(set(i)) > 2]
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def over(groups: np.ndarray) -> tuple[float, float]:
    """Mean of independent shares, and half of its 95 % interval (Student's t)."""
    n = len(groups)
    return float(groups.mean()), float(stdtrit(n - 1, 0.975) * groups.std(ddof=1) / np.sqrt(n)) if n > 1 else 1.0


def main() -> None:
    """Train, print tables, and one JSON line last."""
    parser = argparse.ArgumentParser(description="Intervals of real runs: coverage of equal ones, power, near mixtures")
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: 8 equal runs, 4 seeds, 10 steps")
    parser.add_argument(
        "--seeds", type=int, default=24, help="of each mixture; of the uniform one at least twice as many"
    )
    parser.add_argument("--equal", type=int, default=120, help="runs on the uniform mixture")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--folder", type=Path, help="keep runs here, and use those that are here already")
    options = parser.parse_args()
    seeds, equal, steps = (4, 8, 10) if options.quick else (options.seeds, options.equal, options.steps)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.folder or Path(folder), steps)
        names, groups = equal_runs(bench, max(equal, 2 * seeds))
        rows, seen = near(bench, seeds), [planted(bench, n, seeds) for n in range(1, len(bench.mixtures))]
    tell_equal(names, groups)
    tell_planted(names, seen, seeds)
    mean = float(np.mean([r["measured"] / r["claim"] for r in rows]))
    unresolved, composite = over(groups[:, :-1].mean(axis=1)), over(groups[:, -1])
    report = {"name": "apart", "ours": round(unresolved[0], 3), "peer": 0.95, "ratio": round(unresolved[0] / 0.95, 3)}
    report |= {"n": len(groups) * GROUP, "unit": "equal runs called unresolved", "peer_name": "nominal rate"}
    report |= {"composite": composite, "rows": rows, "noise_ratio": round(mean, 3), "spread": unresolved[1]}
    print(json.dumps(report))


def near(bench: Bench, seeds: int) -> list[dict[str, Any]]:
    """Seed noise between near mixtures, measured and claimed."""
    print(f"{'distance':>8} {'2d/(1+d)':>9} {'measured':>9}  95 % interval over {seeds} seeds, and by benchmark")
    rows: list[dict[str, Any]] = []
    uniform = bench.means(0, range(seeds))
    for n, d in enumerate(DISTANCES, start=1):
        other, claim = bench.means(n, range(seeds)), slots_apart(bench.mixtures[0], bench.mixtures[n])
        got, (low, high) = ratio(uniform, other), drawn_interval(uniform, other)
        each = [round(ratio(uniform[:, [b]], other[:, [b]]), 2) for b in range(uniform.shape[1])]
        rows.append({"distance": d, "claim": round(claim, 3), "measured": round(got, 3), "interval": [low, high]})
        print(f"{d:8.2f} {claim:9.3f} {got:9.3f}  {low:.3f} to {high:.3f}  {each}")
    return rows


def tell_equal(names: list[str], groups: np.ndarray) -> None:
    """Coverage of equal runs."""
    print(
        f"\nequal runs called unresolved, floors of {FLOOR}; {len(groups)} groups of {GROUP}, 95 % intervals over them"
    )
    shares = dict(zip(names, groups.T, strict=True)) | {"benchmarks": groups[:, :-1].mean(axis=1)}
    for name, found in shares.items():
        mean, half = over(found)
        print(f"{name:12} {mean:.3f} ({mean - half:.3f} to {mean + half:.3f})")


def tell_planted(names: list[str], seen: list[dict[str, np.ndarray]], seeds: int) -> None:
    """Coverage and power at planted effects."""
    print(f"\n{seeds} pairs each: effect, share of intervals that hold it, power stated, share that is resolved")
    labels = [f"d = {d}" for d in DISTANCES] + ["30 % letters"]
    for label, found in zip(labels, seen, strict=True):
        for n, name in enumerate(names):
            told = f"{found['effect'][n]:+.4f} {found['covered'][:, n].mean():.3f}"
            print(f"{label:12} {name:12} {told} {found['power'][n]:.2f} {found['met'][:, n].mean():.2f}")


if __name__ == "__main__":
    main()
