"""Tiny models made on the spot: a byte-level tokenizer, a llama of two layers, and what it is to learn by heart."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}<eos>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
SPECIAL = ["<eos>", "<user>", "<assistant>"]


def make_model(path: Path, texts: Sequence[str], *, context: int, template: bool = False, seed: int = 0) -> Path:
    """A folder with a model of random weights, far from uniform, so that a wrong position shows."""
    coder = Tokenizer(models.BPE())
    coder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    coder.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    coder.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=coder, eos_token="<eos>")
    if template:
        tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(path)
    torch.manual_seed(seed)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=context,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=0,
    )
    LlamaForCausalLM(shape).save_pretrained(path)
    return path


def teach(path: Path, answers: Mapping[str, str], steps: int = 120) -> None:
    """Train the model in the folder until it answers these questions so, by heart."""
    tokenizer = AutoTokenizer.from_pretrained(str(path))
    model = LlamaForCausalLM.from_pretrained(str(path))
    rows = []
    for question, answer in answers.items():
        turn = [{"role": "user", "content": question}]
        asked = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        head = tokenizer(asked, add_special_tokens=False).input_ids
        rows.append((head, [*tokenizer(answer, add_special_tokens=False).input_ids, 0]))
    longest = max(len(head) + len(end) for head, end in rows)
    pads = [longest - len(head) - len(end) for head, end in rows]
    ids = torch.tensor([head + end + [0] * pad for (head, end), pad in zip(rows, pads, strict=True)])
    labels = [[-100] * len(head) + end + [-100] * pad for (head, end), pad in zip(rows, pads, strict=True)]
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(steps):
        model(input_ids=ids, labels=torch.tensor(labels)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(path)


def add_adapter(path: Path, out: Path, seed: int = 0) -> Path:
    """A LoRA adapter of random weights on the model in a folder."""
    from peft import LoraConfig, get_peft_model

    model: Any = LlamaForCausalLM.from_pretrained(str(path))
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    torch.manual_seed(seed)
    with peft_being_behind():
        adapted = get_peft_model(model, config)
    adapted.save_pretrained(str(out), save_embedding_layers=False)
    return out


@contextmanager
def peft_being_behind() -> Iterator[None]:
    """Peft still asks transformers 5 by an old name; nobody here can do anything about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield
