"""vLLM as the engine: the scores of transformers, adapters on one base, and a clear word where it is not installed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coevo.eval import Benchmark, How, Item, Suite, measure, measure_adapters, read_scores, vllm_engine
from coevo.tiers.errors import EvalError

from .conftest import Adapt
from .test_harness import MakeModel

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
TOLERANCE = 2e-5
"""Of a score in bits a byte, between engines in float32."""


def test_vllm_that_is_not_installed_is_asked_for(
    model: Path, suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_engine, "installed", lambda: False)
    with pytest.raises(EvalError, match=r"wants the package vllm, which is not installed: pip install 'coevo\[gpu\]'"):
        measure(model, suite, tmp_path / "out.parquet", how=How(engine="vllm"))


def test_an_adapter_of_the_output_layer_is_not_given_to_vllm(model: Path, adapt: Adapt) -> None:
    fine, _ = adapt(model, 1)
    assert vllm_engine._targets(fine) == {"q_proj", "up_proj"}
    other, _ = adapt(model, 2, targets=["lm_head"])
    with pytest.raises(EvalError, match="changes lm_head, for which vLLM's likelihoods of prompts are wrong"):
        vllm_engine._targets(other)


@pytest.mark.slow
@pytest.mark.skipif(not vllm_engine.installed(), reason="vllm is not installed")
@pytest.mark.filterwarnings("ignore")
def test_vllm_scores_as_transformers_does(make_model: MakeModel, suite: Suite, adapt: Adapt, tmp_path: Path) -> None:
    """Base and two adapters, likelihoods and written answers; a head of 32, which vLLM's CPU kernels want."""
    base = make_model(5, hidden=64)
    asked = tuple(
        Item(id=f"w{n}", cluster=f"w{n}", text=f"Question: {n}\nAnswer:", choices=(f" {n}",), target=f"{n}")
        for n in range(6)
    )
    free: dict[str, Any] = {"name": "free", "kind": "gold", "domain": "en", "metric": "bits_per_byte"}
    written = Benchmark.model_validate(free | {"items": asked, "check": "number", "stop": ("\n",)})
    whole = suite.model_copy(update={"benchmarks": (*suite.benchmarks, written), "digest": "with written answers"})
    adapters: list[Path | None] = [None, adapt(base, 1)[0], adapt(base, 2)[0]]
    found = {}
    for engine in ("hf", "vllm"):
        outs = {tmp_path / f"{engine}-{n}.parquet": adapter for n, adapter in enumerate(adapters)}
        how = How(engine="vllm" if engine == "vllm" else "hf", tokens=8)
        found[engine] = [read_scores(out, whole) for out in measure_adapters(base, outs, whole, how=how)]
    far = 0.0
    for one, other in zip(found["hf"], found["vllm"], strict=True):
        for name in one:
            far = max(far, float(np.abs(one[name].values - other[name].values).max()))
            np.testing.assert_array_equal(one[name].accuracy, other[name].accuracy)
    print(f"largest difference of a score between the engines: {far:.1e} bits a byte")
    assert far < TOLERANCE
    assert not np.allclose(found["vllm"][0]["bpb_en"].values, found["vllm"][1]["bpb_en"].values, atol=1e-3)
    assert not np.allclose(found["vllm"][1]["bpb_en"].values, found["vllm"][2]["bpb_en"].values, atol=1e-3)
