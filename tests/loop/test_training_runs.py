"""The runs of a round beyond main, control and probes: ablations, mixtures that move, one adapter stacked on a base."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from coevo.eval import load_suite, measure, read_scores
from coevo.loop.config import load_config
from coevo.loop.nodes.train import ablations
from coevo.loop.run_db import RunDB
from coevo.tiers.errors import InputError
from coevo.training.merge import merge_adapter
from coevo.training.models import load_model


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
    first, second = (root / runs[n, accepted if n == 1 else "main"]["path"] / "adapter" for n in (1, 2))
    base = json.loads((root / "models/base/base.json").read_text())["fingerprint"]
    assert {json.loads((a / "trained_on.json").read_text())["fingerprint"] for a in (first, second)} == {base}
    again = merge_adapter(root / "models/base", second, root / "again")
    one, other = (load_model(p).state_dict() for p in (again, root / runs[2, "main"]["path"]))
    assert all((one[k] - other[k]).abs().max() < 1e-6 for k in one), "one adapter on the first base is the whole model"


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("mode", ["stack", "continue"])
def test_adapters_on_one_base_are_measured_as_their_merged_models(cli, settings: list[str], mode: str) -> None:  # type: ignore[no-untyped-def]
    """Two rounds, the second upon an accepted adapter: every score file is that of the model merged on disk."""
    training = "{steps: 6, batch: 4, min_blocks: 2, dtype: float32, method: lora, lora_rank: 4}"
    more = ["--set", f"training={training}", "--set", f"mode={mode}", "--set", "evaluation.adapters=true"]
    more += ["--set", "probes={count: 1, rubrics: false}", "--set", "domains=[code]"]
    done = cli("run", "--name", mode, "--rounds", "2", *settings, *more)
    assert done.returncode == 0, done.stderr
    root = Path(cli.folder) / "runs" / mode
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
    assert compared >= 4, "the scores of the run were measured on adapters"
