"""Models on disk: transformers folders of safetensors weights and a tokenizer, loadable by path alone."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from ..tiers.errors import TrainingError
from ..tiers.seal import check_sealed
from ..tiers.weights import refuse_pickles
from ..tiers.whole import publish, unfinished

_TOKENIZER = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "chat_template*",
)


def load_model(
    path: Path, *, attention: str = "sdpa", dtype: torch.dtype = torch.float32, four_bits: bool = False
) -> Any:
    """The causal language model in a folder (or on the Hub), on the CPU; in four bits on the GPU.

    An architecture without torch's fused attention (Gemma 2, GPT-OSS, BLOOM, MPT) computes with its own (`eager`).

    Raises:
        LedgerError: a file of a model that coevo made is missing or altered.
        TrainingError: no readable model there, or four bits are wanted without a GPU or bitsandbytes.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    refuse_pickles(path)
    logging.disable_progress_bar()
    check_sealed(Path(path))
    more = {"quantization_config": _four_bits(), "device_map": {"": torch.cuda.current_device()}} if four_bits else {}
    try:
        own = _own_attention(path, attention)
        return AutoModelForCausalLM.from_pretrained(
            str(path), attn_implementation=own, dtype=dtype, use_safetensors=True, **more
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as e:
        why = (str(e).strip() or type(e).__name__).splitlines()[0]
        raise TrainingError(f"wanted a transformers causal language model in {path}, got: {why}") from e


def _own_attention(path: Path, attention: str) -> str:
    """The attention that a model can compute with: fused where it is asked for and the architecture has it."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(str(path))
    own: Any = AutoModelForCausalLM._model_mapping.get(type(config), None)
    classes = own if isinstance(own, (list, tuple)) else [own]
    fused = all(getattr(c, "_supports_sdpa", True) for c in classes)
    return "eager" if attention == "sdpa" and not fused else attention


def _four_bits() -> Any:
    """NF4 with double quantisation (QLoRA, arXiv 2305.14314), by bitsandbytes."""
    from transformers import BitsAndBytesConfig

    check_four_bits()
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def check_four_bits() -> None:
    """Whether a model can be held in four bits here.

    Raises:
        TrainingError: there is no GPU, or no bitsandbytes.
    """
    from transformers.utils.import_utils import is_bitsandbytes_available

    if not torch.cuda.is_available():
        raise TrainingError("training.method=qlora wants an NVIDIA GPU, torch sees none: set training.method=lora")
    if not is_bitsandbytes_available():
        raise TrainingError("training.method=qlora wants bitsandbytes: pip install 'coevo[qlora]', or set method=lora")


def check_vocabulary(model: Any, tokenizer: Any, path: Path) -> None:
    """Whether a model has a row for every token that its tokenizer knows.

    Raises:
        TrainingError: it has fewer: the tokenizer is another model's.
    """
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise TrainingError(
            f"the tokenizer in {path} knows {len(tokenizer)} tokens, the model has {rows} embeddings: it is another "
            "model's; copy the tokenizer files there that the model was trained with"
        )


def recompute_activations(model: Any) -> None:
    """Keep no activations of the layers for the way back (gradient checkpointing)."""
    how = {"use_reentrant": False}
    if hasattr(model, "activation_checkpointing_enable"):  # its name since transformers 5.2x
        model.activation_checkpointing_enable(activation_checkpointing_kwargs=how)
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=how)


def save_model(model: Any, out: Path) -> None:
    """Write weights and config as safetensors."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.config.use_cache = True
    model.save_pretrained(str(out))


def copy_tokenizer(source: Path, out: Path) -> None:
    """Copy what a tokenizer is read from."""
    for path in sorted({p for pattern in _TOKENIZER for p in Path(source).glob(pattern) if p.is_file()}):
        shutil.copyfile(path, out / path.name)


def build_folder(out: Path, build: Callable[[Path], None], is_done: Callable[[Path], bool]) -> None:
    """Let `build` fill a temporary folder beside `out`, then give it the name in one step.

    Of several processes building the same, the first to finish wins and the others' work is thrown away.
    What lies at `out` and is not done is replaced.
    """
    temporary = unfinished(out)
    temporary.mkdir(parents=True)
    try:
        build(temporary)
        while not is_done(out):
            if out.exists():
                _discard(out)
            try:
                publish(temporary, out)
            except OSError:  # another builder gave the name meanwhile: look again
                if not out.exists():
                    raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _discard(folder: Path) -> None:
    """Take the name away at once, then delete: nobody sees the folder half gone."""
    away = unfinished(folder)
    try:
        folder.rename(away)
    except FileNotFoundError:  # another builder was faster
        return
    shutil.rmtree(away)
