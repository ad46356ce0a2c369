"""The runs of a round beyond main, control and probes: ablations, mixtures that move, one adapter stacked on a base."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from coevo.eval import load_suite, measure, read_scores
from coevo.loop.config import load_config
from coevo.loop.nodes.train import ablations
from coevo.loop.run_db import RunDB
from coevo.tiers.errors import InputError, TrainingError
from coevo.training.base import build_base, train_tokenizer
from coevo.training.merge import merge_adapter
from coevo.training.models import load_model, save_model
from coevo.training.packing import pack_arms
from coevo.training.spec import RunSpec
from coevo.training.trainer import run


def test_an_ablation_leaves_one_arm_out_and_keeps_the_rest_in_proportion() -> None:
    made = ablations({"en/L1": 0.5, "en/L2": 0.3, "math/L1": 0.2, "code/L1": 0.0})
    assert set(made) == {"without-en-L1", "without-en-L2", "without-math-L1"}
    assert made["without-en-L1"] == {"en/L1": 0.0, "en/L2": 0.6, "math/L1": 0.4, "code/L1": 0.0}
    assert ablations({"en/L1": 1.0}) == {}


def test_one_adapter_cannot_be_stacked_on_full_fine_tuning() -> None:
    with pytest.raises(InputError, match=r"mode=stack goes on with one adapter: set training\.method=lora"):
        load_config("embedded", ("mode=stack",))


@pytest.mark.slow
@pytest.mark.long
def test_a_run_that_stacks_one_adapter_with_ablations_and_odm(cli, settings: list[str]) -> None:  # type: ignore[no-untyped-def]
    training = "{steps: 6, batch: 4, min_blocks: 2, dtype: float32, method: lora, lora_rank: 4, mixing: odm_code}"
    more = ["--set", f"training={training}", "--set", "mode=stack"]
    more += ["--set", "probes={count: 1, ablate: true, lr: 0.5, rubrics: false}", "--set", "domains=[code]"]
    done = cli("run", "--name", "stacked", "--rounds", "2", *settings, *more)
    assert done.returncode == 0, done.stderr
    root = Path(cli.folder) / "runs/stacked"
    with RunDB(root / "run.db") as db:
        runs = {(r["round"], r["name"]): r for r in db.rows("runs")}
        deltas = db.rows("deltas", round=1, reference="centre", benchmark="composite")
        accepted = db.rows("rounds", round=1)[0]["accepted"]
    live = [arm for arm, share in runs[1, "centre"]["mixture"].items() if share > 0]
    for arm in live:
        left_out = runs[1, "without-" + arm.replace("/", "-")]
        assert left_out["grp"] == "ablation" and left_out["mixture"][arm] == 0.0
        assert left_out["tokens"] == runs[1, "centre"]["tokens"]
    assert {d["treatment"] for d in deltas} >= {"without-" + arm.replace("/", "-") for arm in live}
    shares = np.load(root / runs[2, "main"]["path"] / "mixing.npz")["shares"]
    assert shares.shape == (6, len(live)) or shares.shape[0] == 6
    np.testing.assert_allclose(shares.sum(1), 1)
    assert all((root / runs[0, f"aa-{n}"]["path"] / "mixing.npz").is_file() for n in (1, 2, 3)), "the floor knows of it"
    first, second = (root / runs[n, accepted if n == 1 else "main"]["path"] / "adapter" for n in (1, 2))
    base = json.loads((root / "models/base/base.json").read_text())["fingerprint"]
    assert {json.loads((a / "trained_on.json").read_text())["fingerprint"] for a in (first, second)} == {base}
    again = merge_adapter(root / "models/base", second, root / "again")
    one, other = (load_model(p).state_dict() for p in (again, root / runs[2, "main"]["path"]))
    assert all((one[k] - other[k]).abs().max() < 1e-6 for k in one), "one adapter on the first base is the whole model"


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", ["stack", "continue"])
def test_adapters_on_one_base_are_measured_as_their_merged_models(cli, settings: list[str], mode: str) -> None:  # type: ignore[no-untyped-def]
    """Two rounds, the second upon an accepted adapter: every score file is that of the model merged on disk."""
    training = "{steps: 6, batch: 4, min_blocks: 2, dtype: float32, method: lora, lora_rank: 4}"
    more = ["--set", f"training={training}", "--set", f"mode={mode}", "--set", "evaluation.adapters=true"]
    more += ["--set", "probes={count: 1, rubrics: false}", "--set", "domains=[code]"]
    done = cli("run", "--name", mode, "--rounds", "2", *settings, *more)
    assert done.returncode == 0, done.stderr
    compared = _held_against_merged(Path(cli.folder) / "runs" / mode)
    assert compared >= 4, "the scores of the run were measured on adapters"


def _held_against_merged(root: Path) -> int:
    """How many score files of main and control, measured on adapters, are those of the models merged on disk."""
    with RunDB(root / "run.db") as db:
        runs = {(r["round"], r["name"]): root / r["path"] for r in db.rows("runs")}
        scores = [(r["round"], r["name"], r["split"], root / r["path"]) for r in db.rows("scores")]
    suites = {split: load_suite(root / f"scores/suite-{split}.json") for split in ("feedback", "hidden")}
    compared = 0
    for number, name, split, path in scores:
        if number == 0 or name not in ("main", "control"):
            continue
        again = measure(runs[number, name], suites[split], root / f"again-{number}-{name}-{split}.parquet")
        one, other = read_scores(path, suites[split]), read_scores(again, suites[split])
        for benchmark in one:
            np.testing.assert_allclose(one[benchmark].values, other[benchmark].values, atol=2e-4, rtol=0)
        source = pq.read_schema(path).metadata[b"source"].decode()
        compared += " on " in source.split(" float32")[0]
    return compared


@pytest.mark.slow
@pytest.mark.long
def test_a_run_whose_equal_runs_diverge_says_so(cli, settings: list[str]) -> None:  # type: ignore[no-untyped-def]
    training = "{steps: 6, batch: 4, min_blocks: 2, dtype: float32, lr: 10000.0, clip: 1.0e9, warmup: 0.0}"
    done = cli("run", "--name", "wild", "--rounds", "1", *settings, "--set", f"training={training}")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "diverged on the reference mixture" in done.stderr and "lower training.lr (now 10000)" in done.stderr


@pytest.mark.parametrize("preset", ["qwen", "llama", "minicpm"])
def test_a_preset_of_a_class_of_models_trains_a_small_one_of_it(preset: str, tmp_path: Path) -> None:
    """Its own training settings, scaled down; on the CPU, with LoRA, checkpoints and recomputed activations."""
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

    smaller = ("model.block=32", "training.batch=4", "training.min_blocks=1", "training.lr=0.01")
    config = load_config(preset, (*smaller, "training.max_epochs=9"))
    assert config.training.method == "lora" and config.training.gradient_checkpointing and config.training.checkpoint
    folder = tmp_path / "model"
    train_tokenizer(["def add(a, b): return a + b\n"] * 9, 300, 32).save_pretrained(str(folder))
    shape: dict[str, Any] = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64}
    small: Any = Qwen3ForCausalLM(Qwen3Config(**shape)) if preset == "qwen" else LlamaForCausalLM(LlamaConfig(**shape))
    save_model(small, folder)
    base = build_base(config.model.model_copy(update={"path": str(folder)}), [], tmp_path)
    pack_arms({"code/L1": [f"def add_{i}(a, b): return a + b\n" for i in range(60)]}, folder, 32, tmp_path / "blocks")
    spec = RunSpec(
        name="main",
        group="full",
        base=base.path,
        blocks=str(tmp_path / "blocks"),
        mixture={"code/L1": 1.0},
        steps=10,
        seed=0,
        order=0,
        out=str(tmp_path / "main"),
        config=config.training,
    )
    made = run(spec)
    assert made.loss_last < made.loss_first and (tmp_path / "main/adapter/adapter_model.safetensors").is_file()


def test_a_model_that_neither_disk_nor_hub_has_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    model = load_config("qwen").model
    with pytest.raises(TrainingError, match=r"no folder Qwen/Qwen3-0.6B-Base here.*--set model\.path=FOLDER"):
        build_base(model, [], tmp_path)
