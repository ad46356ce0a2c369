"""Off-policy values: found where the truth is linear, covering where it is not, refused where nobody looked."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from coevo.loop.cli import cli
from coevo.loop.config import dump_config
from coevo.loop.feedback.config import PUBLISHED
from coevo.loop.feedback.mechanism import Floats
from coevo.loop.feedback.policy import vector
from coevo.loop.feedback.regression import log_shares
from coevo.loop.graph import walk
from coevo.loop.lab.bench import WorldBench
from coevo.loop.lab.offpolicy import evaluate
from coevo.loop.lab.planted import PlantedWorld
from coevo.loop.lab.simulate import lab_context, nodes_of, settings
from coevo.loop.lab.world import World
from coevo.loop.nodes.control import seen, yoked_mixture
from coevo.loop.progress import Progress
from coevo.loop.run_db import RunDB
from coevo.tiers.errors import InputError

BASE = PUBLISHED.model_dump(exclude_defaults=True)


class Linear(World):
    """Every full run adds what its log shares are worth: the closed form of a gain is a scalar product."""

    name, domains, benchmarks = "linear", ("en", "code"), ("quiz", "exam")
    stock = np.full(8, 9.0)
    item_se = seed_sd = 1e-5

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.beta = np.random.default_rng(seed).normal(0, 0.01, 8)

    def start(self) -> float:
        return 0.0

    def train(self, state: float, mixture: Floats, fraction: float = 1.0) -> float:
        return state + fraction * float(self.beta @ log_shares(mixture))

    def scores(self, state: float) -> Floats:
        return np.full(2, state)


def logged(
    folder: Path, world: World, mechanism: str, rounds: int = 8, **feedback: Any
) -> tuple[WorldBench, dict[int, Any]]:
    """A finished run on disk, and the state that each round started from."""
    config = settings(world, rounds, BASE | {"mechanism": mechanism} | feedback, "continue", {})
    folder.mkdir()
    (folder / "resolved.yaml").write_text(dump_config(config), encoding="utf-8")
    bench = WorldBench(world, lab_context(config, RunDB(folder / "run.db", create=True), Progress(quiet=True)))
    starts: dict[int, Any] = {}
    nodes: dict[str, Any] = {name: partial(node, bench.context) for name, node in nodes_of(bench).items()}
    train = nodes["train"]

    def noted(state: Any) -> Any:
        starts[state["round"]] = bench.states[state["start"]]
        return train(state)

    nodes["train"] = noted
    walk(nodes)
    bench.context.db.close()
    return bench, starts


def truth(told: dict[str, Any], bench: WorldBench, starts: dict[int, Any]) -> np.ndarray:
    w, gains = bench.world, []
    reference = np.full(len(bench.arms), 1 / len(bench.arms))
    for row in told["rounds"]:
        at = starts[row["round"]]
        ends = [w.composite(w.train(at, m)) for m in (vector(row["mixture"], bench.arms), reference)]
        gains.append(ends[0] - ends[1])
    return np.array(gains)


def test_a_linear_truth_without_noise_is_found(tmp_path: Path) -> None:
    bench, starts = logged(tmp_path / "run", Linear(5), "structured_blr", 10, returns=0.0)
    for other in ("tier_prior", "exp3_ix", "structured_blr"):
        told = evaluate(tmp_path, "run", other)
        good = [r["supported"] for r in told["rounds"]]
        assert np.mean(good) > 0.5
        found = np.array([r["gain"] for r in told["rounds"]])
        assert np.allclose(found[good], truth(told, bench, starts)[good], atol=2e-3)
    again = evaluate(tmp_path, "run", "structured_blr")  # it would have planned what it planned
    assert again["difference"]["mean"] == pytest.approx(0, abs=1e-4) and again["verdict"] == "unresolved"


def test_intervals_cover_the_planted_truth(tmp_path: Path) -> None:
    covered, errors = [], []
    for seed in range(3100, 3112):
        bench, starts = logged(tmp_path / str(seed), PlantedWorld(seed), "trust_blr")
        for other in ("tier_prior", "structured_blr", "temperature"):
            told = evaluate(tmp_path, str(seed), other)
            if told["verdict"] == "refused":
                continue
            true = truth(told, bench, starts)[[r["supported"] for r in told["rounds"]]].mean()
            covered.append(told["gain"]["low"] <= true <= told["gain"]["high"])
            errors.append(told["gain"]["mean"] - true)
    assert len(covered) >= 20 and np.mean(covered) >= 0.9
    assert abs(np.mean(errors)) < 0.004  # a fifth of a percentage point


@pytest.mark.parametrize("rounds", [3, 12])
def test_a_verdict_takes_an_effective_sample(rounds: int, tmp_path: Path) -> None:
    logged(tmp_path / "run", PlantedWorld(3200), "trust_blr", rounds)
    told = evaluate(tmp_path, "run", "tier_prior")
    assert told["least"] == 10 and (told["ess"] < 10) == (told["verdict"] == "refused") == (rounds == 3)
    if rounds == 3:
        assert told["gain"] is told["difference"] is None
        assert f"effective sample of {told['ess']:.1f} runs, a verdict takes 10" in told["reason"]


def test_a_run_without_probes_is_refused(tmp_path: Path) -> None:
    """Main and control alone: the values of other mixtures were .69 points too low, and nothing said so."""
    logged(tmp_path / "blind", PlantedWorld(4), "trust_blr", 8, probe_first=2, probe_every=9)
    with pytest.raises(InputError, match=r"'blind' measured probes in 2 of 8 rounds: wanted them in half or more"):
        evaluate(tmp_path, "blind", "tier_prior")


def test_where_nobody_looked_it_refuses(tmp_path: Path) -> None:
    options = {"probe": [0.1, 0.1, 0.1]}
    logged(tmp_path / "narrow", PlantedWorld(4), "structured_blr", 6, step=0.05, options=options)
    bold = "exp3_ix,step=9.0"
    told = evaluate(tmp_path, "narrow", bold)
    assert told["verdict"] == "refused" and told["gain"] is None and "bandwidths away" in told["reason"]
    said = CliRunner().invoke(cli, ["lab", "offpolicy", "narrow", "--runs", str(tmp_path), "--mechanism", bold])
    assert said.exit_code == 0 and "refused" in said.output


def test_a_run_without_contrasts_or_signals_says_so(tmp_path: Path) -> None:
    logged(tmp_path / "uniform", PlantedWorld(4), "uniform", 4)
    with pytest.raises(InputError, match="evidence of 0 rounds"):
        evaluate(tmp_path, "uniform", "tier_prior")
    logged(tmp_path / "blind", Linear(1), "structured_blr", 4)
    with pytest.raises(InputError, match="did you mean 'floor'"):
        evaluate(tmp_path, "blind", "tier_prior,flor=0.1")
    with pytest.raises(InputError, match="needs influence"):
        evaluate(tmp_path, "blind", "influence_eg")


def test_another_run_can_be_yoked_to_a_finished_one(tmp_path: Path) -> None:
    bench, _ = logged(tmp_path / "first", PlantedWorld(4), "tier_prior", 3)
    config = PUBLISHED.model_copy(update={"control": "yoked:first"})
    assert yoked_mixture(tmp_path, config, 2) == pytest.approx(bench.planned[1])
    assert yoked_mixture(tmp_path, config, 9) == pytest.approx(bench.planned[2])
    with pytest.raises(InputError, match="no run at"):
        yoked_mixture(tmp_path, PUBLISHED.model_copy(update={"control": "yoked:second"}), 1)


def test_shuffling_keeps_sizes_and_correlations_and_loses_whom_to_thank(tmp_path: Path) -> None:
    from coevo.loop.feedback.evidence_json import load

    logged(tmp_path / "run", PlantedWorld(6), "trust_blr", 3)
    with RunDB(tmp_path / "run" / "run.db") as db:
        evidence = load(2, db.meta("evidence-2"))
    config = PUBLISHED.model_copy(update={"control": "shuffled"})
    shuffled = seen(evidence, config, 0)
    assert seen(evidence, PUBLISHED, 0) is evidence
    for before, after in zip(evidence.contrasts, shuffled.contrasts, strict=True):
        assert sorted(before.mixture) == pytest.approx(sorted(after.mixture))
        assert abs(before.gain) == pytest.approx(abs(after.gain))
        assert not np.allclose(before.mixture, after.mixture)
    assert np.allclose(np.linalg.eigvalsh(shuffled.cov), np.linalg.eigvalsh(evidence.cov))
    signs = [np.sign(seen(evidence, config, s).contrasts[0].gain) for s in range(200)]
    assert abs(np.mean(signs)) < 0.25
