"""The base: a small llama with its own byte-level BPE trained from scratch, or a model that is already there."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..tiers.errors import TrainingError
from ..tiers.fingerprint import model_fingerprint
from ..tiers.record import Record
from ..tiers.seal import is_intact, seal_folder
from ..tiers.whole import write_whole
from .batch import Batch
from .digest import RECIPE, digest, texts_digest
from .fit import Fitted, Progress, Recipe, attention, choose_device, choose_dtype, fit, stretches
from .models import build_folder, check_vocabulary, load_model, save_model
from .packing import load_tokenizer, token_stream
from .spec import ModelConfig

END, PAD = "<|endoftext|>", "<|pad|>"
VOCABULARY_BYTES = 4_000_000
"""Text from which the BPE merges are learned; more does not change a small vocabulary and costs seconds."""
SHORT = ((0.3, 4), (0.6, 2))
"""Until this share of the steps, blocks are cut into so many pieces: short sequences learn faster at first."""
SHORTEST = 32
"""Tokens below which a piece is not cut."""


class BaseModel(Record):
    """A base ready to be fine-tuned; `base.json` in its folder, where `path` is `.`."""

    path: str
    fingerprint: str
    tokens: int
    """Tokens it was trained on; 0 for a model that was already there."""
    seconds: float
    cached: bool = False
    parameters: int
    losses: tuple[float, ...] = ()
    """Training loss in nats per token, averaged over ten equal stretches."""


def build_base(
    config: ModelConfig, texts: Iterable[str], cache: Path, progress: Progress | None = None, *, threads: int = 0
) -> BaseModel:
    """Train the base, or find it in `cache/<fingerprint>/`.

    Args:
        config: its shape and training; with `path` that model is taken as it is.
        texts: training text in a seeded order; all of it counts for the fingerprint.
        cache: folder shared by any number of processes and runs.
        progress: called after each step.
        threads: of torch while training; 0 leaves them as they are.

    Raises:
        TrainingError: too little text, a diverged loss, or no readable model and tokenizer at `path`.
    """
    if config.path:
        return _existing(config, cache)
    texts = list(texts)
    fingerprint = digest("base", RECIPE, config.model_dump(), texts_digest(texts))
    folder = cache / fingerprint
    if is_intact(folder):
        return load_base(folder)

    def build(out: Path) -> None:
        with _threads(threads):
            _train(config, texts, fingerprint, out, progress)

    build_folder(folder, build, is_intact)
    return load_base(folder).model_copy(update={"cached": False})


def load_base(folder: Path) -> BaseModel:
    """The base in a folder, said to be from the cache."""
    record = BaseModel.model_validate_json((folder / "base.json").read_bytes())
    return record.model_copy(update={"path": str(folder), "cached": True})


def train_tokenizer(texts: Iterable[str], vocab: int, block: int) -> Any:
    """A byte-level BPE of at most `vocab` tokens as a transformers tokenizer; every text can be written in it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=[END, PAD], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=END, eos_token=END, pad_token=PAD, model_max_length=block
    )


def _train(config: ModelConfig, texts: list[str], fingerprint: str, out: Path, progress: Progress | None) -> None:
    """Tokenizer, packed blocks, weights; `base.json`, and the seal last."""
    tokenizer = train_tokenizer(_opening(texts), config.vocab, config.block)
    tokenizer.save_pretrained(str(out))
    blocks = _blocks(config, iter(texts), load_tokenizer(out))
    device = choose_device("auto")
    dtype = choose_dtype(config.dtype, device)
    model = _new_model(config, tokenizer, attention(device, dtype, config.block)).to(device)
    recipe = Recipe(config.steps, config.lr, 0.05, 0.4, 0.1, 1.0, device, dtype, config.seed)
    fitted = fit(model, _batches(blocks, config), recipe, progress)
    _check(fitted, config)
    save_model(model, out)
    record = BaseModel(
        path=".",
        fingerprint=fingerprint,
        tokens=fitted.tokens,
        seconds=round(fitted.seconds, 3),
        parameters=sum(p.numel() for p in model.parameters()),
        losses=stretches(fitted.losses),
    )
    write_whole(out / "base.json", record.model_dump_json(indent=1).encode())
    seal_folder(out)


