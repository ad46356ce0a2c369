"""Does seed noise add up over rounds? Chains of A/A runs: the variance of what they end with, round by round.

Independent chains of tiny real models. In each, every round trains on the same mixture from the model of the round
before (mode `continue`), with seeds of its own; all chains start from one base and are asked the same items. So the
variance of a benchmark's mean over the chains is seed noise alone, and its growth is what a comparison over several
rounds has to charge:

- `continue`: variance after r rounds, in units of the variance after one. Additive seed noise gives r.
- `reset`: the same for chains whose every round starts from the base, with the seeds of round r.
- `near`: two chains with the same seeds on two near mixtures. The variance of their difference, in units of two
  one-round variances, is what is left between them: after the first round the share of slots in which they differ, and
  later?
"""

import argparse
import contextlib
import io
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from apart import DISTANCES, Bench

from coevo.eval import measure, read_scores
from coevo.training.order import slots_apart
from coevo.training.spec import RunSpec, TrainConfig
from coevo.training.trainer import run

Floats = np.ndarray
NEAR = 1 + DISTANCES.index(0.2)
"""Mixture of the bench at total variation distance .2 from the uniform one."""
DRAWS = 2000


@dataclass(frozen=True)
class Chains:
    """Scores of chains in the folder of a bench; a chain that is there already is not trained again."""

    bench: Bench
    rounds: tuple[int, ...]
    """Rounds after which a chain is measured."""

    def means(self, mixture: int, chains: int, carry: bool = True) -> Floats:
        """Benchmarks' means [chains, rounds, B] in sds of the base's items.

        Args:
            mixture: of the bench.
            chains: how many.
            carry: whether a round starts from the model of the round before (mode `continue`) or from the base.
        """
        units = np.array(list(self.bench.scale.sd.values()))
        return np.array([self._chain(mixture, seed, carry) for seed in range(chains)]) / units

    def _chain(self, mixture: int, seed: int, carry: bool) -> list[list[float]]:
        wanted = [self._path(mixture, seed, number, carry) for number in self.rounds]
        if not all(path.exists() for path in wanted):
            start = self.bench.base
            for number in range(1, max(self.rounds) + 1):
                if carry or number in self.rounds:
                    start = self._round(mixture, seed, number, start if carry else self.bench.base, carry)
            shutil.rmtree(start)
        scores = [read_scores(path, self.bench.suite) for path in wanted]
        return [[float(s.values.mean()) for s in own.values()] for own in scores]

    def _path(self, mixture: int, seed: int, number: int, carry: bool) -> Path:
        return self.bench.folder / f"chain-{'continue' if carry else 'reset'}-{mixture}-{seed}-{number}.parquet"

    def _round(self, mixture: int, seed: int, number: int, start: Path, carry: bool) -> Path:
        """Train one round from `start`, measure it if it is asked for, and return its model's folder."""
        path, steps, drawn = self._path(mixture, seed, number, carry), self.bench.steps, seed * 1000 + number
        config = TrainConfig(steps=steps, batch=8, min_blocks=1, max_epochs=50.0, dtype="float32", device="cpu")
        spec = RunSpec(
            name=path.stem, group="full", base=str(start), blocks=str(self.bench.folder / "packed"),
            mixture=self.bench.mixtures[mixture], steps=steps, seed=drawn, order=drawn,
            out=str(self.bench.folder / path.stem), config=config,
        )  # fmt: skip
        with contextlib.redirect_stderr(io.StringIO()):
            model = Path(run(spec).path)
            if number in self.rounds:
                measure(model, self.bench.suite, path, fingerprint=path.stem)
        if start != self.bench.base:
            shutil.rmtree(start)
        return model


def variances(means: Floats) -> Floats:
    """Variance over chains [rounds, B + 1], the uncapped composite last."""
    whole = np.concatenate([means, means.mean(axis=2, keepdims=True)], axis=2)
    return np.asarray(whole.var(axis=0, ddof=1))


def growth(means: Floats, first: Floats) -> Floats:
    """Variances [rounds, B + 2] in units of those of `first` (one round): benchmarks, their mean, the composite."""
    ratio = variances(means) / variances(first)[0]
    return np.column_stack([ratio[:, :-1], ratio[:, :-1].mean(axis=1), ratio[:, -1]])


