"""Benchmarks as in-memory lm-eval tasks: what is asked, and the per-item metrics of the answers."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .score import Benchmark

WRITTEN = "__written"
"""Ends the name of the task in which a model writes its own answers to a benchmark's questions."""

Doc = Mapping[str, Any]
Results = Sequence[tuple[float, bool]]


def asked(benchmark: Benchmark) -> dict[str, Any]:
    """A benchmark's likelihood questions as a task: no file, no cache, no template language."""
    rolling = benchmark.kind == "bpb"
    metrics = ["value"] if rolling else ["value", "gold"] if benchmark.kind == "gold" else ["value", "accuracy", "gold"]
    return {
        **_common(benchmark, benchmark.name, metrics),
        "output_type": "loglikelihood_rolling" if rolling else "multiple_choice",
        "doc_to_text": _nothing if rolling else _text,
        "doc_to_target": _text if rolling else _answer,
        "process_results": _bits_per_byte if rolling else _gold if benchmark.kind == "gold" else _choice(benchmark),
        **({} if rolling else {"doc_to_choice": _choices}),
    }


def written(benchmark: Benchmark, tokens: int) -> dict[str, Any]:
    """The same questions for a model that writes its answer greedily, `tokens` tokens at most."""
    return {
        **_common(benchmark, benchmark.name + WRITTEN, ["length"]),
        "output_type": "generate_until",
        "doc_to_text": _text,
        "doc_to_target": _target,
        "generation_kwargs": {"until": list(benchmark.stop), "max_gen_toks": tokens, "do_sample": False},
        "process_results": _length,
    }


def _common(benchmark: Benchmark, name: str, metrics: Sequence[str]) -> dict[str, Any]:
    rows = [item.model_dump(mode="json", exclude={"cluster"}) for item in benchmark.items]
    return {
        "task": name,
        "custom_dataset": functools.partial(_dataset, rows),
        "test_split": "test",
        "num_fewshot": 0,
        "target_delimiter": "",
        "metric_list": [
            {"metric": m, "aggregation": "mean", "higher_is_better": benchmark.higher_is_better} for m in metrics
        ],
        "metadata": {"version": 1.0},
    }


def _dataset(rows: Sequence[Doc], **_: Any) -> dict[str, Any]:
    from datasets import Dataset

    return {"test": Dataset.from_list([dict(row) for row in rows])}


def _nothing(_: Doc) -> str:
    return ""


def _text(item: Doc) -> str:
    return str(item["before"]) + str(item["text"])


def _choices(item: Doc) -> list[str]:
    return list(item["choices"])


def _answer(item: Doc) -> int:
    return int(item["answer"])


def _target(item: Doc) -> str:
    return str(item["target"])


def _length(_: Doc, results: Sequence[str]) -> dict[str, float]:
    return {"length": float(len(results[0]))}


def _bits_per_byte(item: Doc, results: Sequence[float]) -> dict[str, float]:
    return {"value": -results[0] / math.log(2) / len(item["text"].encode())}


def _gold(item: Doc, results: Results) -> dict[str, float]:
    """Bits per byte of the true answer after its question."""
    bits = _per_byte(item, results)[0]
    return {"value": -bits, "gold": -bits}


def _choice(benchmark: Benchmark) -> Callable[[Doc, Results], dict[str, float]]:
    """Margin and accuracy of one question, and the bits per byte of its true answer.

    The margin is per byte where choices differ in length. Accuracy is lm-eval's for its own tasks (the first of the
    likeliest); in those made here a tie is wrong.
    """
    by_length = benchmark.kind != "arithmetic"

    def score(item: Doc, results: Results) -> dict[str, float]:
        bits = _per_byte(item, results) if by_length else [score / math.log(2) for score, _ in results]
        right = bits[item["answer"]]
        wrong = [b for place, b in enumerate(bits) if place != item["answer"]]
        hit = _hit(item, results, benchmark.normalize) if benchmark.kind == "choice" else right > max(wrong)
        gold = -_per_byte(item, results)[item["answer"]]
        return {"value": right - sum(wrong) / len(wrong), "accuracy": float(hit), "gold": gold}

    return score


def _per_byte(item: Doc, results: Results) -> list[float]:
    bits = [score / math.log(2) for score, _ in results]
    return [b / len(choice.encode()) for b, choice in zip(bits, item["choices"], strict=True)]


def _hit(item: Doc, results: Results, normalize: bool) -> bool:
    """Whether lm-eval's `acc` (or `acc_norm`, by characters without the delimiting blank) counts an answer as right."""
    sizes = [len(choice.removeprefix(" ")) if normalize else 1 for choice in item["choices"]]
    likely = [score / size for (score, _), size in zip(results, sizes, strict=True)]
    return likely.index(max(likely)) == int(item["answer"])
