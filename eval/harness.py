"""Measuring a model: lm-eval's evaluate() over in-memory tasks; the only file that knows lm-eval."""

import functools
import hashlib
import importlib.metadata
import logging
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from ..tiers.errors import EvalError
from . import likelihood
from .likelihood import continuation_scores
from .score import Benchmark, Suite
from .scores import measured, write_scores

LONGEST_CONTEXT = 4096
"""Models with a longer context are measured with this one: rolling windows of more tokens cost memory, not meaning."""


def measure(
    model: Path,
    suite: Suite,
    out: Path,
    *,
    fingerprint: str = "",
    batch: int = 8,
    device: str = "cpu",
    dtype: Literal["float32", "bfloat16"] = "float32",
) -> Path:
    """Score one model on every item of a suite and write the per-item Parquet file `out`.

    A file that was measured from the same model, suite and code is left as it is. In float32 the scores do not depend
    on `batch` (beyond 1e-5).

    Args:
        model: Folder in transformers format with its tokenizer.
        suite: What to ask.
        out: Parquet file to write (columns: scores.SCHEMA).
        fingerprint: Names the model; the digest of its files if not given.
        batch: Sequences in one forward pass.
        device: Where the forward passes run.
        dtype: What they run in; must be the same for models that are compared.

    Raises:
        EvalError: the model cannot be loaded, is too short for a question, or gives no finite score.
    """
    if not (model / "config.json").is_file():
        raise EvalError(f"no model to measure in {model}: wanted a transformers folder with config.json")
    source = f"{fingerprint or _files_digest(model)} {dtype} {code_version()}"
    if measured(out, suite, source):
        return out
    with _quiet():
        lm = _load(model, batch, device, dtype)
        _check_lengths(lm, suite)
        scores = _evaluate(lm, suite)
    bad = next((name for name, (value, _) in scores.items() if not math.isfinite(value)), None)
    if bad is not None:
        raise EvalError(f"{model} gave no finite score on {bad}: it has diverged; lower the learning rate")
    return write_scores(out, suite, scores, source)


@functools.cache
def code_version() -> str:
    """What else bears on a score: this code, and the versions of the libraries below it."""
    text = b"".join(Path(f).read_bytes() for f in (__file__, likelihood.__file__))
    versions = ",".join(f"{name}={importlib.metadata.version(name)}" for name in ("lm-eval", "torch", "transformers"))
    return f"{hashlib.blake2b(text, digest_size=6).hexdigest()} {versions}"


def _files_digest(model: Path) -> str:
    """Digest of a model folder's weights, configuration and tokenizer."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(model.iterdir()):
        if path.suffix in {".safetensors", ".bin"} or path.name in {"config.json", "tokenizer.json"}:
            digest.update(path.name.encode())
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


@contextmanager
def _quiet() -> Iterator[None]:
    """Offline, without the progress bars and the advice that the libraries print, and without their import warnings."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with warnings.catch_warnings():
        for module in ("lm_eval", "datasets", "transformers", "torch", "multiprocess", "dill"):
            warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
        from transformers.utils import logging as transformers_logging

        bars = transformers_logging.is_progress_bar_enabled()
        loggers = [logging.getLogger(name) for name in ("lm_eval", "transformers")]
        levels = [logger.level for logger in loggers]
        transformers_logging.disable_progress_bar()
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            if bars:
                transformers_logging.enable_progress_bar()


@functools.cache
def _model_class() -> type[Any]:
    """HFLM with our batching, made on first use because importing lm-eval takes seconds."""
    from lm_eval.api import task
    from lm_eval.models import huggingface
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

    task.tqdm = functools.partial(task.tqdm, disable=True)  # its request builder has no switch for the progress bar

    base: Any = huggingface.HFLM

    class SharedContextLM(base):  # type: ignore[misc]  # lm_eval has no types
        """HFLM's tokenization and windows; likelihoods by `continuation_scores`."""

        def loglikelihood(self, requests: Any, disable_tqdm: bool = True) -> list[tuple[float, bool]]:
            return list(super().loglikelihood(requests, disable_tqdm=True))

        def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = True) -> list[float]:
            owners, windows = [], []
            for owner, request in enumerate(requests):
                tokens = self.tok_encode(request.args[0])
                for window in get_rolling_token_windows(tokens, self.prefix_token_id, self.max_length, 1):
                    owners.append(owner)
                    windows.append((None, *make_disjoint_window(window)))
            sums = [0.0] * len(requests)
            for owner, (loss, _) in zip(owners, self._loglikelihood_tokens(windows), strict=True):
                sums[owner] += loss
            return sums

        def _loglikelihood_tokens(
            self, requests: Any, disable_tqdm: bool = True, override_bs: int | None = None
        ) -> list[tuple[float, bool]]:
            pairs = [(tuple(context), tuple(ending)) for _, context, ending in requests]
            # Nothing here asks whether greedy decoding would have hit; the search for the maximum would cost a tenth.
            return [(score, False) for score in continuation_scores(self.model, pairs, self.batch_size)]

    return SharedContextLM


