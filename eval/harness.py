"""Measuring models: lm-eval's evaluate() over in-memory tasks, one engine for a base and all of its adapters."""

import functools
import hashlib
import importlib.metadata
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..tiers import text_tokens
from ..tiers.errors import EvalError
from ..tiers.fingerprint import ADAPTER, files_digest
from ..tiers.seal import check_sealed
from . import answers, engine, likelihood, lm_tasks, task_answers, vllm_engine
from .config import EngineName
from .score import Benchmark, Suite
from .scores import Score, measured, write_scores


@dataclass(frozen=True)
class How:
    """What a measurement depends on besides the model and the questions."""

    batch: int = 8
    """Sequences in one forward pass. In float32 scores do not depend on it (beyond 1e-5)."""
    device: str = "cpu"
    """`auto`: the GPU if there is one."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What forward passes run in; must be the same for models that are compared."""
    engine: EngineName = "hf"
    """vLLM batches by itself and on its own device; `auto` takes it where it is installed and there is a GPU."""
    memory: float = 0.8
    """Share of the GPU's memory that vLLM takes; the logits of prompts want room beside it."""
    tokens: int = 0
    """Longest answer that the model writes itself where a benchmark can check it; 0 measures likelihoods alone."""
    tasks: str = ""
    """Folder of lm-eval task files of one's own, from which benchmarks were imported."""
    chat: bool = False
    """Put questions through the model's chat template."""
    execute: answers.Execute | None = None
    """For answers that are code; without it code is not run and only its likelihood is measured."""


def measure(
    model: Path,
    suite: Suite,
    out: Path,
    *,
    fingerprint: str = "",
    how: How | None = None,
) -> Path:
    """Score one model on every item of a suite and write the per-item Parquet file `out`.

    A file that was measured from the same model, suite and code is left as it is.

    Args:
        model: Folder in transformers format with its tokenizer.
        suite: What to ask.
        out: Parquet file to write (columns: scores.SCHEMA).
        fingerprint: Names the model; the digest of its files if not given.
        how: Batch, device, precision, and whether answers are written.

    Raises:
        EvalError: the model cannot be loaded, is too short for a question, or gives no finite score.
    """
    return measure_adapters(model, {out: None}, suite, fingerprint=fingerprint, how=how)[0]


def measure_adapters(
    base: Path,
    outs: Mapping[Path, Path | None],
    suite: Suite,
    *,
    fingerprint: str = "",
    how: How | None = None,
) -> list[Path]:
    """Score a base and adapters of it, the base loaded once, and write one Parquet file for each.

    Scores are those of the merged models up to float rounding. Nothing is loaded if all was measured before.

    Args:
        base: Folder in transformers format with its tokenizer.
        outs: Adapter folder by the Parquet file to write; None is the base itself.
        suite: What to ask.
        fingerprint: Names the base; the digest of its files if not given.
        how: Batch, device, precision, and whether answers are written.

    Raises:
        LedgerError: a file of a model that coevo made is missing or altered.
        EvalError: as `measure`; or there is no adapter in a folder, or it does not fit the base.
    """
    how = how or How()
    if not (base / "config.json").is_file():
        raise EvalError(f"no model to measure in {base}: wanted a transformers folder with config.json")
    for folder in (base, *filter(None, outs.values())):
        check_sealed(folder)
    known = f"{fingerprint or files_digest(base)} {how.dtype} {_writing(how)}{_engine_version(how)}{code_version()}"
    source = {
        out: known if adapter is None else f"{files_digest(adapter, ADAPTER)} on {known}"
        for out, adapter in outs.items()
    }
    missing = {out: outs[out] for out in outs if not measured(out, suite, source[out])}
    if not missing:
        return list(outs)
    adapters = [adapter for adapter in missing.values() if adapter]
    for given in adapters:
        engine.check_adapter(given, base)
    with engine.quiet(), _opened(base, how, adapters) as lm:
        asked = chatted(lm, suite, base) if how.chat else suite
        _check_lengths(lm, asked, how)
        for out, adapter in missing.items():
            with lm.adapted(adapter) if adapter else nullcontext():
                scores = _evaluate(lm, asked, how)
            write_scores(out, suite, _finite(scores, adapter or base), source[out])
    return list(outs)


def chatted(lm: Any, suite: Suite, model: Path) -> Suite:
    """The suite with its questions as a user's turn in the model's chat template, and answers as the model's.

    Texts, continuations that were cut from texts, and code that goes on where its prompt ends stay as they are.

    Raises:
        EvalError: the model has no chat template.
    """
    if not getattr(lm.tokenizer, "chat_template", None):
        raise EvalError(
            f"evaluation.chat asks for a chat template, and the tokenizer in {model} has none: set evaluation.chat="
            "false, or put the model's chat_template.jinja there"
        )
    return suite.model_copy(update={"benchmarks": tuple(_chatted(lm, b) for b in suite.benchmarks)})


def _chatted(lm: Any, benchmark: Benchmark) -> Benchmark:
    if benchmark.kind not in ("choice", "gold") or benchmark.check in answers.CODE:
        return benchmark
    items = []
    for item in benchmark.items:
        text = lm.apply_chat_template([{"role": "user", "content": item.before + item.text}])
        choices = tuple(choice.removeprefix(" ") for choice in item.choices)
        items.append(item.model_copy(update={"before": "", "text": text, "choices": choices}))
    return benchmark.model_copy(update={"items": tuple(items)})


def engine_of(wanted: EngineName) -> Literal["hf", "vllm"]:
    """Which engine measures: `auto` is vLLM where it is installed and there is a GPU."""
    if wanted != "auto":
        return wanted
    import torch

    return "vllm" if torch.cuda.is_available() and vllm_engine.installed() else "hf"


@contextmanager
def _opened(base: Path, how: How, adapters: Sequence[Path]) -> Iterator[Any]:
    """The base in its engine, while the block runs."""
    if engine_of(how.engine) == "vllm":
        lm = vllm_engine.load(base, how.dtype, how.memory, adapters)
    else:
        lm = engine.load(base, how.batch, how.device, how.dtype)
    try:
        yield lm
    finally:
        lm.close()


@functools.cache
def code_version() -> str:
    """What else bears on a score: this code, and the versions of the libraries below it."""
    modules = (answers, engine, likelihood, lm_tasks, task_answers, text_tokens, vllm_engine)
    files = (__file__, *(module.__file__ for module in modules))
    text = b"".join(Path(str(f)).read_bytes() for f in files)
    versions = ",".join(f"{name}={importlib.metadata.version(name)}" for name in ("lm-eval", "torch", "transformers"))
    return f"{hashlib.blake2b(text, digest_size=6).hexdigest()} {versions}"


def _writing(how: How) -> str:
    chat = "chat " if how.chat else ""
    return chat + (f"{how.tokens} tokens{'' if how.execute else ', no code run'} " if how.tokens else "")


def _engine_version(how: How) -> str:
    return f"vllm={vllm_engine.version()} " if engine_of(how.engine) == "vllm" else ""


def _finite(scores: dict[str, Score], model: Path) -> dict[str, Score]:
    bad = next((name for name, score in scores.items() if not math.isfinite(score.value)), None)
    if bad is not None:
        raise EvalError(f"{model} gave no finite score on {bad}: it has diverged; lower the learning rate")
    return scores


def _check_lengths(lm: Any, suite: Suite, how: How) -> None:
    """lm-eval would cut a question that is too long from the left and score the rest without a word."""
    for benchmark in suite.benchmarks:
        if benchmark.kind == "bpb":
            continue
        room = lm.max_length - how.tokens * bool(benchmark.check)
        if room <= 0:
            raise EvalError(
                f"the model takes {lm.max_length} tokens, which leaves no room for an answer of {how.tokens}: "
                "lower evaluation.written or use a model with a longer context"
            )
        for item in benchmark.items:
            longest = max(item.choices, key=len)
            text = item.before + item.text
            if len(text.encode()) + len(longest.encode()) <= room:
                continue  # a byte-level tokenizer makes at most one token of a byte
            tokens = max(len(lm.tok_encode(text + choice)) for choice in item.choices)
            over = bool(benchmark.check and how.tokens) and len(lm.tok_encode(text)) > room
            if tokens > lm.max_length + 1 or over:
                raise EvalError(
                    f"{benchmark.name} item {item.id} has {tokens} tokens, the model takes {lm.max_length}: "
                    f"lower evaluation.{'cloze_context_bytes' if benchmark.kind == 'cloze' else 'pack_bytes'} "
                    "or use a model with a longer context"
                )


def _evaluate(lm: Any, suite: Suite, how: How) -> dict[str, Score]:
    """Scores by item id."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    harness: Any = lm_eval
    writing = [b for b in suite.benchmarks if how.tokens and b.check and (how.execute or b.check not in answers.CODE)]
    by_us = [b for b in writing if b.check != "task"]
    tasks = [lm_tasks.asked(b) for b in suite.benchmarks] + [lm_tasks.written(b, how.tokens) for b in by_us]
    loaded = TaskManager(include_defaults=False).load(tasks)
    samples = harness.evaluate(lm=lm, task_dict=loaded, bootstrap_iters=0, log_samples=True)["samples"]
    found = {
        s["doc"]["id"]: Score(float(s["value"]), s.get("accuracy"), s.get("gold"))
        for b in suite.benchmarks
        for s in samples[b.name]
    }
    for b in by_us:
        said = {s["doc"]["id"]: str(s["filtered_resps"][0]) for s in samples[b.name + lm_tasks.WRITTEN]}
        right = answers.right(b, [said[item.id] for item in b.items], how.execute)
        found |= {i.id: found[i.id]._replace(accuracy=r) for i, r in zip(b.items, right, strict=True)}
    for b in writing:
        own = task_answers.judged(lm, b, how.tokens, how.tasks, how.chat) if b.check == "task" else {}
        found |= {name: found[name]._replace(accuracy=score) for name, score in own.items()}
    return found
