"""Shapley values of real adapters: each arm's adapter is credited with what it does for the measure."""

from pathlib import Path

import pytest

from coevo.loop.shapley import adapter_credit
from coevo.tiers.errors import InputError
from coevo.training.base import build_base
from coevo.training.models import load_model
from coevo.training.packing import load_tokenizer, pack_arms
from coevo.training.spec import ModelConfig, RunSpec, TrainConfig
from coevo.training.trainer import run

TEXTS = {
    "code/L1": [f"def add_{i}(a, b):\n    return a + b + {i}\n" * 4 for i in range(60)],
    "en/L1": [f"The {w} sat on the {v}.\n" * 6 for w in ("cat", "dog", "owl", "fox") for v in ("mat", "log")],
}
MODEL = ModelConfig(
    vocab=400, hidden=32, layers=2, heads=1, intermediate=64, block=32, steps=20, batch=4, dtype="float32"
)
TRAIN = TrainConfig(
    steps=16, batch=4, min_blocks=1, max_epochs=50.0, dtype="float32", device="cpu", method="lora", lora_rank=4, lr=2e-2
)


def test_each_adapter_is_credited_with_its_own_domain(tmp_path: Path) -> None:
    import torch

    base = build_base(MODEL, [t for texts in TEXTS.values() for t in texts], tmp_path / "cache")
    pack_arms(TEXTS, Path(base.path), MODEL.block, tmp_path / "blocks")
    adapters = {}
    for arm in TEXTS:
        name = arm.replace("/", "-")
        spec = RunSpec(
            name=name, group="full", base=base.path, blocks=str(tmp_path / "blocks"), mixture={arm: 1.0}, steps=16,
            seed=1, order=1, out=str(tmp_path / name), config=TRAIN,
        )  # fmt: skip
        adapters[arm] = Path(run(spec).path) / "adapter"

    measured: list[Path] = []

    def code(path: Path) -> float:
        """Minus the loss on code."""
        measured.append(path)
        tokens = torch.tensor([load_tokenizer(path).encode(TEXTS["code/L1"][0])[:64]])
        with torch.no_grad():
            return -float(load_model(path).eval()(tokens, labels=tokens).loss)

    found = adapter_credit(Path(base.path), adapters, code, tmp_path / "merged", permutations=4)
    assert found["code/L1"].value > 0.05
    assert found["code/L1"].value > found["en/L1"].value
    assert len(measured) == 4, "base, each alone, both: every subset once"
    assert list((tmp_path / "merged").iterdir()) == [], "merged models are let go"
    whole = code(Path(base.path))
    assert (
        sum(c.value for c in found.values()) == pytest.approx(found["code/L1"].value + found["en/L1"].value)
        and whole < 0
    )
    with pytest.raises(InputError, match="one adapter for each arm"):
        adapter_credit(Path(base.path), {}, code, tmp_path / "merged")