def _load(model: Path, batch: int, device: str, dtype: str) -> Any:
    """The model behind lm-eval's interface."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
        network: Any = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype))
        network = network.to(torch.device(device))
    except (OSError, ValueError, RuntimeError) as error:
        raise EvalError(f"{model} cannot be loaded as a causal language model with a tokenizer: {error}") from error
    positions = getattr(network.config, "max_position_embeddings", None) or LONGEST_CONTEXT
    length = int(min(positions, tokenizer.model_max_length, LONGEST_CONTEXT))
    return _model_class()(pretrained=network, tokenizer=tokenizer, batch_size=batch, max_length=length)


def _check_lengths(lm: Any, suite: Suite) -> None:
    """lm-eval would cut a question that is too long from the left and score the rest without a word."""
    for benchmark in suite.benchmarks:
        if benchmark.kind == "bpb":
            continue
        longest = [(item, max(item.choices, key=len)) for item in benchmark.items]
        for item, choice in longest:
            if len(item.text.encode()) + len(choice.encode()) <= lm.max_length:
                continue  # a byte-level tokenizer makes at most one token of a byte
            tokens = max(len(lm.tok_encode(item.text + choice)) for choice in item.choices)
            if tokens > lm.max_length + 1:
                raise EvalError(
                    f"{benchmark.name} item {item.id} has {tokens} tokens, the model takes {lm.max_length}: "
                    "lower eval.cloze_context_bytes or use a model with a longer context"
                )


def _evaluate(lm: Any, suite: Suite) -> dict[str, tuple[float, float | None]]:
    """(value, accuracy) by item id."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    harness: Any = lm_eval
    tasks = TaskManager(include_defaults=False).load([_task(benchmark) for benchmark in suite.benchmarks])
    result = harness.evaluate(lm=lm, task_dict=tasks, bootstrap_iters=0, log_samples=True)
    samples = [sample for benchmark in suite.benchmarks for sample in result["samples"][benchmark.name]]
    return {s["doc"]["id"]: (float(s["value"]), s.get("accuracy")) for s in samples}


def _task(benchmark: Benchmark) -> dict[str, Any]:
    """One benchmark as an in-memory lm-eval task: no file, no cache, no template language."""
    rows = [item.model_dump(mode="json", exclude={"cluster"}) for item in benchmark.items]
    rolling = benchmark.kind == "bpb"
    metrics = ["value"] if rolling else ["value", "accuracy"]
    return {
        "task": benchmark.name,
        "custom_dataset": functools.partial(_dataset, rows),
        "output_type": "loglikelihood_rolling" if rolling else "multiple_choice",
        "test_split": "test",
        "num_fewshot": 0,
        "target_delimiter": "",
        "doc_to_text": _nothing if rolling else _text,
        "doc_to_target": _text if rolling else _answer,
        "process_results": _bits_per_byte if rolling else _choice(benchmark.kind),
        "metric_list": [
            {"metric": m, "aggregation": "mean", "higher_is_better": benchmark.higher_is_better} for m in metrics
        ],
        "metadata": {"version": 1.0},
        **({} if rolling else {"doc_to_choice": _choices}),
    }


def _dataset(rows: Sequence[Mapping[str, Any]], **_: Any) -> dict[str, Any]:
    from datasets import Dataset

    return {"test": Dataset.from_list([dict(row) for row in rows])}


def _nothing(_: Mapping[str, Any]) -> str:
    return ""


def _text(item: Mapping[str, Any]) -> str:
    return str(item["text"])


def _choices(item: Mapping[str, Any]) -> list[str]:
    return list(item["choices"])


def _answer(item: Mapping[str, Any]) -> int:
    return int(item["answer"])


def _bits_per_byte(item: Mapping[str, Any], results: Sequence[float]) -> dict[str, float]:
    return {"value": -results[0] / math.log(2) / len(item["text"].encode())}


def _choice(kind: str) -> Callable[[Mapping[str, Any], Sequence[tuple[float, bool]]], dict[str, float]]:
    """Margin and accuracy of one question."""

    def score(item: Mapping[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, float]:
        bits = [score / math.log(2) for score, _ in results]
        if kind == "cloze":  # choices differ in length
            bits = [b / len(choice.encode()) for b, choice in zip(bits, item["choices"], strict=True)]
        right = bits[item["answer"]]
        wrong = [b for place, b in enumerate(bits) if place != item["answer"]]
        return {"value": right - sum(wrong) / len(wrong), "accuracy": float(right > max(wrong))}

    return score
