"""One beginning of text, never scored, and no control token from a question: in every path, whatever the tokenizer."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lm_eval
import pytest
import torch
from lm_eval.tasks import TaskManager
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from coevo.eval import Benchmark, Item, Suite, engine, lm_tasks, measure, read_scores
from coevo.eval.harness import chatted
from coevo.tiers.text_tokens import text_tokens

from ..tiny_tokenizers import FAMILIES

PLAIN = Path("../shared/cases/16_plain.jsonl")
TEXTS = [
    "The river rises in the northern hills and runs for two hundred kilometres before it meets the sea.",
    "def total(items):\n    result = 0\n    return result\n",
    "A text may spell <|im_end|>, </s>, <bos> or [INST] without being one.",
]
HowLikely = Callable[[list[int]], float]


def save(name: str, folder: Path) -> tuple[PreTrainedTokenizerFast, HowLikely]:
    """A model of random weights with a family's tokenizer, and bits of all tokens after the first by a bare pass."""
    tokenizer = FAMILIES[name]()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    network: Any = LlamaForCausalLM(shape).eval()
    network.save_pretrained(folder)

    def bits(ids: list[int]) -> float:
        with torch.inference_mode():
            logs = network(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        return -float(sum(logs[i, token] for i, token in enumerate(ids[1:]))) / math.log(2)

    return tokenizer, bits


def suite_of(**benchmarks: Any) -> Suite:
    common = {"domain": "en"}
    made = [Benchmark.model_validate(common | {"name": name} | fields) for name, fields in benchmarks.items()]
    return Suite(split="hidden", benchmarks=tuple(made), digest="of a test")


def texts_of(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text().splitlines()] if path.is_file() else []


@pytest.mark.parametrize("name", FAMILIES)
def test_bits_are_those_of_a_bare_forward_pass(name: str, tmp_path: Path) -> None:
    tokenizer, bits = save(name, tmp_path)
    texts = TEXTS + texts_of(PLAIN)
    rolling = tuple(Item(id=f"t{i}", cluster=f"t{i}", text=text) for i, text in enumerate(texts))
    asked = tuple(
        Item(id=f"q{i}", cluster=f"q{i}", text=f"Question {i} <s>?\nAnswer:", choices=(" yes", " no </s>"))
        for i in range(3)
    )
    bare = (Item(id="e0", cluster="e0", choices=("yes", "no")), Item(id="e1", cluster="e1", choices=("no", "yes <s>")))
    questions = {"kind": "choice", "metric": "margin"}
    suite = suite_of(
        texts={"kind": "bpb", "metric": "bits_per_byte", "items": rolling},
        asked=questions | {"items": asked},
        bare=questions | {"items": bare},
    )
    found = read_scores(measure(tmp_path, suite, tmp_path / "out.parquet"), suite)
    tokens = text_tokens(tokenizer)
    start = [tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id]
    for item, value in zip(rolling, found["texts"].values, strict=True):
        ids = [*start, *tokens.encode(item.text)]
        assert value == pytest.approx(bits(ids) / len(item.text.encode()), abs=1e-5)
    for item, value in zip(asked + bare, [*found["asked"].values, *found["bare"].values], strict=True):
        before = [*tokens.opening, *tokens.encode(item.text)] or start
        costs = []
        for choice in item.choices:
            whole = (
                [*tokens.opening, *tokens.encode(item.text + choice)] if item.text else [*start, *tokens.encode(choice)]
            )
            costs.append((bits(whole) - (bits(before) if len(before) > 1 else 0)) / len(choice.encode()))
        assert value == pytest.approx(costs[1] - costs[0], abs=1e-5)


@pytest.mark.parametrize("name", ["llama3", "qwen"])
def test_a_text_of_many_windows_begins_once(name: str, tmp_path: Path) -> None:
    tokenizer, bits = save(name, tmp_path)
    text = " ".join(f"river {i}" for i in range(150))
    suite = suite_of(long={"kind": "bpb", "metric": "bits_per_byte", "items": (Item(id="t", cluster="t", text=text),)})
    value = read_scores(measure(tmp_path, suite, tmp_path / "out.parquet"), suite)["long"].values[0]
    ids = text_tokens(tokenizer).encode(text)
    assert len(ids) > 256
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    first, rest = [begin, *ids[:128]], ids[128:]
    total = bits(first)
    for at in range(0, len(rest), 128):
        end = min(at + 128, len(rest))
        context = ids[: 128 + end][-129 : -(end - at)]
        total += bits([*context, *rest[at:end]]) - (bits(context) if len(context) > 1 else 0.0)
    assert value == pytest.approx(total / len(text.encode()), abs=1e-5)


@pytest.mark.parametrize("name", ["llama3", "qwen", "llama2", "gemma"])
def test_a_chat_template_brings_its_own_beginning_and_a_question_no_turn(name: str, tmp_path: Path) -> None:
    tokenizer, _ = save(name, tmp_path)
    lm = engine.load(tmp_path, 4, "cpu", "float32")
    tokens = text_tokens(lm.tokenizer)
    marks = "".join(tokens.control)
    free = {"kind": "gold", "metric": "bits_per_byte", "check": "text"}
    item = Item(id="q", cluster="q", text=f"Is it? {marks}", choices=(f" yes {marks}",), target="yes")
    (asked,) = chatted(lm, suite_of(free=free | {"items": (item,)}), tmp_path).benchmarks
    ((context, ending),) = lm.text_tokens.pairs([(asked.items[0].text, asked.items[0].choices[0])])
    empty = tokenizer.apply_chat_template([{"role": "user", "content": "Is it?"}], add_generation_prompt=True).input_ids
    special = [i for i in (*context, *ending) if i in tokens.control.values() and i != tokenizer.unk_token_id]
    assert special == [i for i in empty if i in tokens.control.values() and i != tokenizer.unk_token_id]
    assert lm.tok_encode(asked.items[0].text)[: len(context)] == context
    ids, mask = lm.tok_batch_encode([asked.items[0].text, "short"])
    assert ids[0][mask[0] == 1].tolist() == lm.tok_encode(asked.items[0].text)
    assert ids[1][mask[1] == 1].tolist() == [*tokens.opening, *tokens.encode("short")]


@pytest.mark.parametrize("name", ["ends", "llama3"])
def test_an_answer_is_written_after_the_question_and_not_after_an_end(name: str, tmp_path: Path) -> None:
    tokenizer, _ = save(name, tmp_path)
    network: Any = LlamaForCausalLM.from_pretrained(tmp_path)
    item = Item(id="q", cluster="q", text="The river", choices=(" yes",), target="yes")
    items = (item, item.model_copy(update={"id": "r"}))
    free = {"kind": "gold", "metric": "bits_per_byte", "check": "text", "items": items}
    (benchmark,) = suite_of(free=free).benchmarks
    loaded = TaskManager(include_defaults=False).load([lm_tasks.written(benchmark, 6)])
    with engine.quiet():
        lm = engine.load(tmp_path, 4, "cpu", "float32")
        samples: Any = lm_eval.evaluate(lm=lm, task_dict=loaded, bootstrap_iters=0, log_samples=True)
    ids = torch.tensor([[*text_tokens(tokenizer).opening, *text_tokens(tokenizer).encode("The river")]])
    seen = torch.ones_like(ids)
    made = network.generate(input_ids=ids, attention_mask=seen, max_new_tokens=6, do_sample=False, pad_token_id=0)
    answer = tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
    assert [s["filtered_resps"][0] for s in samples["samples"]["free__written"]] == [answer] * 2
