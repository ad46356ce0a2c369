"""Adapters are scored on one loaded base as their merged models are, and an adapter of another base is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coevo.eval import Suite, engine, measure, measure_adapters, read_scores
from coevo.tiers.errors import EvalError

from .test_harness import MakeModel

Adapt = Callable[..., tuple[Path, Path]]


@pytest.fixture(scope="module")
def adapt(tmp_path_factory: pytest.TempPathFactory) -> Adapt:
    """A LoRA adapter with random weights on a model, and the model with it merged in."""

    def make(model: Path, seed: int) -> tuple[Path, Path]:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.manual_seed(seed)
        config = LoraConfig(r=4, target_modules=["q_proj", "up_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
        wrapped: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32), config)
        folder = tmp_path_factory.mktemp("adapter")
        wrapped.save_pretrained(folder / "adapter", save_embedding_layers=False)
        wrapped.merge_and_unload().save_pretrained(folder / "merged")
        AutoTokenizer.from_pretrained(model).save_pretrained(folder / "merged")
        return folder / "adapter", folder / "merged"

    return make


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
