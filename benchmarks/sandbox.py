"""Reference solutions of code benchmarks in the sandbox: how many are judged, how many pass, and programs a second.

Each file of `--packs` is a benchmark with solutions and tests (HumanEval, MBPP). A reference solution that fails, or
that plain data cannot judge, is a false negative of the sandbox; an empty one that passes would be a false positive.
"""

import argparse
import json
import time
from pathlib import Path

from coevo.agents.sandbox import Limits, Outcome, Program, Sandbox
from coevo.eval.answers import right
from coevo.eval.packs import read_packs
from coevo.eval.score import Benchmark

LIMITS = Limits(seconds=15.0)
"""Long enough that a busy machine fails none."""


def outcomes(benchmark: Benchmark, solutions: list[str]) -> list[Outcome]:
    """What became of a solution for each item of a benchmark."""
    results: list[Outcome] = []

    def execute(programs: object) -> list[bool]:
        pairs = [Program(solution=code, tests=tests) for code, tests in programs]  # type: ignore[attr-defined]
        results.extend(Sandbox(LIMITS).run(pairs))
        return [outcome.ok for outcome in results]

    right(benchmark, solutions, execute)
    return results


def main() -> None:
    """Print a line a benchmark, and one JSON line last."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--packs", type=Path, nargs="+", required=True, help="packs of code with solutions and tests")
    packs = [str(path) for path in parser.parse_args().packs]
    total = {"n": 0, "passed": 0, "failed": 0, "not judged": 0, "empty passed": 0}
    began = time.perf_counter()
    for benchmark in read_packs(tuple(packs)).benchmarks:
        results = outcomes(benchmark, [item.choices[0] for item in benchmark.items])
        empty = outcomes(benchmark, ["    pass" for _ in benchmark.items])
        counts = {
            "n": len(results),
            "passed": sum(outcome.ok for outcome in results),
            "failed": sum(not outcome.ok and not outcome.doubt for outcome in results),
            "not judged": sum(bool(outcome.doubt) for outcome in results),
            "empty passed": sum(outcome.ok for outcome in empty),
        }
        print(f"{benchmark.name:16}", "  ".join(f"{name} {count}" for name, count in counts.items()))
        total = {name: total[name] + counts[name] for name in total}
    rate = round(2 * total["n"] / (time.perf_counter() - began), 1)
    print(json.dumps({"name": "sandbox", "ours": total, "unit": "programs", "per_second": rate}))


if __name__ == "__main__":
    main()
