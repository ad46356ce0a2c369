"""Bias and coverage of off-policy values: `python -m tests.loop.lab.offpolicy_trial [ROUNDS] [WORLDS]`."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from coevo.loop.lab.offpolicy import evaluate
from coevo.loop.lab.planted import PlantedWorld
from tests.loop.lab.test_offpolicy import logged, truth


def main(rounds: int, worlds: int) -> None:
    """Values of three mechanisms in logged runs of another, against the planted truth, in percentage points."""
    rows, refused = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(3200, 3200 + worlds):
            bench, starts = logged(Path(folder) / str(seed), PlantedWorld(seed), "trust_blr", rounds)
            for other in ("tier_prior", "structured_blr", "temperature"):
                told = evaluate(Path(folder), str(seed), other)
                if told["verdict"] == "refused":
                    refused += 1
                    continue
                true = truth(told, bench, starts)[[r["supported"] for r in told["rounds"]]].mean()
                gain = told["gain"]
                rows.append((gain["mean"] - true, gain["low"] <= true <= gain["high"], told["ess"]))
    print(f"{rounds} rounds, {worlds} worlds: {refused} of {3 * worlds} values refused")
    if rows:
        off, held, ess = np.array(rows, dtype=float).T
        print(f"bias {50 * off.mean():+.2f} pp, sd {50 * off.std():.2f}; in the interval {held.mean():.0%}")
        print(f"effective sample {ess.min():.1f} to {ess.max():.1f}")


if __name__ == "__main__":
    main(*(int(v) for v in (sys.argv[1:] + ["8", "25"][len(sys.argv) - 1 :])))
