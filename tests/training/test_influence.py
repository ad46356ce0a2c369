"""Influence: documents like the targets help more than others, and a step along the gradient shows it."""

from pathlib import Path

import numpy as np
import pytest

from coevo.tiers.errors import TrainingError
from coevo.training.base import BaseModel
from coevo.training.influence import influence


def test_text_like_the_targets_is_worth_more(base: BaseModel) -> None:
    like = [f"def f{i}(x):\n    return x + {i}\n" for i in range(6)]
    unlike = [f"The harbour of town {i} was calm and the boats lay still." for i in range(6)]
    targets = [f"def g{i}(x):\n    return x * {i}\n" for i in range(6)]
    found = influence(Path(base.path), [*like, *unlike], targets)
    assert found[:6].min() > found[6:].max() and np.all(np.abs(found) <= 1)
    assert influence(Path(base.path), targets[:1], targets[:1])[0] == pytest.approx(1, abs=1e-4)


def test_nothing_to_compare_with_is_said(base: BaseModel) -> None:
    assert np.isnan(influence(Path(base.path), [""], ["some target text"])).all()
    with pytest.raises(TrainingError, match="at least one target"):
        influence(Path(base.path), ["text"], [""])
