"""A sealed folder says which of its files were damaged; a folder without a seal is somebody else's."""

import json
from pathlib import Path

import pytest

from coevo.tiers.errors import LedgerError
from coevo.tiers.seal import SEAL, check_sealed, intact, is_intact, seal_folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "adapter").mkdir()
    for name in ("model.safetensors", "trained.json", "adapter/adapter_model.safetensors"):
        (tmp_path / name).write_text(name)
    seal_folder(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["model.safetensors", "trained.json", "adapter/adapter_model.safetensors", SEAL])
def test_an_altered_file_is_named(model: Path, name: str) -> None:
    check_sealed(model)
    content = (model / name).read_bytes()
    (model / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert not is_intact(model)
    (model / SEAL).write_bytes((model / SEAL).read_bytes() + b" ")  # another process compares again
    with pytest.raises(LedgerError, match=rf"{Path(name).name} (was|is) .*altered"):
        check_sealed(model)


def test_a_missing_file_is_named_and_a_new_one_is_nobodys_business(model: Path) -> None:
    (model / "README.md").write_text("mine")
    assert is_intact(model) and intact(model) == {
        "model.safetensors", "trained.json", "adapter/adapter_model.safetensors",
    }  # fmt: skip
    (model / "trained.json").unlink()
    with pytest.raises(LedgerError, match=r"trained\.json is missing"):
        check_sealed(model, ["trained.json"])
    assert not is_intact(model) and "trained.json" not in intact(model)


def test_an_adapter_is_checked_by_the_seal_of_its_model(model: Path) -> None:
    (model / "adapter" / "adapter_model.safetensors").write_text("torn")
    with pytest.raises(LedgerError, match=r"adapter_model\.safetensors was altered"):
        check_sealed(model / "adapter")


def test_a_folder_without_a_seal_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_text("any")
    check_sealed(tmp_path)
    assert not is_intact(tmp_path) and intact(tmp_path) == frozenset()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"files": 3, "digest": ""}', b'{"files": {}, "digest": "c"}'])
def test_a_damaged_seal_is_one_sentence(model: Path, content: bytes) -> None:
    told = json.loads((model / SEAL).read_bytes())
    assert {*told} == {"files", "digest"}
    (model / SEAL).write_bytes(content)
    with pytest.raises(LedgerError, match=r"seal\.json (was|is) .*altered"):
        check_sealed(model)
