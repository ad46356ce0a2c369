"""Influence: documents of the targets' own kind rank above noise, in every form and under every seed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from coevo.tiers.errors import TrainingError
from coevo.training.base import BaseModel
from coevo.training.influence import influence
from coevo.training.sketch import Sketch
from coevo.training.spec import InfluenceConfig

from .conftest import CODE, PROSE


def auc(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    """Chance that one of the first is larger than one of the second."""
    return float((above[:, None] > below[None]).mean())


def documents(seed: int) -> tuple[list[str], list[str], list[str]]:
    """Ten of each: prose as the targets are, code, and noise of the same words or letters."""
    rng = np.random.default_rng(seed)
    own = [PROSE[i].replace("moon", rng.choice(["star", "sun", "sky"])) for i in rng.choice(len(PROSE), 10)]
    code = [CODE[i][:100] for i in rng.choice(len(CODE), 10, replace=False)]
    words, letters = " ".join(PROSE + CODE[:8]).split(), list("".join(PROSE + CODE[:8]))
    noise = [" ".join(rng.permutation(words)[:20]) for _ in range(5)]
    return own, code, noise + ["".join(rng.permutation(letters)[:80]) for _ in range(5)]


@pytest.mark.parametrize("form", ["less", "cosine", "tracin"])
def test_the_targets_own_kind_ranks_above_noise_and_other_kinds(base: BaseModel, form: str) -> None:
    found = []
    for seed in range(3):
        how = InfluenceConfig.model_validate({"form": form, "seed": seed, "checkpoints": 1, "length": 48})
        own, code, noise = documents(seed)
        worth = influence(Path(base.path), own + code + noise, PROSE[:3], how).mean(1)
        found.append((auc(worth[:10], worth[20:]), auc(worth[:10], worth[10:20])))
    assert np.min(found) > 0.9, found


def test_a_document_is_nearest_to_itself_and_parts_are_measured_alike(base: BaseModel) -> None:
    texts = [*CODE[:3], *PROSE[:3]]
    how = InfluenceConfig(form="cosine", length=48, seed=3)
    whole = influence(Path(base.path), texts, texts, how)
    assert np.diag(whole) == pytest.approx(np.ones(6), abs=1e-4) and np.abs(whole).max() <= 1 + 1e-5
    assert np.argmax(whole, axis=1).tolist() == list(range(6))
    torch.manual_seed(1)  # what the process drew before is no part of it
    part = influence(Path(base.path), texts[4:], texts, how, warm=texts)
    assert np.array_equal(part, whole[4:])
    other = influence(Path(base.path), texts, texts, how.model_copy(update={"seed": 4}))
    assert not np.array_equal(other, whole)


def test_nothing_to_compare_with_is_said(base: BaseModel) -> None:
    found = influence(Path(base.path), ["", *CODE[:2]], [PROSE[0], ""], InfluenceConfig(checkpoints=1, warmup=1))
    assert np.isnan(found[0]).all() and np.isfinite(found[1:]).all() and not found[1:, 1].any()
    with pytest.raises(TrainingError, match="at least one target"):
        influence(Path(base.path), ["text"], [""])
    with pytest.raises(TrainingError, match="to warm up on"):
        influence(Path(base.path), [""], ["some target text"])


def test_a_sketch_keeps_inner_products() -> None:
    drawn = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, 50_000, generator=drawn)
    other = 0.3 * one + other
    kept = [Sketch(50_000, 1024, seed, torch.device("cpu")) for seed in range(40)]
    found = np.array([float(s(one) @ s(other)) for s in kept])
    error = float(one.norm() * other.norm()) / 1024**0.5
    assert abs(found.mean() - float(one @ other)) < 3 * error / 40**0.5
    assert found.std() < 1.4 * error
    assert torch.equal(Sketch(8, 1024, 0, torch.device("cpu"))(one[:8]), one[:8])
