"""Adapters are scored on one loaded base as their merged models are, and an adapter of another base is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coevo.eval import Suite, engine, measure, measure_adapters, read_scores
from coevo.tiers.errors import EvalError

from .conftest import Adapt
from .test_harness import MakeModel

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")


@pytest.mark.long
def test_adapters_on_one_base_score_as_their_merged_models(
    model: Path, suite: Suite, adapt: Adapt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Path] = []
    load = engine.load

    def count(path: Path, *how: Any) -> Any:
        loads.append(path)
        return load(path, *how)

    monkeypatch.setattr(engine, "load", count)
    made = [adapt(model, seed) for seed in (1, 2)]
    outs: dict[Path, Path | None] = {tmp_path / f"{n}.parquet": adapter for n, (adapter, _) in enumerate(made)}
    outs[tmp_path / "base.parquet"] = None
    measure_adapters(model, outs, suite)
    assert loads == [model], "the base was loaded once"
    adapted = [read_scores(tmp_path / f"{n}.parquet", suite) for n in range(len(made))]
    for n, (one, (_, merged)) in enumerate(zip(adapted, made, strict=True)):
        other = read_scores(measure(merged, suite, tmp_path / f"merged-{n}.parquet"), suite)
        for name in one:
            np.testing.assert_allclose(one[name].values, other[name].values, atol=2e-4, rtol=0)
    base = read_scores(tmp_path / "base.parquet", suite)
    plain = read_scores(measure(model, suite, tmp_path / "plain.parquet"), suite)
    for name in base:
        np.testing.assert_array_equal(base[name].values, plain[name].values, "adapters leave the base as it was")
    assert not np.allclose(base["bpb_en"].values, adapted[-1]["bpb_en"].values, atol=1e-3)


def test_what_was_measured_is_not_loaded_again(
    model: Path, suite: Suite, adapt: Adapt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter, _ = adapt(model, 3)
    outs = {tmp_path / "a.parquet": adapter, tmp_path / "base.parquet": None}
    measure_adapters(model, outs, suite)
    monkeypatch.setattr(engine, "load", lambda *_: pytest.fail("loaded although all is measured"))
    measure_adapters(model, outs, suite)
    other, _ = adapt(model, 4)
    with pytest.raises(pytest.fail.Exception):
        measure_adapters(model, {tmp_path / "a.parquet": other}, suite)


def test_an_adapter_of_another_base_or_none_is_named(
    make_model: MakeModel, model: Path, suite: Suite, adapt: Adapt, tmp_path: Path
) -> None:
    import json

    with pytest.raises(EvalError, match="no adapter to measure in"):
        measure_adapters(model, {tmp_path / "a.parquet": tmp_path}, suite)
    adapter, _ = adapt(model, 5)
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["Wqkv"]}))
    with pytest.raises(EvalError, match="does not fit its base"):
        measure_adapters(model, {tmp_path / "a.parquet": adapter}, suite)
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"r": 8}))
    with pytest.raises(EvalError, match="does not fit its base"):
        measure_adapters(model, {tmp_path / "a.parquet": adapter}, suite)


def test_an_adapter_of_another_base_of_the_same_shapes_is_told_by_its_fingerprint(
    make_model: MakeModel, model: Path, suite: Suite, adapt: Adapt, tmp_path: Path
) -> None:
    import json

    from coevo.tiers.fingerprint import BASE_NOTE, model_fingerprint

    other = make_model(9)
    adapter, _ = adapt(other, 6)
    (adapter / BASE_NOTE).write_text(json.dumps({"fingerprint": model_fingerprint(other)}))
    with pytest.raises(EvalError, match=r"was trained on another base \(fingerprint \w{12}, this one is \w{12}\)"):
        measure_adapters(model, {tmp_path / "a.parquet": adapter}, suite)
    measure_adapters(other, {tmp_path / "a.parquet": adapter}, suite)


def test_an_adapter_that_misses_weights_is_no_adapter_of_this_base(
    model: Path, suite: Suite, adapt: Adapt, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    adapter, _ = adapt(model, 7)
    weights = load_file(adapter / "adapter_model.safetensors")
    save_file({k: v for k, v in weights.items() if "layers.0" not in k}, adapter / "adapter_model.safetensors")
    with pytest.raises(EvalError, match="does not fit its base"):
        measure_adapters(model, {tmp_path / "a.parquet": adapter}, suite)


def test_what_is_cached_costs_no_forward_pass(
    model: Path, suite: Suite, adapt: Adapt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted at the model itself: a base that was measured is not run again beside a new adapter, wherever it lies."""
    import shutil

    from transformers import LlamaForCausalLM

    passes: list[int] = []
    forward = LlamaForCausalLM.forward

    def count(self: Any, *args: Any, **named: Any) -> Any:
        passes.append(1)
        return forward(self, *args, **named)

    monkeypatch.setattr(LlamaForCausalLM, "forward", count)
    few = suite.model_copy(update={"benchmarks": suite.benchmarks[:1]})
    base, first, second = (tmp_path / f"{n}.parquet" for n in ("base", "first", "second"))
    measure_adapters(model, {base: None}, few)
    once = len(passes)
    measure_adapters(model, {base: None, first: adapt(model, 8)[0]}, few)
    assert once > 0 and len(passes) == 2 * once, "the new adapter alone was run"
    moved = tmp_path / "moved"
    shutil.copytree(model, moved)
    measure_adapters(moved, {base: None, first: adapt(model, 8)[0]}, few)
    assert len(passes) == 2 * once, "the same bytes are the same model"
    measure_adapters(moved, {base: None, second: adapt(model, 10)[0]}, few)
    assert len(passes) == 3 * once
