"""Vectors of texts: nearest ones, what is new, how different a set is, and encoders of this machine."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from coevo.tiers.encoder import HashingEncoder, LocalEncoder, encoder_of, unit
from coevo.tiers.errors import InputError
from coevo.tiers.semantic import BLOCK, UNIQUE, diversity, nearest_before, novel

pytest.importorskip("faiss")


def table(texts: list[str], name: str) -> pa.Table:
    return pa.table({"id": [f"{name}{i}" for i in range(len(texts))], "text": pa.array(texts, pa.large_string())})


def test_the_nearest_before_is_exact_whatever_the_block() -> None:
    rng = np.random.default_rng(0)
    known, new = unit(rng.normal(size=(50, 8))), unit(rng.normal(size=(BLOCK + 300, 8)))
    found, whole = nearest_before(new, known), np.concatenate([known, new])
    for row in (0, 1, 77, BLOCK - 1, BLOCK, BLOCK + 299):
        scores = whole[: 50 + row] @ new[row]
        assert found.place[row] == scores.argmax() and found.similarity[row] == pytest.approx(scores.max(), abs=1e-5)
    assert nearest_before(new[:1]).place.tolist() == [-1]


def test_only_what_says_something_new_is_novel() -> None:
    held = table(["The derivative of a sum is the sum of the derivatives."], "held")
    new = table(["The derivative of a sum is the sum of derivatives.", "A group is a set with an operation.",
                 "A group is a set with one operation."], "new")  # fmt: skip
    found = novel(new, held, HashingEncoder(), 0.6)
    assert found["kept"].to_pylist() == [False, True, False]
    first, second, third = found["reason"].to_pylist()
    assert "means the same as held0" in first and second == UNIQUE and "means the same as new1" in third


def test_diversity_counts_wholly_different_texts() -> None:
    assert diversity(unit(np.eye(6))).effective == pytest.approx(6) and diversity(unit(np.eye(6))).distance == 1
    same = diversity(unit(np.ones((6, 4))))
    assert same.effective == pytest.approx(1) and same.distance == pytest.approx(0, abs=1e-6)
    assert diversity(np.zeros((0, 4), np.float32)).n == 0


def test_a_local_encoder_is_read_from_its_folder_and_a_missing_one_is_named(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = {w: n for n, w in enumerate(["[PAD]", "[UNK]", "a", "group", "set", "is"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(tmp_path)
    shape: dict[str, Any] = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    BertModel(BertConfig(vocab_size=6, max_position_embeddings=32, **shape)).save_pretrained(tmp_path)
    encoder = encoder_of(str(tmp_path))
    assert isinstance(encoder, LocalEncoder) and encoder.dimension == 16
    alone = encoder.encode(pa.array(["a group is a set"]))
    padded = encoder.encode(pa.array(["a group is a set", "set " * 60]))
    assert alone.shape == (1, 16) and np.allclose(np.linalg.norm(padded, axis=1), 1, atol=1e-5)
    assert np.allclose(alone[0], padded[0], atol=1e-5), "padding must not count"
    marked, unknown = encoder.encode(pa.array(["a [PAD] set", "a [QQQ] set"]))
    assert np.allclose(marked, unknown, atol=1e-5), "a text spells no padding"
    with pytest.raises(InputError, match="no encoder in nowhere"):
        encoder_of("nowhere")
