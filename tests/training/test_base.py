"""The base is built once for its content, or taken from where it lies."""

import shutil
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from coevo.tiers.errors import TrainingError
from coevo.tiers.seal import SEAL
from coevo.training import base as building
from coevo.training.base import BaseModel, build_base
from coevo.training.models import load_model
from coevo.training.packing import load_tokenizer

from .conftest import CODE, MODEL, PROSE


def test_the_same_config_and_texts_find_the_cached_base(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "_train", None)  # calling it would fail
    again = build_base(MODEL, iter(CODE + PROSE), Path(base.path).parent)
    assert again == base.model_copy(update={"cached": True})
    assert not base.cached


def test_it_learned_and_every_text_can_be_written_in_its_tokens(base: BaseModel) -> None:
    assert base.losses[-1] < base.losses[0]
    assert base.tokens == MODEL.steps * MODEL.batch * MODEL.block
    tokenizer = load_tokenizer(Path(base.path))
    text = "naïve 🦉\t\x00\n"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer) <= MODEL.vocab


def test_built_elsewhere_it_has_the_same_bits(base: BaseModel, tmp_path: Path) -> None:
    again = build_base(MODEL, CODE + PROSE, tmp_path)
    assert not again.cached
    assert again.fingerprint == base.fingerprint
    assert again.losses == base.losses
    left, right = (load_model(Path(b.path)).state_dict() for b in (base, again))
    assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize(
    ("change", "texts"), [({"steps": 2}, CODE + PROSE), ({"seed": 1, "steps": 2}, CODE + PROSE), ({"steps": 2}, CODE)]
)
def test_another_config_or_text_is_another_base(
    base: BaseModel, tmp_path: Path, change: dict[str, int], texts: list[str]
) -> None:
    shutil.copytree(base.path, tmp_path / base.fingerprint)
    other = build_base(MODEL.model_copy(update=change), texts, tmp_path)
    assert not other.cached
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([base.fingerprint, other.fingerprint])


def test_a_half_written_base_is_built_anew(base: BaseModel, tmp_path: Path) -> None:
    shutil.copytree(base.path, tmp_path / base.fingerprint)
    (tmp_path / base.fingerprint / "base.json").unlink()
    (tmp_path / base.fingerprint / "model.safetensors").write_bytes(b"torn")
    again = build_base(MODEL, CODE + PROSE, tmp_path)
    assert (Path(again.path) / "model.safetensors").read_bytes() == (Path(base.path) / "model.safetensors").read_bytes()


def test_a_model_on_disk_is_taken_as_it_is(base: BaseModel, tmp_path: Path) -> None:
    found = build_base(MODEL.model_copy(update={"path": base.path}), [], tmp_path / "cache")
    assert (found.path, found.fingerprint, found.parameters) == (base.path, base.fingerprint, base.parameters)
    assert (found.tokens, found.cached) == (0, True)
    assert not (tmp_path / "cache").exists()


def test_a_foreign_model_is_known_by_its_files(base: BaseModel, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    shutil.copytree(base.path, foreign, ignore=shutil.ignore_patterns(SEAL))
    (foreign / "base.json").unlink()
    config = MODEL.model_copy(update={"path": str(foreign)})
    first = build_base(config, [], tmp_path)
    (foreign / "README.md").write_text("Not part of the model.")
    assert build_base(config, [], tmp_path).fingerprint == first.fingerprint != base.fingerprint
    with (foreign / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    assert build_base(config, [], tmp_path).fingerprint != first.fingerprint


@pytest.mark.parametrize("missing", ["everything", "tokenizer", "weights"])
def test_no_model_there_is_said(base: BaseModel, tmp_path: Path, missing: str) -> None:
    there = tmp_path / "there"
    if missing != "everything":
        shutil.copytree(base.path, there, ignore=shutil.ignore_patterns(SEAL))
        for path in there.glob({"tokenizer": "tokenizer*", "weights": "*.safetensors"}[missing]):
            path.unlink()
    wanted = "transformers causal language model" if missing == "weights" else "transformers tokenizer"
    with pytest.raises(TrainingError, match=rf"wanted a {wanted} in .*there, got: \w"):
        build_base(MODEL.model_copy(update={"path": str(there)}), [], tmp_path / "cache")


def test_too_little_text_and_a_rate_too_high_say_what_to_change(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="add sources"):
        build_base(MODEL, ["Hm."], tmp_path)
    with pytest.raises(TrainingError, match=r"lower model\.lr"):
        build_base(MODEL.model_copy(update={"lr": 1e4}), CODE, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [{"heads": 5}, {"vocab": 100}, {"steps": 0}])
def test_impossible_shapes_are_refused_before_any_work(bad: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        type(MODEL).model_validate(bad)
