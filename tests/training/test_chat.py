"""Conversations are laid whole, learned by turn, and do not see each other."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coevo.tiers.errors import TrainingError
from coevo.training.base import BaseModel
from coevo.training.batch import Batch, places
from coevo.training.bins import best_fit
from coevo.training.chat import conversation, encode
from coevo.training.exposure import document_blocks
from coevo.training.loss import next_token_loss
from coevo.training.models import copy_tokenizer, load_model, save_model
from coevo.training.packing import load_blocks, load_learn, load_tokenizer, pack_arms
from coevo.training.spec import RunSpec
from coevo.training.stream import Batches
from coevo.training.trainer import run, run_order

GSM8K = Path("../shared/data/bench/math/gsm8k.train.jsonl.gz")
TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>\n{{ m['content'] }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>\n{% endif %}"
)
FORGETFUL = "{% for m in messages %}{% if loop.last %}<{{ m['role'] }}>{% endif %}{{ m['content'] }}{% endfor %}"


def talk(i: int, sure: str = "") -> str:
    asked, answered = ("user", f"What is {i} + 1?"), ("assistant", f"It is {i + 1}.")
    turns = [asked, answered, ("user", "Sure?"), ("assistant", f"Yes, {sure}so.")]
    return json.dumps({"messages": [{"role": role, "content": content} for role, content in turns]})


@pytest.fixture
def chatty(base: BaseModel, tmp_path: Path) -> Path:
    """The base with a chat template beside its tokenizer."""
    folder = tmp_path / "chatty"
    folder.mkdir()
    model = load_model(Path(base.path))
    save_model(model, folder)
    copy_tokenizer(Path(base.path), folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


def test_only_the_assistants_words_are_learned(chatty: Path) -> None:
    tokenizer = load_tokenizer(chatty)
    messages = conversation(talk(3))
    assert messages is not None
    ids, learn = encode(messages, tokenizer, ("assistant",))
    said = tokenizer.decode(np.array(ids)[learn])
    assert said == "It is 4.<end>\nYes, so.<end>\n"
    ids, learn = encode(messages, tokenizer, ("user", "assistant"))
    assert "<user>\nWhat is 3 + 1?" in tokenizer.decode(np.array(ids)[learn])
    assert tokenizer.decode(ids).startswith("<user>\nWhat is 3 + 1?<end>\n<assistant>\nIt is 4.<end>")


def test_a_template_that_forgets_earlier_turns_is_refused(chatty: Path) -> None:
    (chatty / "chat_template.jinja").write_text(FORGETFUL)
    messages = conversation(talk(3))
    assert messages is not None
    with pytest.raises(TrainingError, match="rendered differently once more turns follow"):
        encode(messages, load_tokenizer(chatty), ("assistant",))


def test_a_tokenizer_without_a_chat_template_is_said(base: BaseModel, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"wants a chat template.*set training\.format=text"):
        pack_arms({"en/L3": [talk(1)]}, Path(base.path), 64, tmp_path / "b", chat=("assistant",))


@pytest.mark.parametrize("text", ["", "plain", "[1, 2]", '{"messages": []}', '{"a": 1}', "[not json", '[{"role": 1}]'])
def test_other_texts_are_no_conversations(text: str) -> None:
    assert conversation(text) is None


def test_conversations_lie_whole_in_rows_with_little_padding(chatty: Path, tmp_path: Path) -> None:
    texts = [talk(i, "really " * (i % 40)) for i in range(300)] + [
        "Plain text stands beside them, learned as a whole."
    ] * 3
    index = pack_arms({"en/L3": texts}, chatty, 512, tmp_path / "b", chat=("assistant",))
    arm, tokenizer = index.arms["en/L3"], load_tokenizer(chatty)
    assert arm.padding < 0.02 and arm.cut == 0
    blocks, learn = load_blocks(tmp_path / "b", arm), load_learn(tmp_path / "b", arm)
    for place in (0, 7, 299):
        (row,) = document_blocks(tmp_path / "b", index, "en/L3", place)
        assert f"What is {place} + 1?<end>\n<assistant>\nIt is {place + 1}." in tokenizer.decode(blocks[row])
    assert tokenizer.decode(blocks[learn]).count("so.<end>") == 300
    again = pack_arms({"en/L3": texts}, chatty, 512, tmp_path / "b", chat=("assistant",))
    assert again == index
    assert pack_arms({"en/L3": texts}, chatty, 512, tmp_path / "b", chat=("user",)).digest != index.digest


def test_real_conversations_of_many_lengths_leave_little_padding(chatty: Path, tmp_path: Path) -> None:
    if not GSM8K.is_file():
        pytest.skip(f"no {GSM8K} on this machine")
    with gzip.open(GSM8K, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(1500), strict=False)]
    texts = [
        json.dumps([{"role": "user", "content": r["question"]}, {"role": "assistant", "content": r["solution"]}])
        for r in rows
    ]
    index = pack_arms({"math/L3": texts}, chatty, 2048, tmp_path / "b", chat=("assistant",))
    assert index.arms["math/L3"].padding < 0.02 and index.arms["math/L3"].cut == 0


def test_a_run_on_conversations_learns_the_answers(chatty: Path, spec: RunSpec, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "cat"}, {"role": "assistant", "content": "moon"}]
    pack_arms({"en/L3": [json.dumps(turns)] * 60}, chatty, 32, tmp_path / "b", chat=("assistant",))
    made = run(
        spec.model_copy(
            update={
                "base": str(chatty),
                "blocks": str(tmp_path / "b"),
                "mixture": {"en/L3": 1.0},
                "steps": 20,
                "config": spec.config.model_copy(update={"format": "chat", "lr": 1e-2}),
            }
        )
    )
    assert made.loss_last < made.loss_first - 0.5
    assert (Path(made.path) / "chat_template.jinja").read_text() == TEMPLATE


@given(st.lists(st.integers(1, 32), max_size=80))
def test_bins_hold_every_piece_once_without_overlap(lengths: list[int]) -> None:
    row, start = best_fit(lengths, 32)
    taken = {(r, s + k) for r, s, n in zip(row, start, lengths, strict=True) for k in range(n)}
    assert len(taken) == sum(lengths) and all(0 <= place < 32 for _, place in taken)
    if lengths:  # no two rows could have been one
        filled = np.bincount(row, lengths)
        assert len(filled) < 2 or np.sort(filled)[:2].sum() > 32


def test_places_begin_anew_with_each_document_and_row() -> None:
    starts = np.array([0, 3, 9, 10])
    assert places(starts, 8, 0).tolist() == [0, 1, 2, 0, 1, 2, 3, 4]
    assert places(starts, 8, 1).tolist() == [0, 0, 0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_isolated_documents_do_not_see_each_other(base: BaseModel, attention: str, family: str, tmp_path: Path) -> None:
    """The loss of a row of isolated documents is that of the documents alone."""
    path = Path(base.path)
    if family == "gpt2":
        from transformers import GPT2Config, GPT2LMHeadModel

        save_model(
            GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=2, n_positions=32)), tmp_path
        )
        path = tmp_path
    model = load_model(path, attention=attention).eval()
    rng = np.random.default_rng(0)
    parts = [rng.integers(5, 300, n) for n in (9, 13, 10)]
    row = np.concatenate(parts)[None]
    positions = np.concatenate([np.arange(len(p)) for p in parts])[None]
    learn = positions > 0
    each = torch.zeros(1)
    tokens, counts, at = Batch(row, learn, positions).on(torch.device("cpu"))
    packed = next_token_loss(model, tokens, torch.float32, learn=counts, positions=at, each=each)
    alone = [next_token_loss(model, torch.from_numpy(p[None]), torch.float32) for p in parts]
    wanted = sum(float(loss.detach()) * (len(p) - 1) for loss, p in zip(alone, parts, strict=True)) / int(learn.sum())
    assert float(packed.detach()) == pytest.approx(wanted, abs=2e-5) == float(each[0])
    seen = next_token_loss(model, tokens, torch.float32, learn=counts)
    assert abs(float(seen.detach()) - wanted) > 1e-4, "without positions they do see each other"


def test_isolation_of_text_begins_a_document_at_its_end_of_text(spec: RunSpec, blocks: Path, base: BaseModel) -> None:
    from coevo.training.packing import load_index

    index = load_index(blocks)
    stream = Batches(blocks, index, run_order(spec, index), 4, isolate=True)
    eos = load_tokenizer(Path(base.path)).eos_token_id
    found = [stream(step) for step in range(4)]
    for batch in found:
        assert batch.positions is not None
        inner = batch.tokens[:, 1:] == eos
        assert np.array_equal(batch.positions[:, 1:] == 0, inner)
        assert np.all(batch.positions[:, 0] == 0) and batch.learn is None
    assert any((b.tokens[:, 1:] == eos).any() for b in found)
    isolated = spec.model_copy(update={"config": spec.config.model_copy(update={"isolate": True})})
    plain, other = run(spec), run(isolated.model_copy(update={"out": spec.out + "-isolated"}))
    assert plain.fingerprint != other.fingerprint and plain.losses != other.losses