def exponent(ratios: Floats, rounds: tuple[int, ...]) -> Floats:
    """Slope of log variance on log rounds [B + 2]: 1 if seed noise adds up, 0 if it stays."""
    x = np.log(np.array(rounds)) - np.log(rounds).mean()
    return np.asarray(x @ np.log(np.maximum(ratios, 1e-12)) / (x @ x))


def resampled(chains: int) -> list[np.ndarray]:
    """Bootstrap samples of chains."""
    return list(np.random.default_rng(0).integers(chains, size=(DRAWS, chains)))


def interval(values: list[Floats]) -> Floats:
    """95 % percentile interval [2, ...] of what bootstrap samples came to."""
    return np.asarray(np.quantile(np.array(values), [0.025, 0.975], axis=0))


def print_growth(names: list[str], rounds: tuple[int, ...], ratios: Floats, bounds: Floats) -> None:
    """One row a benchmark: variance ratio by round, with its interval."""
    print(f"{'':14}" + "".join(f"{f'{r} rounds':>22}" for r in rounds))
    for column, name in enumerate(names):
        cells = [
            f"{ratios[r, column]:6.2f} ({bounds[0, r, column]:.2f} to {bounds[1, r, column]:.2f})"
            for r in range(len(rounds))
        ]
        print(f"{name:14}" + "".join(f"{cell:>22}" for cell in cells))


def main() -> None:
    """Train, print tables, and one JSON line last."""
    parser = argparse.ArgumentParser(description="Growth of seed variance over rounds, from chains of A/A runs")
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: 4 chains, 3 rounds, 10 steps")
    parser.add_argument("--chains", type=int, default=48)
    parser.add_argument("--steps", type=int, default=30, help="of each round")
    parser.add_argument("--folder", type=Path, help="keep scores here, and use those that are here already")
    options = parser.parse_args()
    chains, steps, rounds = (4, 10, (1, 3)) if options.quick else (options.chains, options.steps, (1, 2, 3, 5, 10))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.folder or Path(folder), steps)
        carried, last = Chains(bench, rounds), Chains(bench, (rounds[-1],))
        on = carried.means(0, chains)
        reset = last.means(0, chains, carry=False)
        near = carried.means(NEAR, chains)
    names = [*(b.name for b in bench.suite.benchmarks), "benchmarks", "composite"]
    draws = resampled(chains)
    ratios, bounds = growth(on, on), interval([growth(on[i], on[i]) for i in draws])
    print(f"variance over {chains} chains after r rounds, in units of that after one (additive: r), 95 % bootstrap")
    print_growth(names, rounds, ratios, bounds)
    slope = exponent(ratios, rounds)
    slopes = interval([exponent(growth(on[i], on[i]), rounds) for i in draws])
    print("\nexponent of the number of rounds (additive: 1, none: 0)")
    for column, name in enumerate(names):
        print(f"{name:14}{slope[column]:8.2f} ({slopes[0, column]:.2f} to {slopes[1, column]:.2f})")
    print(f"\nmode reset, round {rounds[-1]} against round 1")
    print_growth(names, rounds[-1:], growth(reset, on), interval([growth(reset[i], on[i]) for i in draws]))
    apart = slots_apart(bench.mixtures[0], bench.mixtures[NEAR])
    print(
        f"\nsame seeds, mixtures that differ in {apart:.2f} of the slots: variance of the difference / 2 of one round"
    )
    left, spread = growth(near - on, on) / 2, interval([growth((near - on)[i], on[i]) / 2 for i in draws])
    print_growth(names, rounds, left, spread)
    report = {"name": "chains", "ours": round(float(ratios[-1, -1]), 3), "peer": rounds[-1]}
    report |= {"ratio": round(float(ratios[-1, -1]) / rounds[-1], 3), "n": chains, "peer_name": "additive seed noise"}
    report |= {"unit": f"variance of the composite after {rounds[-1]} rounds over one", "rounds": rounds}
    report |= {"spread": bounds[:, -1, -1].round(3).tolist(), "exponent": round(float(slope[-1]), 3)}
    report |= {"exponent_interval": slopes[:, -1].round(3).tolist(), "benchmarks": ratios[:, -2].round(3).tolist()}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
