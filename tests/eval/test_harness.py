"""Measuring: the harness agrees with an own forward pass, whatever the batch, and never scores a cut question."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coevo.eval import EvalConfig, How, Suite, build_suite, harness, measure, read_scores
from coevo.eval.scores import Score
from coevo.tiers.errors import EvalError

from .conftest import CONFIG, texts

MakeModel = Callable[..., Path]


@pytest.fixture(scope="module")
def scores(model: Path, suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return measure(model, suite, tmp_path_factory.mktemp("scores") / "base.parquet")


@pytest.fixture(scope="module")
def log_probability(model: Path) -> Callable[[list[int]], list[float]]:
    """Own forward pass: log-probabilities of all tokens but the first, one sequence at a time, no batching."""
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()

    def score(tokens: list[int]) -> list[float]:
        with torch.no_grad():
            logits = network(torch.tensor([tokens])).logits[0].double()
        return [float(row.log_softmax(-1)[token]) for row, token in zip(logits, tokens[1:], strict=False)]

    return score


@pytest.fixture(scope="module")
def encode(model: Path) -> Callable[[str], list[int]]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    return lambda text: list(tokenizer(text)["input_ids"])


def test_bits_per_byte_equal_an_own_forward_pass(
    scores: Path, suite: Suite, encode: Callable[[str], list[int]], log_probability: Callable[[list[int]], list[float]]
) -> None:
    found = read_scores(scores, suite)
    for benchmark in suite.benchmarks[:3]:
        for item, value in zip(benchmark.items, found[benchmark.name].values, strict=True):
            tokens = encode(item.text)
            assert len(tokens) < 256
            bits = -sum(log_probability([0, *tokens])) / math.log(2)
            assert value == pytest.approx(bits / len(item.text.encode()), abs=1e-5)
        assert found[benchmark.name].accuracy is None


def test_margins_and_accuracy_equal_an_own_forward_pass(
    scores: Path, suite: Suite, encode: Callable[[str], list[int]], log_probability: Callable[[list[int]], list[float]]
) -> None:
    found = read_scores(scores, suite)
    for benchmark in suite.benchmarks[3:]:
        got = found[benchmark.name]
        assert got.accuracy is not None
        for item, value, accuracy in zip(benchmark.items, got.values, got.accuracy, strict=True):
            start = len(encode(item.text))
            bits = [sum(log_probability(encode(item.text + c))[start - 1 :]) / math.log(2) for c in item.choices]
            if benchmark.kind == "cloze":
                bits = [b / len(c.encode()) for b, c in zip(bits, item.choices, strict=True)]
            right = bits.pop(item.answer)
            assert value == pytest.approx(right - np.mean(bits), abs=1e-4)
            assert accuracy == float(right > max(bits))


def test_a_chunk_longer_than_the_context_rolls(make_model: MakeModel, suite: Suite, tmp_path: Path) -> None:
    short = suite.model_copy(update={"benchmarks": suite.benchmarks[:1]})
    out = measure(make_model(context=64), short, tmp_path / "out.parquet")
    found = read_scores(out, short)["bpb_code"].values
    assert np.isfinite(found).all() and (found > 0.5).all()


@pytest.mark.parametrize("batch", [1, 5, 64])
def test_scores_do_not_depend_on_the_batch(scores: Path, model: Path, suite: Suite, tmp_path: Path, batch: int) -> None:
    one, other = (
        read_scores(scores, suite),
        read_scores(measure(model, suite, tmp_path / "b", how=How(batch=batch)), suite),
    )
    for name in one:
        np.testing.assert_allclose(one[name].values, other[name].values, atol=1e-5, rtol=0)


def test_what_is_measured_is_not_measured_again(
    model: Path, suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def count(lm: Any, asked: Suite, how: How) -> dict[str, Score]:
        calls.append(asked.digest)
        return {item.id: Score(1.0) for benchmark in asked.benchmarks for item in benchmark.items}

    monkeypatch.setattr(harness, "_evaluate", count)
    out = tmp_path / "scores" / "main.parquet"
    for fingerprint, expected in (("one", 1), ("one", 1), ("two", 2), ("", 3), ("", 3)):
        measure(model, suite, out, fingerprint=fingerprint)
        assert len(calls) == expected
    out.write_bytes(out.read_bytes()[:200])
    measure(model, suite, out)
    assert len(calls) == 4, "a file cut short was taken for a measurement"
    measure(model, build_suite("hidden", texts(2), CONFIG, 0), out)
    assert len(calls) == 5, "another suite's scores were taken for this one's"
    assert [p.name for p in out.parent.iterdir()] == ["main.parquet"]


def test_a_question_that_does_not_fit_is_refused(make_model: MakeModel, tmp_path: Path) -> None:
    config = EvalConfig(bpb_items=0, arithmetic_items=0, cloze_items=24, cloze_context_bytes=600)
    suite = build_suite("feedback", texts(1), config, seed=0)
    with pytest.raises(
        EvalError, match=r"cloze_code item cloze-\w+ has \d+ tokens, the model takes 64: lower evaluation"
    ):
        measure(make_model(context=64), suite, tmp_path / "out.parquet")


def test_a_diverged_model_is_refused(make_model: MakeModel, suite: Suite, tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="gave no finite score on bpb-"):
        measure(make_model(diverged=True), suite, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_a_missing_or_broken_model_is_named(model: Path, suite: Suite, tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="no model to measure in"):
        measure(tmp_path / "nowhere", suite, tmp_path / "out.parquet")
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(EvalError, match="cannot be loaded"):
        measure(tmp_path, suite, tmp_path / "out.parquet")


def test_scores_of_another_suite_or_of_none_are_refused(scores: Path, tmp_path: Path) -> None:
    other = build_suite("hidden", texts(2), CONFIG, seed=0)
    with pytest.raises(EvalError, match="holds scores of suite"):
        read_scores(scores, other)
    with pytest.raises(EvalError, match="no scores can be read"):
        read_scores(tmp_path / "absent.parquet", other)


def test_measuring_prints_nothing(model: Path, suite: Suite, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    measure(model, suite, tmp_path / "out.parquet")
    assert capfd.readouterr() == ("", "")


def test_a_tokenizer_of_another_model_is_named(
    make_model: MakeModel, model: Path, suite: Suite, tmp_path: Path
) -> None:
    import shutil

    from transformers import AutoTokenizer

    shutil.copytree(model, tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens([f"<new-{n}>" for n in range(5)])
    tokenizer.save_pretrained(tmp_path / "model")
    with pytest.raises(EvalError, match=r"knows 405 tokens, the model has 400 embeddings: it is another model's"):
        measure(tmp_path / "model", suite, tmp_path / "out.parquet")
