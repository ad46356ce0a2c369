"""The base is built once for its content, or taken from where it lies."""

from pathlib import Path

import pytest

from coevo.tiers.errors import TrainingError
from coevo.training.base import BaseModel, build_base

from .conftest import CODE, MODEL, PROSE


def test_the_same_config_and_texts_find_the_cached_base(base: BaseModel) -> None:
    again = build_base(MODEL, CODE + PROSE, Path(base.path).parent)
    assert again.cached
    assert again.fingerprint == base.fingerprint
    assert not base.cached
    assert base.losses[-1] < base.losses[0]


def test_other_texts_are_another_base(base: BaseModel, tmp_path: Path) -> None:
    other = build_base(MODEL.model_copy(update={"steps": 2}), CODE + PROSE, tmp_path)
    assert other.fingerprint != base.fingerprint


def test_a_model_on_disk_is_taken_as_it_is(base: BaseModel, tmp_path: Path) -> None:
    found = build_base(MODEL.model_copy(update={"path": base.path}), [], tmp_path)
    assert found.tokens in (0, base.tokens)


def test_no_model_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError):
        build_base(MODEL.model_copy(update={"path": str(tmp_path / "none")}), [], tmp_path)
