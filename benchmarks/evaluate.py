"""Seconds to score K models: one process that stays, against lm_eval.simple_evaluate called K times.

Both ask the same questions of the same models in the same process, so imports count for neither. The peer is lm-eval
as its documentation shows it: model by path, HFLM, tasks with the same prompts and per-sample metrics in templates, and
default settings but for the bootstrap, which is off. Alternating runs, medians; the scores are compared item by item
and must agree.

With --command the peer is the lm_eval command, called once for each of K adapters of one base, on the same questions in
a task file; ours loads the base once and swaps the adapters. Both count from a cold start of Python.
"""

import argparse
import contextlib
import io
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from coevo.eval import EvalConfig, HeldOut, Suite, build_suite, measure, read_scores


def texts() -> list[HeldOut]:
    """Real code: the standard library's own sources, in three made-up domains."""
    files = sorted(Path(os.__file__).parent.glob("*.py"))[:90]
    return [
        HeldOut(file.read_text(encoding="utf-8", errors="replace"), ("code", "en", "math")[n % 3], file.name)
        for n, file in enumerate(files)
    ]


def make_model(folder: Path, seed: int, held: list[HeldOut]) -> Path:
    """The embedded base's shape: a llama of 1.3M parameters (random weights) and a byte-level BPE of 4096 entries."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=4096, special_tokens=["<|eos|>"], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator([h.text[:10_000] for h in held], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<|eos|>", eos_token="<|eos|>", pad_token="<|eos|>", model_max_length=256
    )
    torch.manual_seed(seed)
    shape: dict[str, Any] = {
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
    }
    config = LlamaConfig(
        vocab_size=4096, max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, **shape
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def ours(models: list[Path], suite: Suite, out: Path) -> list[dict[str, float]]:
    """Score by item id, one dictionary a model."""
    found = []
    for n, model in enumerate(models):
        path = out / f"{n}.parquet"
        path.unlink(missing_ok=True)
        scores = read_scores(measure(model, suite, path, fingerprint=model.name), suite)
        found.append({i: float(v) for s in scores.values() for i, v in zip(s.items, s.values, strict=True)})
    return found


def peer(models: list[Path], suite: Suite) -> list[dict[str, float]]:
    """The same by lm-eval alone."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    harness: Any = lm_eval
    found = []
    for model in models:
        arguments = {"pretrained": str(model), "dtype": "float32", "max_length": 256}
        result = harness.simple_evaluate(
            model="hf",
            model_args=arguments,
            tasks=[peer_task(b) for b in suite.benchmarks],
            task_manager=TaskManager(include_defaults=False),
            batch_size=32,
            device="cpu",
            bootstrap_iters=0,
            log_samples=True,
        )
        samples = [s for b in suite.benchmarks for s in result["samples"][b.name]]
        found.append({s["doc"]["id"]: float(s["value"]) for s in samples})
    return found