def _new_model(config: ModelConfig, tokenizer: Any, attend: str) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden,
        intermediate_size=config.intermediate,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        max_position_embeddings=config.block,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.7 / config.hidden**0.5,  # the usual 0.02 is right for 1024 units and starves 128 of them
    )
    shape._attn_implementation = attend
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return LlamaForCausalLM(shape)


def _blocks(config: ModelConfig, texts: Iterator[str], tokenizer: Any) -> npt.NDArray[np.uint32]:
    """As many blocks [n, block] as training needs, or as the text gives."""
    wanted = config.steps * config.batch * config.block
    parts: list[npt.NDArray[np.uint32]] = []
    total = 0
    for part in token_stream(texts, tokenizer):
        parts.append(part)
        total += len(part)
        if total >= wanted:
            break
    full = min(total, wanted) // config.block
    if not full:
        raise TrainingError(f"the base wants {config.block} tokens at least, the sources gave {total}: add sources")
    return np.concatenate(parts)[: full * config.block].reshape(full, config.block)


def _batches(blocks: npt.NDArray[np.uint32], config: ModelConfig) -> Any:
    """Blocks in another seeded order each epoch, short pieces first (sequence length warm-up, arXiv 2108.06084)."""
    slots = config.steps * config.batch
    epochs = [
        np.random.Generator(np.random.PCG64([config.seed, e])).permutation(len(blocks))
        for e in range(-(-slots // len(blocks)))
    ]
    order = np.concatenate(epochs)[:slots].reshape(config.steps, config.batch)
    return lambda step: Batch(blocks[order[step]].astype(np.int64).reshape(-1, _length(step, config)))


def _length(step: int, config: ModelConfig) -> int:
    """Tokens in a sequence at `step`."""
    pieces = next((pieces for share, pieces in SHORT if step < share * config.steps), 1)
    fits = config.block % pieces == 0 and config.block // pieces >= SHORTEST
    return config.block // pieces if fits else config.block


def _opening(texts: list[str]) -> list[str]:
    """The first texts up to VOCABULARY_BYTES characters."""
    sizes = accumulate(len(t) for t in texts)
    return [t for t, size in zip(texts, sizes, strict=True) if size - len(t) < VOCABULARY_BYTES]


def _check(fitted: Fitted, config: ModelConfig) -> None:
    if fitted.diverged or not fitted.losses:
        raise TrainingError(f"the base diverged after {len(fitted.losses)} steps: lower model.lr (now {config.lr:g})")


def _existing(config: ModelConfig, cache: Path) -> BaseModel:
    """A model on disk as it lies there; one of the Hub as a copy in the cache."""
    folder = Path(config.path)
    if not folder.is_dir():
        folder = cache / f"hub-{hashlib.blake2b(config.path.encode(), digest_size=8).hexdigest()}"
        if not is_intact(folder):
            build_folder(folder, lambda out: _fetch(config.path, out), is_intact)
    model = load_model(folder)
    check_vocabulary(model, load_tokenizer(folder), folder)
    parameters = sum(p.numel() for p in model.parameters())
    return BaseModel(
        path=str(folder),
        fingerprint=model_fingerprint(folder),
        tokens=0,
        seconds=0.0,
        cached=True,
        parameters=parameters,
    )


def _fetch(name: str, out: Path) -> None:
    """Copy a model of the Hub (or of its local cache).

    Raises:
        TrainingError: there is no such model, or no network to fetch it.
    """
    try:
        load_tokenizer(Path(name)).save_pretrained(str(out))
        save_model(load_model(Path(name)), out)
        seal_folder(out)
    except TrainingError as e:
        raise TrainingError(
            f"{e}. There is no folder {name} here and the Hub did not give such a model: --set model.path=FOLDER names "
            "one on disk"
        ) from e


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
