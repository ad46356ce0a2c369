"""Held-out texts and a tiny llama, both made on the spot."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from coevo.eval import EvalConfig, HeldOut, Suite, build_suite

Adapt = Callable[..., tuple[Path, Path]]
CONFIG = EvalConfig(bpb_items=24, cloze_items=24, arithmetic_items=24)


def texts(seed: int, files: int = 12, domains: tuple[str, ...] = ("code", "en", "math")) -> list[HeldOut]:
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 9))) for _ in range(400)]
    return [
        HeldOut(" ".join(rng.choices(words, k=300)).replace(" a", "\na"), domain, f"{seed}/{domain}/{n}.txt")
        for domain in domains
        for n in range(files)
    ]


@pytest.fixture(scope="session")
def suite() -> Suite:
    return build_suite("feedback", texts(1), CONFIG, seed=0)


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A byte-level BPE and a two-layer llama with random weights from a seed, saved in a new folder."""

    def make(seed: int = 0, context: int = 256, diverged: bool = False, hidden: int = 32) -> Path:
        import torch
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
        from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

        bpe = Tokenizer(models.BPE())
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        bpe.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=400, special_tokens=["<|eos|>"], initial_alphabet=alphabet, show_progress=False
        )
        bpe.train_from_iterator([h.text for h in texts(7, 2)], trainer)
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=bpe,
            bos_token="<|eos|>",
            eos_token="<|eos|>",
            pad_token="<|eos|>",
            model_max_length=context,
        )
        torch.manual_seed(seed)
        shape: dict[str, Any] = {
            "hidden_size": hidden,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
        }
        network = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                max_position_embeddings=context,
                initializer_range=0.3,
                bos_token_id=0,
                eos_token_id=0,
                **shape,
            )
        )
        if diverged:
            torch.nn.init.constant_(network.lm_head.weight, float("nan"))
        folder = tmp_path_factory.mktemp("model")
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def model(make_model: Callable[..., Path]) -> Path:
    return make_model()


@pytest.fixture(scope="session")
def adapt(tmp_path_factory: pytest.TempPathFactory) -> Adapt:
    """A LoRA adapter with random weights on a model, and the model with it merged in."""

    def make(model: Path, seed: int, targets: Sequence[str] = ("q_proj", "up_proj")) -> tuple[Path, Path]:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.manual_seed(seed)
        config = LoraConfig(r=4, target_modules=[*targets], task_type="CAUSAL_LM", init_lora_weights=False)
        wrapped: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32), config)
        folder = tmp_path_factory.mktemp("adapter")
        wrapped.save_pretrained(folder / "adapter", save_embedding_layers=False)
        wrapped.merge_and_unload().save_pretrained(folder / "merged")
        AutoTokenizer.from_pretrained(model).save_pretrained(folder / "merged")
        return folder / "adapter", folder / "merged"

    return make