def peer_task(benchmark: Any) -> dict[str, Any]:
    """The benchmark as anyone would write it for lm-eval (Jinja templates, as in its task folders)."""
    import datasets

    rows = [item.model_dump(mode="json", exclude={"cluster"}) for item in benchmark.items]
    common = {
        "task": benchmark.name,
        "custom_dataset": lambda **_: {"test": datasets.Dataset.from_list(rows)},
        "test_split": "test",
        "num_fewshot": 0,
        "metric_list": [{"metric": "value", "aggregation": "mean", "higher_is_better": True}],
        "target_delimiter": "",
        "metadata": {"version": 1.0},
    }
    if benchmark.kind == "bpb":
        rolling = {"output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "{{text}}"}
        return {**common, **rolling, "process_results": bits_per_byte}
    choice = {"output_type": "multiple_choice", "doc_to_text": "{{text}}", "doc_to_target": "{{answer}}"}
    margin = cloze_margin if benchmark.kind == "cloze" else plain_margin
    return {**common, **choice, "doc_to_choice": "{{choices}}", "process_results": margin}


def bits_per_byte(item: dict[str, Any], results: list[float]) -> dict[str, float]:
    """Bits that a chunk costs, per UTF-8 byte."""
    return {"value": -results[0] / math.log(2) / len(item["text"].encode())}


def plain_margin(item: dict[str, Any], results: list[tuple[float, bool]], sizes: list[int] | None = None) -> Any:
    """Bits by which the true choice beats the mean of the others."""
    bits = [r[0] / math.log(2) / (sizes[n] if sizes else 1) for n, r in enumerate(results)]
    right = bits.pop(item["answer"])
    return {"value": right - sum(bits) / len(bits)}


def cloze_margin(item: dict[str, Any], results: list[tuple[float, bool]]) -> Any:
    """The same per byte of the choice."""
    return plain_margin(item, results, [len(choice.encode()) for choice in item["choices"]])


TASK = """task: adapters_choice
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
output_type: multiple_choice
test_split: test
doc_to_text: "{{{{text}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: answer
target_delimiter: ""
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0}}
"""
OURS = """
import json, sys
from pathlib import Path
from coevo.eval import Suite, import_tasks, measure_adapters, read_scores
base, folder, *adapters = sys.argv[1:]
suite = Suite(split="hidden", benchmarks=import_tasks(["adapters_choice"], folder).benchmarks, digest="bench")
outs = {Path(folder, f"{n}.parquet"): Path(adapter) for n, adapter in enumerate(adapters)}
for out in outs:
    out.unlink(missing_ok=True)
found = [read_scores(out, suite)["adapters_choice"] for out in measure_adapters(Path(base), outs, suite)]
print(json.dumps([[s.accuracy.tolist(), s.values.tolist()] for s in found]))
"""


def make_adapters(base: Path, count: int, folder: Path) -> list[Path]:
    """LoRA adapters with random weights."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    made = []
    for n in range(count):
        torch.manual_seed(n)
        config = LoraConfig(r=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
        network: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), config)
        network.save_pretrained(folder / f"adapter-{n}", save_embedding_layers=False)
        made.append(folder / f"adapter-{n}")
    return made


def against_command(count: int, repeats: int) -> None:
    """K adapters of one base: one process of ours against K calls of the command; print table and JSON line."""
    with tempfile.TemporaryDirectory() as name:
        folder, held = Path(name), texts()
        suite = build_suite("feedback", held, EvalConfig(bpb_items=0, arithmetic_items=0, cloze_items=160), seed=0)
        rows = [i.model_dump(mode="json", exclude={"cluster"}) for b in suite.benchmarks for i in b.items]
        (folder / "data.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        (folder / "task.yaml").write_text(TASK.format(data=folder / "data.jsonl"))
        base = make_model(folder / "base", 0, held)
        adapters = make_adapters(base, count, folder)
        rounds = [(_ours(base, folder, adapters), _command(base, folder, adapters)) for _ in range(repeats)]
    far = 0.0
    for (_, mine), (_, theirs) in rounds:
        if [right for right, _ in mine] != [right for right, _ in theirs]:
            raise SystemExit("the two disagree on whether some answer is right")
        pairs = [(a, b) for one, other in zip(mine, theirs, strict=True) for a, b in zip(one[1], other[1], strict=True)]
        far = max(far, *(abs(a - b) for a, b in pairs))
    if far > 1e-4:
        raise SystemExit(f"the two disagree by {far:.2g} bits a byte on the margin of some question")
    one, other = (statistics.median(r[side][0] for r in rounds) for side in (0, 1))
    ratios = sorted(theirs[0] / mine[0] for mine, theirs in rounds)
    print(f"{count} adapters of one base of 1.3M parameters, {len(rows)} questions; every answer judged alike,")
    print(f"margins at most {far:.1e} bits a byte apart; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'coevo.eval.measure_adapters':32} {one:7.2f} s")
    print(f"{f'lm_eval, {count} calls':32} {other:7.2f} s")
    report = {"name": "evaluate", "ours": round(one, 2), "peer": round(other, 2), "ratio": round(other / one, 2)}
    report |= {"unit": "s for all adapters (lower is better; ratio = peer / ours)", "peer_name": "the lm_eval command"}
    report |= {"n": repeats, "spread": [round(ratios[0], 2), round(ratios[-1], 2)], "adapters": count}
    report |= {"max_difference": far}
    print(json.dumps(report))


Answers = list[tuple[list[float], list[float]]]
"""For each adapter, whether each answer was right, and the margins of the right ones in bits a byte."""


def _ours(base: Path, folder: Path, adapters: list[Path]) -> tuple[float, Answers]:
    start = time.perf_counter()
    done = _run([sys.executable, "-c", OURS, str(base), str(folder), *map(str, adapters)], folder)
    return time.perf_counter() - start, json.loads(done.splitlines()[-1])


def _command(base: Path, folder: Path, adapters: list[Path]) -> tuple[float, Answers]:
    """Seconds of all calls, and what they say, in the order of the questions."""
    start, found = time.perf_counter(), []
    for n, adapter in enumerate(adapters):
        out = folder / f"out-{n}"
        shutil.rmtree(out, ignore_errors=True)
        model = f"pretrained={base},peft={adapter},dtype=float32,max_length=256"
        arguments = ["--model", "hf", "--model_args", model, "--tasks", "adapters_choice", "--device", "cpu"]
        arguments += ["--include_path", str(folder), "--batch_size", "32", "--log_samples", "--output_path", str(out)]
        _run([sys.executable, "-m", "lm_eval", *arguments], folder)
        rows = [json.loads(line) for line in next(out.rglob("samples_*.jsonl")).read_text().splitlines()]
        rows.sort(key=lambda r: r["doc_id"])
        margins = [cloze_margin(r["doc"], [(float(a[0]), False) for a in r["filtered_resps"]])["value"] for r in rows]
        found.append(([float(r["acc"]) for r in rows], margins))
    return time.perf_counter() - start, found


def _run(command: list[str], folder: Path) -> str:
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "hf")}
    done = subprocess.run(command, env={**os.environ, **offline}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return done.stdout


def timed(call: Any, *arguments: Any) -> tuple[float, list[dict[str, float]]]:
    """Wall-clock seconds and the result, with the libraries' chatter swallowed."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        start = time.perf_counter()
        found = call(*arguments)
        return time.perf_counter() - start, found


def main() -> None:
    """Run, print a table, and one JSON line last."""
    parser = argparse.ArgumentParser(description="Seconds to score K models: ours against lm-eval")
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: one model, three alternations")
    parser.add_argument("--command", action="store_true", help="K adapters of one base against K calls of lm_eval")
    parser.add_argument("--models", type=int, default=4, help="models, or with --command adapters")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    count, repeats = (1, 3) if options.quick else (options.models, options.repeats)
    if options.command:
        return against_command(options.models, 1 if options.quick else options.repeats)
    warnings.simplefilter("ignore")
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        held = texts()
        suite = build_suite("feedback", held, EvalConfig(), seed=0)
        models = [make_model(Path(folder, f"model-{n}"), n, held) for n in range(count)]
        timed(ours, models[:1], suite, Path(folder))
        timed(peer, models[:1], suite.model_copy(update={"benchmarks": suite.benchmarks[-1:]}))
        rounds = [(timed(ours, models, suite, Path(folder)), timed(peer, models, suite)) for _ in range(repeats)]
    mine, theirs = ([r[side][0] / count for r in rounds] for side in (0, 1))
    pairs = zip(rounds[0][0][1], rounds[0][1][1], strict=True)
    difference = max(abs(a[i] - b[i]) for a, b in pairs for i in a)
    if difference > 1e-4:
        raise SystemExit(f"the two disagree by {difference:.2g} on some item")
    items = sum(len(b.items) for b in suite.benchmarks)
    print(f"{items} items, {count} models of 1.3M parameters, 1 thread; largest difference of a score {difference:.1e}")
    for name, seconds in (("coevo.eval.measure", mine), ("lm_eval.simple_evaluate", theirs)):
        print(f"{name:24} {statistics.median(seconds):6.2f} s a model  ({min(seconds):.2f} to {max(seconds):.2f})")
    one, other = statistics.median(mine), statistics.median(theirs)
    ratios = sorted(b / a for a, b in zip(mine, theirs, strict=True))
    report = {"name": "evaluate", "ours": round(one, 3), "peer": round(other, 3), "ratio": round(other / one, 2)}
    report |= {"unit": "s/model (lower is better; ratio = peer / ours)", "peer_name": "lm_eval.simple_evaluate (HFLM)"}
    report |= {"n": repeats, "spread": [round(ratios[0], 2), round(ratios[-1], 2)], "max_difference": difference}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
