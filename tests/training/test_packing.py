"""Arms are packed into full blocks, once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from coevo.tiers.errors import TrainingError
from coevo.training import packing
from coevo.training.base import BaseModel
from coevo.training.packing import load_blocks, load_index, load_tokenizer, pack_arms

CAT, DOG, OWL = "The cat sat. " * 30, "The dog ran. " * 17, "The owl slept. " * 30
CODE = "x = 1\n" * 90
Pack = Callable[..., packing.PackedIndex]


@pytest.fixture
def pack(base: BaseModel, tmp_path: Path) -> Pack:
    return lambda block=32, **arms: pack_arms(
        {arm.replace("_", "/"): texts for arm, texts in arms.items()}, Path(base.path), block, tmp_path
    )


def test_the_blocks_are_the_documents_between_end_of_text_tokens(base: BaseModel, pack: Pack, tmp_path: Path) -> None:
    arm = pack(en_L1=[CAT, "", DOG]).arms["en/L1"]
    tokenizer = load_tokenizer(Path(base.path))
    eos = tokenizer.eos_token_id
    wanted = [eos, *tokenizer.encode(CAT, verbose=False), eos, eos, *tokenizer.encode(DOG, verbose=False), eos]
    blocks = load_blocks(tmp_path, arm)
    assert blocks.shape == (len(wanted) // 32, 32)
    assert blocks.dtype == np.uint16
    assert blocks.ravel().tolist() == wanted[: arm.blocks * 32]
    assert (arm.tokens, arm.documents, arm.file) == (arm.blocks * 32, 3, "en-L1.npy")


def test_an_arm_without_a_full_block_has_none(pack: Pack, tmp_path: Path) -> None:
    index = pack(en_L1=[], en_L2=["Hm."])
    for arm in index.arms.values():
        assert arm.blocks == 0
        assert load_blocks(tmp_path, arm).shape == (0, 32)


def test_packing_again_changes_nothing(pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pack(en_L1=[CAT], code_L1=[CODE])
    files = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.glob("*.npy")}
    monkeypatch.setattr(packing, "load_tokenizer", None)  # nothing to tokenise: calling it would fail
    assert pack(en_L1=[CAT], code_L1=[CODE]) == first
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.glob("*.npy")} == files


def test_only_the_changed_arm_is_packed_anew(pack: Pack, tmp_path: Path) -> None:
    first = pack(en_L1=[CAT], code_L1=[CODE])
    before = (tmp_path / first.arms["code/L1"].file).stat().st_mtime_ns
    second = pack(en_L1=[OWL], code_L1=[CODE])
    assert second.arms["en/L1"].digest != first.arms["en/L1"].digest
    assert second.digest != first.digest
    assert (tmp_path / second.arms["code/L1"].file).stat().st_mtime_ns == before
    assert load_index(tmp_path) == second


def test_where_one_document_ends_and_the_block_size_count(pack: Pack) -> None:
    one = pack(en_L1=[CAT + DOG])
    assert pack(en_L1=[CAT, DOG]).digest != one.digest
    assert pack(en_L1=[CAT + DOG], block=16).digest != one.digest
    assert pack(en_L1=[CAT + DOG]) == one


def test_a_lost_file_is_packed_again(pack: Pack, tmp_path: Path) -> None:
    first = pack(en_L1=[CAT])
    (tmp_path / "en-L1.npy").unlink()
    assert pack(en_L1=[CAT]) == first
    assert len(load_blocks(tmp_path, first.arms["en/L1"])) == first.arms["en/L1"].blocks


def test_after_a_kill_between_two_arms_no_file_is_taken_for_what_it_was(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(code_L1=[CODE], en_L1=[CAT])
    whole = (tmp_path / "code-L1.npy").read_bytes()
    with monkeypatch.context() as m:
        m.setattr(packing, "write_whole", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            pack(code_L1=[CODE.replace("x", "y")], en_L1=[CAT])
    assert (tmp_path / "code-L1.npy").read_bytes() != whole
    pack(code_L1=[CODE], en_L1=[CAT])
    assert (tmp_path / "code-L1.npy").read_bytes() == whole


def test_without_a_tokenizer_or_an_index_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="wanted a transformers tokenizer"):
        pack_arms({"en/L1": [CAT]}, tmp_path, 32, tmp_path / "out")
    with pytest.raises(TrainingError, match=r"found no index\.json"):
        load_index(tmp_path)
