"""Exposure: a document lies where its tokens are, and a run says how often it drew each block."""

from pathlib import Path

import numpy as np

from coevo.training.base import BaseModel
from coevo.training.exposure import document_blocks, save_seen, times_seen
from coevo.training.order import plan_order
from coevo.training.packing import load_blocks, load_tokenizer, pack_arms

from .conftest import PROSE

ARM = "en/L1"


def test_the_blocks_of_a_document_hold_its_text(base: BaseModel, tmp_path: Path) -> None:
    texts = PROSE[:12]
    index = pack_arms({ARM: texts}, Path(base.path), 32, tmp_path)
    blocks, tokenizer = load_blocks(tmp_path, index.arms[ARM]), load_tokenizer(Path(base.path))
    for place, text in enumerate(texts[:-1]):  # the last one may lie past the last full block
        lies = document_blocks(tmp_path, index, ARM, place)
        held = tokenizer.decode(blocks[lies].ravel())
        assert text[: len(held) // 2] in held
        assert text in held or lies[-1:] == [index.arms[ARM].blocks - 1]
    ends = document_blocks(tmp_path, index, ARM, len(texts) - 1)
    assert all(block < index.arms[ARM].blocks for block in ends)


def test_a_run_knows_how_often_it_drew_each_block(base: BaseModel, tmp_path: Path) -> None:
    index = pack_arms({ARM: PROSE, "en/L2": PROSE[:3]}, Path(base.path), 32, tmp_path)
    sizes = {arm: packed.blocks for arm, packed in index.arms.items()}
    order = plan_order({ARM: 0.7, "en/L2": 0.3}, sizes, 40, order=1, seed=1)
    save_seen(tmp_path, order, index, 40)
    seen = {arm: times_seen(tmp_path, arm, sizes[arm]) for arm in sizes}
    assert sum(int(s.sum()) for s in seen.values()) == 40
    for i, arm in enumerate(order.arms):
        assert np.array_equal(seen[arm], np.bincount(order.block[order.arm == i], minlength=sizes[arm]))
    assert times_seen(tmp_path, "math/L1", 5).tolist() == [0] * 5
