"""Arms are packed into full blocks, once."""

from pathlib import Path

from coevo.training.base import BaseModel
from coevo.training.packing import load_blocks, load_index, load_tokenizer, pack_arms


def test_blocks_are_full_and_hold_the_documents_between_end_of_text(base: BaseModel, tmp_path: Path) -> None:
    texts = {"en/L1": ["The cat sat. " * 30, "The dog ran. " * 30], "en/L2": []}
    index = pack_arms(texts, Path(base.path), 32, tmp_path)
    stream = load_blocks(tmp_path, index.arms["en/L1"]).ravel().tolist()
    tokenizer = load_tokenizer(Path(base.path))
    assert len(stream) == index.arms["en/L1"].tokens == 32 * index.arms["en/L1"].blocks
    assert stream[0] == tokenizer.eos_token_id
    assert tokenizer.decode(stream[1:]).startswith("The cat sat.")
    assert index.arms["en/L2"].blocks == 0


def test_packing_again_changes_nothing_and_a_changed_arm_is_packed_anew(base: BaseModel, tmp_path: Path) -> None:
    texts = {"en/L1": ["The cat sat. " * 30], "code/L1": ["x = 1\n" * 90]}
    first = pack_arms(texts, Path(base.path), 32, tmp_path)
    before = (tmp_path / first.arms["code/L1"].file).stat().st_mtime_ns
    second = pack_arms({**texts, "en/L1": ["The owl slept. " * 30]}, Path(base.path), 32, tmp_path)
    assert second.arms["en/L1"].digest != first.arms["en/L1"].digest
    assert (tmp_path / second.arms["code/L1"].file).stat().st_mtime_ns == before
    assert load_index(tmp_path) == second
