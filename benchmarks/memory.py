"""Peak memory of a whole `coevo run` as a child: the proportional set sizes of all its processes, summed.

A page that processes share counts once (USS where the system tells no PSS). The run is the embedded one with a cache of
its own, so that the base is trained in it; the limit is 4 GB.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

LIMIT = 4.0
SMALL = (
    "ingest.max_bytes=600000",
    "curation={score: 60, edit: 30, synthesize: 60, verify: 30}",
    "model.steps=20",
    "training={steps: 10, min_blocks: 2}",
    "probes.count=1",
    "evaluation={bpb_items: 24, cloze_items: 24, arithmetic_items: 24}",
)
"""Of the quick run: the embedded model and batch, but less text, fewer steps and fewer questions."""


@dataclass
class Peak:
    """The highest sum seen, when it was, and what each process held then."""

    total: float = 0.0
    seconds: float = 0.0
    parts: tuple[float, ...] = ()
    samples: int = 0
    longest_gap: float = 0.0


def held(process: psutil.Process) -> float:
    """GB (1e9 bytes) of one process; 0 of one that has just ended."""
    try:
        told = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(told, "pss", told.uss)) / 1e9


def watch(child: subprocess.Popen[bytes], every: float) -> Peak:
    """Sample the child and its descendants until it ends."""
    root, peak = psutil.Process(child.pid), Peak()
    start = last = time.monotonic()
    while child.poll() is None:
        try:
            parts = tuple(held(p) for p in (root, *root.children(recursive=True)))
        except psutil.Error:
            break
        now = time.monotonic()
        peak.samples, peak.longest_gap, last = peak.samples + 1, max(peak.longest_gap, now - last), now
        if sum(parts) > peak.total:
            peak.total, peak.seconds, peak.parts = sum(parts), now - start, tuple(sorted(parts, reverse=True))
        time.sleep(every)
    return peak


def run(rounds: int, small: bool, every: float) -> tuple[Peak, float, list[str]]:
    """The peak of a run, its wall-clock seconds and what it said."""
    with tempfile.TemporaryDirectory() as folder, Path(folder, "said").open("w+b") as said:
        command = [str(Path(sys.executable).with_name("coevo")), "run", "--runs", f"{folder}/runs"]
        command += ["--rounds", str(rounds), *(part for s in SMALL if small for part in ("--set", s))]
        environment = os.environ | {"COEVO_CACHE": f"{folder}/cache"}
        start = time.monotonic()
        with subprocess.Popen(command, env=environment, stdout=said, stderr=said) as child:
            peak = watch(child, every)
        seconds = time.monotonic() - start
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").splitlines()
    if child.returncode:
        raise SystemExit("\n".join([f"the run failed (peak until then {peak.total:.3f} GB):", *lines[-5:]]))
    return peak, seconds, lines


def stage(lines: list[str], seconds: float) -> str:
    """What the run had said last at that time."""
    timed = [(float(line[1:].split("s]")[0]), line) for line in lines if line.startswith("[") and "s]" in line]
    before = [line for at, line in timed if at <= seconds]
    return before[-1] if before else "starting"


def main() -> None:
    """Run, print where the peak was, and one JSON line last."""
    parser = argparse.ArgumentParser(description="Peak memory of a whole run")
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: a run with everything smaller")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--every", type=float, default=0.2, help="seconds between samples")
    options = parser.parse_args()
    peak, seconds, lines = run(options.rounds, options.quick, options.every)
    size = "small" if options.quick else "embedded"
    print(
        f"{size} run of {options.rounds} round(s) in {seconds:.0f} s; {peak.samples} samples, "
        f"at most {peak.longest_gap:.2f} s apart"
    )
    print(f"peak {peak.total:.3f} GB after {peak.seconds:.0f} s, while: {stage(lines, peak.seconds)}")
    print("processes then, GB: " + ", ".join(f"{part:.3f}" for part in peak.parts if part >= 0.001))
    told: dict[str, object] = {"name": "memory", "ours": round(peak.total, 3), "peer": LIMIT, "unit": "GB (1e9 bytes)"}
    told |= {"ratio": round(peak.total / LIMIT, 3), "peer_name": "limit", "n": 1, "spread": None}
    print(
        json.dumps(told | {"run": size, "rounds": options.rounds, "seconds": round(seconds), "samples": peak.samples})
    )


if __name__ == "__main__":
    main()
