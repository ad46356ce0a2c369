"""Agreement of gradient influence with what short runs measure: does what gradients promise come true?

A base of the embedded size is trained on six kinds of this machine's text. From it one run has all kinds in equal
parts, and for every kind one run has more of it (share 0.45), everything else being the same; what a run gains on
held-out texts of each kind over the equal one is what is measured. What influence promises for it is the difference of
the two mixtures' influence on those texts. The agreement is the rank correlation of promise and gain over the runs,
for each kind of target, averaged; its interval is Student's t over seeds (base, documents and order anew).
`gradient seconds` is what a form cost.
"""

import argparse
import contextlib
import io
import json
import os
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

from coevo.loop.workers import THREADS

os.environ.update(THREADS)

import numpy as np
import torch
from scipy.stats import spearmanr, t

from coevo.training import ModelConfig, RunSpec, TrainConfig, build_base, pack_arms, run
from coevo.training.influence import Form, InfluenceConfig, influence
from coevo.training.loss import next_token_loss
from coevo.training.models import load_model
from coevo.training.packing import load_tokenizer

MORE, BYTES, TARGETS = 0.45, 1200, 12
Texts = dict[str, list[str]]


def kinds(rng: np.random.Generator, files: int) -> Texts:
    """Texts of six kinds, in a seeded order; the last two are noise made of the others."""
    site, own = Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("stdlib"))
    found = {
        "code": pieces([p for p in own.rglob("*.py") if "site-packages" not in p.parts], rng, files),
        "headers": pieces(list((site / "torch/include").rglob("*.h")), rng, files),
        "prose": pieces([*site.rglob("METADATA"), *site.rglob("*.md"), *site.rglob("*.rst")], rng, files),
        "arithmetic": ["\n".join(sums(rng)) for _ in range(2 * files)],
    }
    words = [w for text in found["code"][:200] + found["prose"][:200] for w in text.split()]
    letters = list("".join(found["code"][:50] + found["prose"][:50]))
    found["words"] = [" ".join(rng.choice(words, 180)) for _ in range(2 * files)]
    found["letters"] = ["".join(rng.choice(letters, BYTES // 2)) for _ in range(2 * files)]
    return found


def pieces(paths: list[Path], rng: np.random.Generator, files: int) -> list[str]:
    """The middles of files."""
    paths = sorted(p for p in paths if 2 * BYTES < p.stat().st_size < 200_000)
    texts = [paths[i].read_text(encoding="utf-8", errors="replace") for i in rng.permutation(len(paths))[:files]]
    return [text[i : i + BYTES] for text in texts for i in range(BYTES, min(len(text), 4 * BYTES) - BYTES // 2, BYTES)]


def sums(rng: np.random.Generator) -> list[str]:
    """Lines of worked sums."""
    return [f"{a} + {b} = {a + b}" for a, b in rng.integers(1, 99, (60, 2)).tolist()]


def measured(spec: RunSpec, texts: Texts, targets: Texts) -> tuple[np.ndarray, np.ndarray]:
    """What each run gains on each kind of target [runs, targets], and how its mixture differs from equal parts."""
    names = list(texts)
    equal = np.full(len(names), 1 / len(names))
    rest = (1 - MORE) / (len(names) - 1)
    mixtures = [equal, *np.where(np.eye(len(names), dtype=bool), MORE, rest)]
    losses = []
    for i, mixture in enumerate(mixtures):
        mixed = dict(zip(names, mixture.tolist(), strict=True))
        made = run(spec.model_copy(update={"mixture": mixed, "out": f"{spec.out}-{i}"}))
        losses.append([held_out(Path(made.path), targets[name]) for name in targets])
    found = np.array(losses)
    return found[0] - found[1:], np.array(mixtures[1:]) - equal


def held_out(model: Path, texts: list[str]) -> float:
    """Mean loss on texts, in nats a token."""
    net, tokenizer = load_model(model).eval(), load_tokenizer(model)
    with torch.no_grad():
        ids = [tokenizer(text, add_special_tokens=False, verbose=False).input_ids[:256] for text in texts]
        return float(np.mean([float(next_token_loss(net, torch.tensor([i]), torch.float32)) for i in ids]))


def agreement(gain: np.ndarray, promise: np.ndarray) -> float:
    """Mean over the targets of the rank correlation over the runs."""
    each: list[Any] = [spearmanr(gain[:, k], promise[:, k])[0] for k in range(gain.shape[1])]
    return float(np.mean(each))


def trial(folder: Path, seed: int, size: Any) -> dict[str, dict[str, float]]:
    """One seed: agreement and cost of every form."""
    texts = kinds(np.random.default_rng(seed), size.files)
    targets = {name: texts[name][:TARGETS] for name in ("code", "headers", "prose", "arithmetic")}
    training = {name: found[TARGETS:] for name, found in texts.items()}
    everything = [text for column in zip(*(t[:400] for t in training.values()), strict=False) for text in column]
    base = build_base(ModelConfig(steps=size.base, seed=seed), everything, folder / "cache")
    pack_arms(training, Path(base.path), 256, folder / f"blocks-{seed}")
    spec = RunSpec(
        name="run", group="full", base=base.path, blocks=str(folder / f"blocks-{seed}"), mixture={}, steps=size.steps,
        seed=seed, order=seed, out=str(folder / f"out-{seed}"), config=TrainConfig(device="cpu", max_epochs=50.0),
    )  # fmt: skip
    gain, moved = measured(spec, training, targets)
    sample = [text for column in training.values() for text in column[: size.documents]]
    asked = [text for column in targets.values() for text in column]
    found = {}
    for form in get_args(Form):
        begun = time.perf_counter()
        how = InfluenceConfig(form=form, seed=seed, checkpoints=size.checkpoints, device="cpu")
        each = influence(Path(base.path), sample, asked, how)
        arms = each.reshape(len(training), size.documents, len(targets), TARGETS).mean((1, 3))
        found[form] = {"agreement": agreement(gain, moved @ arms), "seconds": time.perf_counter() - begun}
    return found


def main() -> None:
    """Every seed, a table, and JSON lines last."""
    parser = argparse.ArgumentParser(description="Rank agreement of gradient influence with measured gains")
    parser.add_argument("--quick", action="store_true", help="one seed of a shorter base and shorter runs")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    full = {"files": 120, "base": 240, "steps": 40, "documents": 32, "checkpoints": 2}
    short = {"files": 40, "base": 16, "steps": 8, "documents": 6, "checkpoints": 1}
    size = argparse.Namespace(**(short if options.quick else full))
    torch.set_num_threads(1)
    found: dict[str, list[dict[str, float]]] = {form: [] for form in get_args(Form)}
    for seed in range(1 if options.quick else options.seeds):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            made = trial(Path(folder), seed, size)
        for form, told in made.items():
            found[form].append(told)
            told_of = f"rank correlation {told['agreement']:+.2f}  {told['seconds']:.0f} s"
            print(f"seed {seed}  {form:7} {told_of}", flush=True)
    for form, rows in found.items():
        print(json.dumps(line(form, rows)))


def line(form: str, rows: list[dict[str, float]]) -> dict[str, object]:
    """Mean agreement of a form with its interval over seeds; perfect agreement is the peer."""
    each, n = [r["agreement"] for r in rows], len(rows)
    half = float(t.ppf(0.975, n - 1) * np.std(each, ddof=1) / n**0.5) if n > 1 else float("nan")
    mean = float(np.mean(each))
    told: dict[str, object] = {"name": "influence", "ours": round(mean, 3), "peer": 1.0, "ratio": round(mean, 3)}
    told |= {"unit": "rank correlation with measured gains", "peer_name": f"measured ({form} promises)", "n": n}
    spread = [round(mean - half, 3), round(mean + half, 3)] if n > 1 else None
    return told | {"spread": spread, "gradient seconds": round(float(np.median([r["seconds"] for r in rows])), 1)}


if __name__ == "__main__":
    main()
