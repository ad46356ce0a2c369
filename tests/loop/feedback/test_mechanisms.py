"""The mechanisms by name, their states, their probes, and the example in the documentation."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.loop.feedback import create
from coevo.loop.feedback.config import FeedbackConfig
from coevo.loop.feedback.design import hadamard, probes
from coevo.loop.feedback.guard import guarded_observe, guarded_plan
from coevo.loop.feedback.horizon_blr import HorizonBlr
from coevo.loop.feedback.mechanism import Context, Contrast, Evidence, Floats, Mechanism
from coevo.loop.feedback.policy import vector
from coevo.loop.feedback.regression import Data, block_prior, fit
from coevo.tiers.errors import InputError
from coevo.tiers.tier import arms
from tests.loop.feedback.trial import run
from tests.loop.feedback.world import World

ARMS = tuple(arms())
K = len(ARMS)
U = np.full(K, 1 / K)
CONFIG = FeedbackConfig()
EMBEDDED = ("uniform", "tier_prior", "paper_schedule", "horizon_blr")


def context(number: int = 1) -> Context:
    return Context(number, ARMS, np.ones(K, dtype=bool), np.ones(K), U, 3)


def tilted(arm: int, by: float) -> Floats:
    w = U * np.exp(by * (np.arange(K) == arm))
    return np.asarray(w / w.sum())


def evidence(number: int, gains: list[float], se: float = 0.01) -> Evidence:
    """One full contrast and then probes, on tilts of arm after arm."""
    made = [
        Contrast(
            "full" if i == 0 else "probe", f"t{i}", "r", tilted(i, 0.5), U, 1.0 if i == 0 else 0.34, g, np.zeros(0)
        )
        for i, g in enumerate(gains)
    ]
    return Evidence(number, tuple(made), np.eye(len(gains)) * se**2)


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_embedded_mechanism_runs_through_a_world(name: str) -> None:
    outcome = run(World(1), create(CONFIG.model_copy(update={"mechanism": name}), ARMS, 1), CONFIG)
    assert np.isfinite(outcome.gain)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(EMBEDDED),
    st.lists(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=4), max_size=3),
    st.integers(0, 9),
)
def test_a_saved_mechanism_goes_on_exactly(name: str, rounds: list[list[float]], seed: int) -> None:
    config = CONFIG.model_copy(update={"mechanism": name})
    ours, other = create(config, ARMS, seed), create(config, ARMS, seed)
    for t, gains in enumerate(rounds, 1):
        guarded_plan(ours, context(t), config)
        assert guarded_observe(ours, evidence(t, gains)) == ""
    other.load_state_dict(json.loads(json.dumps(ours.state_dict())))
    number = len(rounds) + 1
    assert guarded_plan(other, context(number), config) == guarded_plan(ours, context(number), config)
    assert all(np.array_equal(a, b) for a, b in zip(ours.posterior(), other.posterior(), strict=True))


def test_uniform_and_the_schedules_do_what_they_say() -> None:
    def wanted(name: str, number: int) -> Floats:
        return create(CONFIG.model_copy(update={"mechanism": name}), ARMS, 0).plan(context(number))[0]

    assert wanted("uniform", 1) == pytest.approx(U)
    by_tier = wanted("tier_prior", 1)[:4]
    assert by_tier[0] < by_tier[1] < by_tier[3] < by_tier[2]
    stages = [set(np.flatnonzero(wanted("paper_schedule", t)) % 4) for t in (1, 2, 3)]
    assert stages == [{0}, {1}, {2, 3}]


def test_the_paper_schedule_falls_back_to_a_stage_that_has_data() -> None:
    live = np.arange(K) % 4 == 0
    only_first = Context(3, ARMS, live, np.ones(K), live / live.sum(), 3)
    wanted, _, told = create(CONFIG.model_copy(update={"mechanism": "paper_schedule"}), ARMS, 0).plan(only_first)
    assert wanted == pytest.approx(live / 3)
    assert "stage 1" in told


def test_the_default_opens_with_the_tier_prior_and_without_it_with_the_reference() -> None:
    cold = HorizonBlr(CONFIG.model_copy(update={"tier_weight": 0.0}), ARMS, 0)
    assert cold.plan(context())[0] == pytest.approx(U)
    mild = HorizonBlr(CONFIG, ARMS, 0).plan(context())[0]
    assert mild[2] > U[2] > mild[0]


def test_the_default_moves_towards_what_gained_and_away_from_what_lost() -> None:
    mechanism = HorizonBlr(CONFIG, ARMS, 0)
    mechanism.observe(evidence(1, [0.15, -0.05]))
    mean, cov = mechanism.posterior()
    wanted = mechanism.plan(context(2))[0]
    assert mean[0] > 2 * np.sqrt(cov[0, 0])
    assert wanted[0] > 1.2 * U[0]
    assert wanted[1] < wanted[0]


def test_weak_evidence_hardly_moves_it() -> None:
    mechanism = HorizonBlr(CONFIG, ARMS, 0)
    mechanism.observe(evidence(1, [0.004, -0.004], se=0.01))
    wanted = mechanism.plan(context(2))[0]
    assert float((wanted * np.log(wanted / U)).sum()) < 0.005


def data(kind: str, gain: float) -> Data:
    x = np.log(tilted(0, 0.5) + 0.01) - np.log(U + 0.01)
    rows = np.array([x])
    return Data(rows, rows if kind == "probe" else 0 * rows, np.array([gain]), np.eye(1) * 0.005**2)


def test_the_same_gain_persuades_less_when_a_probe_says_it() -> None:
    mean = np.zeros(K)
    full, probe = (fit(data(kind, 0.05), block_prior(ARMS), mean, 0.015, 1.0) for kind in ("full", "probe"))
    assert full.mean[0] > 1.2 * probe.mean[0] > 0
    assert probe.cov[0, 0] > full.cov[0, 0]


def test_disagreement_of_probe_and_full_run_is_learned_as_bias() -> None:
    one, two = data("full", 0.0), data("probe", 0.2)
    both = Data(
        np.vstack([one.full, two.full]),
        np.vstack([one.probe, two.probe]),
        np.array([0.0, 0.2]),
        np.eye(2) * 0.005**2,
    )
    found = fit(both, block_prior(ARMS), np.zeros(K), 0.015, 1.0)
    alone = fit(two, block_prior(ARMS), np.zeros(K), 0.015, 1.0)
    assert found.bias[0] > 5 * abs(found.mean[0])
    assert alone.mean[0] > 10 * abs(found.mean[0])


def test_a_single_prior_gives_the_textbook_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coevo.loop.feedback.regression.SCALES", (1.0,))
    monkeypatch.setattr("coevo.loop.feedback.regression.BIASES", (1.0,))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, K)), rng.normal(size=5)
    half = rng.normal(size=(5, 5))
    cov = half @ half.T + np.eye(5)
    unit, mean = block_prior(ARMS) + 0.1 * np.eye(K), rng.normal(size=K)
    found = fit(Data(x, 0 * x, y, cov), unit, mean, 2.0, 1.0)
    precision = np.linalg.inv(4 * unit) + x.T @ np.linalg.inv(cov) @ x
    expected = np.linalg.solve(precision, np.linalg.inv(4 * unit) @ (2 * mean) + x.T @ np.linalg.inv(cov) @ y)
    assert found.mean == pytest.approx(expected)
    assert found.cov == pytest.approx(np.linalg.inv(precision))


def test_probe_signs_are_orthogonal_and_used_up_over_the_rounds() -> None:
    h = hadamard(8)
    assert (h @ h.T == 8 * np.eye(8)).all()
    made = [p for t in (1, 2) for p in probes(context(t), U, 0.8, 0.01, 0)]
    assert len({p.reason for p in made}) == 6
    assert {p.reason for p in made} != {p.reason for t in (1, 2) for p in probes(context(t), U, 0.8, 0.01, 1)}
    for p in made:
        w = vector(p.mixture, ARMS)
        assert w.sum() == pytest.approx(1)
        assert np.abs(np.log(w / U)).max() > 0.2


def test_a_world_of_one_arm_needs_no_probe() -> None:
    live = np.arange(K) == 0
    one = Context(1, ARMS, live, np.ones(K), live.astype(float), 3)
    guarded = guarded_plan(HorizonBlr(CONFIG, ARMS, 0), one, CONFIG)
    assert not guarded.problem
    assert guarded.plan.mixture == {"code/L1": 1.0}
    assert guarded.plan.probes == ()


def test_an_unknown_mechanism_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'trust_blr'"):
        create(CONFIG.model_copy(update={"mechanism": "trust_blt"}), ARMS, 0)
    with pytest.raises(InputError, match="module:Class"):
        create(CONFIG.model_copy(update={"mechanism": "no.such.module:Thing"}), ARMS, 0)
    with pytest.raises(InputError, match="has no method plan, observe"):
        create(CONFIG.model_copy(update={"mechanism": "builtins:slice"}), ARMS, 0)


def example() -> str:
    text = (Path(__file__).parents[3] / "docs" / "mechanisms.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.S)
    assert found
    return found[1]


def test_the_documented_example_is_a_mechanism(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_mechanism.py").write_text(example(), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    config = CONFIG.model_copy(update={"mechanism": "my_mechanism:FollowTheGains"})
    mechanism: Mechanism = create(config, ARMS, 0)
    assert guarded_observe(mechanism, evidence(1, [0.1, -0.1])) == ""
    guarded = guarded_plan(mechanism, context(2), config)
    assert guarded.problem == ""
    assert guarded.plan.mixture[ARMS[0]] > 1 / K > guarded.plan.mixture[ARMS[1]]
    assert len([line for line in example().splitlines() if line.strip()]) <= 20
    fresh = create(config, ARMS, 0)
    fresh.load_state_dict(json.loads(json.dumps(mechanism.state_dict())))
    assert guarded_plan(fresh, context(2), config) == guarded
