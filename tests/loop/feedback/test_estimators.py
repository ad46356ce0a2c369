"""Estimates against closed forms: what each mechanism computes is what its source says."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from coevo.loop.feedback import create
from coevo.loop.feedback.belief import Belief
from coevo.loop.feedback.guard import guarded_plan
from coevo.loop.feedback.hyperband import Hyperband
from coevo.loop.feedback.log_blr import LogBlr
from coevo.loop.feedback.mechanism import Context, Contrast, Evidence, Signals
from coevo.loop.feedback.mixmin import MixMin
from coevo.loop.feedback.policy import vector
from coevo.loop.feedback.structured_blr import StructuredBlr
from coevo.loop.feedback.successive_halving import SuccessiveHalving
from coevo.loop.feedback.trust_blr import TrustBlr
from tests.loop.feedback.rounds import ARMS, K, context, evidence, play, published

U = np.full(K, 1 / K)


def full(gain: float, mixture: np.ndarray = U, sd: float = 0.01, number: int = 1) -> Evidence:
    contrast = Contrast("full", "main", "control", mixture, U, 1.0, gain, np.zeros(0))
    return Evidence(number, (contrast,), np.array([[sd**2]]))


def test_a_shared_control_is_weighted_as_its_covariance_says() -> None:
    rng = np.random.default_rng(0)
    x, y, v = rng.normal(size=(6, 3)), rng.normal(size=6), 0.2 * (np.eye(6) + 1)
    prior_cov, prior_mean = np.diag([1.0, 2.0, 3.0]), np.array([0.5, 0.0, -0.5])
    belief = Belief(prior_mean, prior_cov)
    belief.update(x[:4], y[:4], v[:4, :4])
    belief.update(x[4:], y[4:], v[4:, 4:])
    block = v.copy()
    block[:4, 4:] = block[4:, :4] = 0.0
    precision = np.linalg.inv(prior_cov) + x.T @ np.linalg.solve(block, x)
    mean, cov = belief.posterior()
    assert cov == pytest.approx(np.linalg.inv(precision))
    assert mean == pytest.approx(cov @ (np.linalg.solve(prior_cov, prior_mean) + x.T @ np.linalg.solve(block, y)))
    ordinary = Belief(prior_mean, prior_cov)
    ordinary.update(x, y, np.diag(np.diag(block)))
    assert np.abs(ordinary.posterior()[0] - mean).max() > 0.05, "and that is not the same as taking it for diagonal"


def test_older_evidence_counts_less() -> None:
    belief = Belief(np.zeros(1), np.eye(1) * 1e9, discount=0.5)
    for y in (0.0, 1.0):
        belief.update(np.ones((1, 1)), np.array([y]), np.eye(1))
    mean, cov = belief.posterior()
    assert mean[0] == pytest.approx(2 / 3)
    assert cov[0, 0] == pytest.approx(1 / 1.5)


@pytest.mark.parametrize("name", ["structured_blr", "trust_blr", "lin_ts"])
def test_planted_values_are_found(name: str) -> None:
    config = published(name, discount=1.0)
    values = np.random.default_rng(4).normal(0, 0.03, K)
    mechanism = create(config, ARMS, 0)
    plans = play(mechanism, config, values, rounds=40, sd=0.001)
    mean, cov = mechanism.posterior()
    w = vector(plans[-1].mixture, ARMS)
    per_share = mean / np.maximum(w, 1e-9)
    told = (values - w @ values)[w > 0.05], (per_share - w @ per_share)[w > 0.05]
    assert np.abs(told[0] - told[1]).max() < (0.02 if name == "lin_ts" else 0.01)
    assert w @ values > 0.8 * values.max()
    assert np.diag(cov).min() > 0


def test_trust_is_learned_from_probes() -> None:
    """Where influence points the right way kappa grows, where it is noise it falls."""
    found = {}
    for sign in (1.0, 0.0):
        config = published("trust_blr")
        mechanism = TrustBlr(config, ARMS, 0)
        rng, previous = np.random.default_rng(1), None
        truth = rng.normal(size=K)
        for number in range(1, 16):
            c = context(number)
            seen = truth if sign else np.random.default_rng(99).normal(size=K)
            c = Context(**{**c.__dict__, "signals": Signals(influence=seen), "start": None if number == 1 else U})
            previous = guarded_plan(mechanism, c, config, previous).plan
            made = evidence(previous, 0.04 * truth, c, rng)
            mechanism.observe(made)
        found[sign] = mechanism.belief.posterior()[0][-1]
    assert found[1.0] > 0.8 > 0.4 > found[0.0]


def test_without_influence_trust_blr_is_structured_blr() -> None:
    config = published("trust_blr")
    one, other = TrustBlr(config, ARMS, 0), StructuredBlr(published("structured_blr", blocks=(1.5, 0.7, 1.2)), ARMS, 0)
    c = Context(**{**context(1).__dict__, "signals": Signals()})
    plan = guarded_plan(one, c, config).plan
    guarded_plan(other, c, config)
    made = evidence(plan, np.linspace(-0.1, 0.1, K), c, np.random.default_rng(2))
    one.observe(made)
    other.observe(made)
    assert one.posterior()[0] == pytest.approx(other.posterior()[0])


def test_exp3_multiplies_the_pulled_arm_by_its_importance_weighted_reward() -> None:
    config = published("exp3")
    mechanism = create(config, ARMS, 0)
    c = context(1, rounds=50)
    guarded_plan(mechanism, c, config)
    state = mechanism.state_dict()
    gamma = min(1.0, np.sqrt(K * np.log(K) / ((np.e - 1) * 50)))
    assert state["chance"] == pytest.approx(1 / K)
    mechanism.observe(full(0.03))
    reward = 0.5 + 0.03 / 0.02 / 6
    expected = np.zeros(K)
    expected[state["arm"]] = gamma * reward * K / K
    assert mechanism.state_dict()["logs"] == pytest.approx(expected.tolist())


def test_exp3_ix_explores_implicitly() -> None:
    config = published("exp3_ix")
    mechanism = create(config, ARMS, 0)
    guarded_plan(mechanism, context(1, rounds=50), config)
    state = mechanism.state_dict()
    mechanism.observe(full(0.0))
    eta = np.sqrt(2 * np.log(K) / (K * 50))
    assert min(mechanism.state_dict()["logs"]) == pytest.approx(-eta * 0.5 / (1 / K + eta / 2))
    assert state["arm"] == int(np.argmin(mechanism.state_dict()["logs"]))


def test_ucb_pulls_every_arm_once_and_then_the_better_ones() -> None:
    config = published("ucb", discount=1.0, explore=0.2)
    mechanism = create(config, ARMS, 0)
    values = np.where(np.arange(K) == 5, 0.2, 0.0)
    play(mechanism, config, values, rounds=4 * K, sd=0.001)
    pulls = np.array(mechanism.state_dict()["pulls"])
    assert pulls.min() >= 1
    assert pulls.argmax() == 5


def test_gaussian_thompson_has_the_textbook_posterior() -> None:
    config = published("gaussian_ts", discount=0.5, trend=0.0)
    mechanism = create(config, ARMS, 0)
    guarded_plan(mechanism, context(1), config)
    arm = mechanism.state_dict()["arm"]
    for gain in (0.0, 0.02, 0.04):  # the first says where the level is
        mechanism.observe(full(gain, sd=0.02))
    mean, cov = mechanism.posterior()
    precision = 1 + 0.5 + 1
    assert mean[arm] / 0.02 == pytest.approx((0.5 * 1 + 1 * 2) / precision)
    assert cov[arm, arm] / 0.02**2 == pytest.approx(1 / precision)


def test_unimax_fills_small_arms_first() -> None:
    config = published("unimax", epochs=2.0)
    c = Context(**{**context(1, rounds=3).__dict__, "sizes": np.r_[0.05, 0.1, np.full(K - 2, 9.0)]})
    w = create(config, ARMS, 0).plan(c)[0]
    assert w[0] == pytest.approx(0.1 / 3)
    assert w[1] == pytest.approx(0.2 / 3)
    assert w[2:] == pytest.approx((3 - 0.3) / 3 / (K - 2))


def test_temperature_flattens_sizes() -> None:
    sizes = np.arange(1.0, K + 1)
    w = create(published("temperature", exponent=0.5), ARMS, 0).plan(context(1))[0]
    assert w == pytest.approx(np.sqrt(sizes) / np.sqrt(sizes).sum())


def test_mixmin_finds_the_most_likely_mixture() -> None:
    logs = np.log(np.random.default_rng(3).uniform(0.05, 1, (20, K)))
    c = Context(**{**context(1).__dict__, "signals": Signals(target_logprobs=logs)})
    mechanism = MixMin(published("mixmin", steps=5000, tolerance=0.0), ARMS, 0)
    found = mechanism.plan(c)[0]

    def loss(w: np.ndarray) -> float:
        return -float(np.log(np.exp(logs) @ w).mean())

    best = minimize(loss, U, bounds=[(0, 1)] * K, constraints={"type": "eq", "fun": lambda w: w.sum() - 1})
    assert loss(found) == pytest.approx(best.fun, abs=1e-3)


def test_log_blr_fills_the_optimum_of_log_returns() -> None:
    mechanism = LogBlr(published("log_blr"), ARMS, 0)
    beta, c = np.random.default_rng(5).normal(0.1, 0.2, K), mechanism.settings.offset
    found = mechanism._optimum(context(1), beta)
    assert found.sum() == pytest.approx(1)
    positive = np.maximum(beta, 1e-6)
    best = minimize(
        lambda w: -float(positive @ np.log(w + c)), U, bounds=[(0, 1)] * K,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-12, "maxiter": 500},
    )  # fmt: skip
    assert positive @ np.log(found + c) >= -best.fun - 1e-6


@pytest.mark.parametrize("name", ["log_blr", "gp_bo", "regmix", "climb", "olmix"])
def test_a_search_recommends_what_is_worth_more(name: str) -> None:
    """Gains follow log shares of two arms; with enough trials every search recommends more of them than there was."""
    config = published(name)
    mechanism = create(config, ARMS, 1, "reset")
    values = np.where(np.isin(np.arange(K), (3, 7)), 0.3, 0.0)
    play(mechanism, config, values, rounds=30, mode="reset", sd=0.002)
    recommended = mechanism.recommend(context(30, rounds=30, mode="reset"))  # type: ignore[attr-defined]
    assert recommended[[3, 7]].sum() > 2.5 / K * 2


def test_halving_tries_as_often_as_it_says_and_returns_the_leader() -> None:
    config = published("successive_halving", candidates=8)
    mechanism = SuccessiveHalving(config, ARMS, 0)
    assert mechanism._length(8, 1) == 8 + 4 * 2 + 2 * 4 + 8
    values = np.linspace(-0.3, 0.3, K)
    plans = play(mechanism, config, values, rounds=32, mode="reset", sd=1e-6)
    tried = {tuple(np.round(vector(p.mixture, ARMS), 6)) for p in plans}
    assert len(tried) == 8
    best = max(tried, key=lambda w: float(np.array(w) @ values))
    assert mechanism.recommend(context(32, 32, "reset")) == pytest.approx(np.array(best), abs=2e-2)


def test_hyperband_has_the_brackets_of_the_paper() -> None:
    mechanism = Hyperband(published("hyperband", candidates=9), ARMS, 0)
    assert mechanism.brackets(10**6) == [(9, 1), (5, 3), (3, 9)]
    assert mechanism.brackets(5) == [(5, 1)] or sum(n * r for n, r in mechanism.brackets(5)) <= 5


def test_aioli_sweeps_every_arm_and_finds_the_law() -> None:
    config = published("aioli", memory=0.0)
    mechanism = create(config, ARMS, 0)
    values = np.linspace(-0.1, 0.1, K)
    play(mechanism, config, values, rounds=K, sd=1e-5)
    law = np.array(mechanism.state_dict()["law"])
    assert np.corrcoef(law, values)[0, 1] > 0.95


def test_evolution_follows_the_difference_of_opposite_probes() -> None:
    config = published("evolution")
    mechanism = create(config, ARMS, 0)
    plans = play(mechanism, config, np.where(np.arange(K) < 2, 0.3, 0.0), rounds=30, sd=1e-4)
    assert vector(plans[-1].mixture, ARMS)[:2].sum() > 0.5


@pytest.mark.parametrize(("policy", "moves"), list(product(("eg", "thompson"), (0.5,))))
def test_a_policy_steps_on_any_posterior(policy: str, moves: float) -> None:
    """Estimator and policy are chosen apart: structured BLR's values, moved by one exponentiated-gradient step."""
    config = published("structured_blr").model_copy(update={"policy": policy})
    mechanism = create(config, ARMS, 0)
    values = np.linspace(-0.2, 0.2, K)
    plans = play(mechanism, config, values, rounds=12, sd=1e-3)
    first, last = (vector(p.mixture, ARMS) for p in (plans[0], plans[-1]))
    assert last @ values > first @ values
    assert np.abs(np.log(vector(plans[1].mixture, ARMS) / first)[last > 0.02]).max() < moves + 0.5
