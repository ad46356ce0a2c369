"""A base of a few thousand weights and packed arms, made on the spot."""

from pathlib import Path

import pytest

from coevo.training.base import BaseModel, build_base
from coevo.training.packing import pack_arms
from coevo.training.spec import ModelConfig, RunSpec, TrainConfig

CODE = [f"def add_{i}(a, b):\n    return a + b + {i}\n" * 4 for i in range(60)]
WORDS = [(w, v) for w in ("cat", "dog", "owl", "fox") for v in ("mat", "log")]
PROSE = [f"The {w} sat on the {v} and looked at the moon.\n" * 4 for w, v in WORDS]
MODEL = ModelConfig(
    vocab=400, hidden=32, layers=2, heads=1, intermediate=64, block=32, steps=20, batch=4, dtype="float32"
)
TRAIN = TrainConfig(steps=8, batch=4, min_blocks=1, max_epochs=50.0, dtype="float32", device="cpu")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return build_base(MODEL, CODE + PROSE, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def blocks(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("blocks")
    pack_arms({"code/L1": CODE, "en/L1": PROSE}, Path(base.path), MODEL.block, out)
    return out


@pytest.fixture
def spec(base: BaseModel, blocks: Path, tmp_path: Path) -> RunSpec:
    return RunSpec(
        name="main",
        group="full",
        base=base.path,
        blocks=str(blocks),
        mixture={"code/L1": 0.5, "en/L1": 0.5},
        steps=8,
        seed=1,
        order=1,
        out=str(tmp_path / "main"),
        config=TRAIN,
    )
