"""CausalModel: a transformers model in this process that says how probable texts are, in batches of bounded size."""

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from ...tiers.errors import InputError
from ...tiers.seal import check_sealed
from ...tiers.text_tokens import text_tokens
from ...tiers.weights import refuse_pickles

BATCH_TOKENS = 8192
"""Padded tokens of one forward pass: what bounds memory, whatever the texts' lengths."""
UNKNOWN_CONTEXT = 1 << 20
"""A tokenizer that names no longest text says a number above this."""


class CausalModel:
    """Model and tokenizer; threads may share it, and take turns.

    Raises:
        InputError: there is no model and tokenizer at `path`.
    """

    def __init__(
        self, path: str, *, adapter: str = "", device: str = "cpu", dtype: Any = torch.float32, threads: int = 0
    ) -> None:
        """`threads`: of the CPU; 0 leaves them as they are."""
        self.device = torch.device(device)
        self.threads = threads
        self.lock = threading.Lock()
        self.model, self.tokenizer = _load(path, adapter, self.device, dtype)
        self.context = _context(self.model, self.tokenizer, path)
        """Longest sequence in tokens, the first (which marks the beginning of a text) included."""
        self.begin = beginning(self.tokenizer, path)
        """The token that fills up, and that stands before the first where the tokenizer puts nothing there."""
        self.start = list(text_tokens(self.tokenizer).start)
        """What stands before a text's first token, unscored."""

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, lone surrogates read as question marks."""
        return encode(self.tokenizer, text)

    def after(self, heads: Sequence[list[int]], endings: Sequence[list[int]]) -> NDArray[np.float64]:
        """[heads, endings] log-probability of each ending after each head."""
        if all(len(e) == 1 for e in endings):  # one pass a head answers for all of them
            found = np.zeros((len(heads), len(endings)))
            for batch, logits in self._passes(heads):
                last = torch.tensor([len(heads[i]) - 1 for i in batch])
                logs = logits[torch.arange(len(batch)), last].float().log_softmax(-1)
                found[batch] = logs[:, [e[0] for e in endings]].double().cpu().numpy()
            return found
        rows = self.logs([[*h, *e] for h in heads for e in endings])
        sums = [row[len(row) - len(e) :].sum() for row, e in zip(rows, list(endings) * len(heads), strict=True)]
        return np.array(sums).reshape(len(heads), len(endings))

    def logs(self, sequences: Sequence[list[int]]) -> list[NDArray[np.float64]]:
        """[tokens - 1] log-probability of each token but the first, for each sequence."""
        found: list[NDArray[np.float64]] = [np.zeros(0)] * len(sequences)
        for batch, logits in self._passes(sequences):
            ids = self._padded([sequences[i] for i in batch])
            logs = logits[:, :-1].float().log_softmax(-1).gather(2, ids[:, 1:, None])[:, :, 0]
            for i, row in zip(batch, logs.double().cpu().numpy(), strict=True):
                found[i] = row[: len(sequences[i]) - 1]
        return found

    def _passes(self, sequences: Sequence[list[int]]) -> Iterator[tuple[list[int], torch.Tensor]]:
        """The sequences' indices by batch, longest first, with the logits [batch, longest, vocabulary] of each."""
        lengths = [len(s) for s in sequences]
        with self.lock, working_threads(self.threads), torch.inference_mode():
            for batch in batches(lengths):
                # padded at the end: a causal model's earlier places do not see it, so no mask is needed
                yield batch, self.model(input_ids=self._padded([sequences[i] for i in batch])).logits

    def _padded(self, sequences: Sequence[list[int]]) -> torch.Tensor:
        longest = max(map(len, sequences))
        return torch.tensor([s + [self.begin] * (longest - len(s)) for s in sequences], device=self.device)


def _load(path: str, adapter: str, device: torch.device, dtype: Any) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    here = Path(path).is_dir()
    refuse_pickles(path)
    for folder in filter(None, (path, adapter)):
        check_sealed(Path(folder))
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=here)
        # safetensors only: a pickle runs what its author pleases
        model: Any = AutoModelForCausalLM.from_pretrained(
            path, local_files_only=here, dtype=dtype, use_safetensors=True
        )
        model = _adapted(model, adapter) if adapter else model
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"the model {path} cannot be read: {str(error).splitlines()[0]}") from error
    return model.to(device).eval(), tokenizer


def _adapted(model: Any, adapter: str) -> Any:
    from peft import PeftModel

    refuse_pickles(adapter)
    try:
        with warnings.catch_warnings():  # peft 0.21 still asks transformers 5 by the old name
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            return PeftModel.from_pretrained(model, adapter)
    except (RuntimeError, KeyError) as error:
        raise InputError(f"the adapter {adapter} does not fit the model: {str(error).splitlines()[0]}") from error


def _context(model: Any, tokenizer: Any, path: str) -> int:
    told = getattr(model.config.get_text_config(), "max_position_embeddings", None) or tokenizer.model_max_length
    if told > UNKNOWN_CONTEXT:
        raise InputError(f"the model {path} names no longest text; set max_position_embeddings in its config.json")
    return int(told)


def beginning(tokenizer: Any, path: str) -> int:
    """The token before the first: what stands between documents in training."""
    for token in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    raise InputError(f"the tokenizer in {path} marks neither beginning nor end of a text (bos, eos); a judge needs one")


def encode(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a text and no others, lone surrogates read as question marks; none of them is a control token."""
    return text_tokens(tokenizer).encode(sound(text))


def sound(text: str) -> str:
    """`text` without lone surrogates, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def without_middle(ids: list[int], room: int) -> list[int]:
    """At most `room` tokens: a prompt's task stands at its beginning and its question at its end."""
    return ids if len(ids) <= room else ids[: room // 2] + ids[len(ids) - (room - room // 2) :]


def batches(lengths: Sequence[int], more: int = 0) -> Iterator[list[int]]:
    """Indices by batch, longest first, cut where one, padded to its first and `more`, would exceed BATCH_TOKENS."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    at = 0
    while at < len(order):
        size = max(1, BATCH_TOKENS // (lengths[order[at]] + more))
        yield order[at : at + size]
        at += size


@contextmanager
def working_threads(count: int) -> Iterator[None]:
    """So many threads for a while; 0 changes nothing. One adds in one order, and two spin on small matrices."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
