"""The policy layer: bounds that always hold, and mechanisms that misbehave."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.loop.feedback import create
from coevo.loop.feedback.config import FeedbackConfig
from coevo.loop.feedback.guard import guarded_observe, guarded_plan
from coevo.loop.feedback.mechanism import Context, Contrast, Evidence, Floats, Plan, Probe
from coevo.loop.feedback.policy import admit, carried, reference_mixture, shares, vector
from coevo.loop.feedback.simplex import project
from coevo.tiers.errors import InputError
from coevo.tiers.tier import arms

ARMS = tuple(arms())
K = len(ARMS)
CONFIG = FeedbackConfig()


def context(number: int = 1, live: Any = None, cap: Any = None, start: Floats | None = None) -> Context:
    alive = np.ones(K, dtype=bool) if live is None else np.asarray(live, dtype=bool)
    caps = np.ones(K) if cap is None else np.asarray(cap, dtype=float)
    return Context(number, ARMS, alive, caps, alive / max(alive.sum(), 1), 3, 3, start)


class Stub:
    """A mechanism that wants what it is told."""

    name = "stub"

    def __init__(self, wanted: Any, probes: tuple[Probe, ...] = ()) -> None:
        self.wanted, self.probes, self.seen = wanted, probes, 0

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        if isinstance(self.wanted, Exception):
            raise self.wanted
        return self.wanted, self.probes, "because"

    def observe(self, evidence: Evidence) -> None:
        self.seen += 1

    def posterior(self) -> tuple[Floats, Floats]:
        return np.full(K, np.nan if self.seen else 0.0), np.eye(K)

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


shares_lists = st.lists(st.floats(0, 1), min_size=K, max_size=K)


@settings(max_examples=200, deadline=None)
@given(shares_lists, st.lists(st.booleans(), min_size=K, max_size=K), shares_lists, st.floats(0, 0.3))
def test_projection_is_a_mixture_of_live_arms_within_bounds(
    wanted: list[float], live: list[bool], cap: list[float], floor: float
) -> None:
    alive, caps = np.array(live), np.array(cap)
    w = project(np.array(wanted), alive, caps, floor)
    if not alive.any():
        return
    assert abs(w.sum() - 1) < 1e-9
    assert (w[~alive] == 0).all()
    if caps[alive].sum() > 1:
        assert (w <= caps + 1e-9).all()
        assert (w[alive] >= np.minimum(min(floor, 1 / alive.sum()), caps[alive]) - 1e-9).all()


def test_projection_keeps_proportions_where_no_bound_binds() -> None:
    w = project(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4, dtype=bool), np.array([1.0, 1.0, 1.0, 0.2]), 0.0)
    assert w[3] == pytest.approx(0.2)
    assert w[:3] == pytest.approx(0.8 * np.array([1, 2, 3]) / 6)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.001, 1), min_size=K, max_size=K))
def test_one_step_stays_in_the_trust_region(wanted: list[float]) -> None:
    w = admit(np.array(wanted) / sum(wanted), context(), CONFIG)
    assert np.abs(np.log(w * K)).max() <= CONFIG.step + 1e-9


def test_the_anchor_pulls_to_the_reference() -> None:
    wanted = np.full(K, 0.9 / (K - 1))
    wanted[0] = 0.1
    free, held = (admit(wanted, context(), CONFIG.model_copy(update={"anchor": a})) for a in (0.0, 1.0))
    assert held == pytest.approx(np.full(K, 1 / K))
    assert free == pytest.approx(wanted)


def bad_mixtures() -> list[Any]:
    lost = np.full(K, 1 / K)
    lost[0] = np.nan
    negative = np.full(K, 1 / K)
    negative[:2] += [-0.2, 0.2]
    return [lost, negative, np.full(K, 0.5), np.ones(3) / 3, "nonsense", None, RuntimeError("boom"), KeyError("x")]


@pytest.mark.parametrize("wanted", bad_mixtures(), ids=repr)
def test_a_bad_mechanism_keeps_the_previous_mixture(wanted: Any) -> None:
    tilted = np.arange(1.0, K + 1)
    tilted /= tilted.sum()
    previous = Plan(round=1, mechanism="stub", mixture=shares(tilted, ARMS), reference=shares(np.full(K, 1 / K), ARMS))
    guarded = guarded_plan(Stub(wanted), context(2), CONFIG, previous)
    assert "stub" in guarded.problem
    assert "kept the previous mixture" in guarded.plan.reason
    assert vector(guarded.plan.mixture, ARMS) == pytest.approx(np.maximum(tilted, 0.01), abs=1e-3)
    assert guarded.plan.probes == ()


@pytest.mark.parametrize(
    "mixture",
    [{"math/L9": 1.0}, {"math/L1": 0.5}, {"math/L1": 2.0, "math/L2": -1.0}],
    ids=["unknown", "short", "negative"],
)
def test_a_bad_probe_is_a_bad_mechanism(mixture: dict[str, float]) -> None:
    guarded = guarded_plan(Stub(np.full(K, 1 / K), (Probe(name="p", mixture=mixture, reason=""),)), context(), CONFIG)
    assert guarded.problem
    assert vector(guarded.plan.mixture, ARMS) == pytest.approx(np.full(K, 1 / K))


def test_probes_are_bounded_by_live_arms_and_caps() -> None:
    live, cap = np.ones(K), np.ones(K)
    live[3], cap[2] = 0, 0.05
    probe = Probe(name="p", mixture={"code/L3": 0.6, "code/L4": 0.4}, reason="")
    guarded = guarded_plan(Stub(live / live.sum(), (probe,)), context(live=live, cap=cap), CONFIG)
    w = vector(guarded.plan.probes[0].mixture, ARMS)
    assert not guarded.problem
    assert w[3] == 0
    assert w[2] == pytest.approx(0.05)
    assert w.sum() == pytest.approx(1)


def test_observing_rubbish_puts_the_old_state_back() -> None:
    stub = Stub(np.full(K, 1 / K))
    told = guarded_observe(stub, Evidence(round=1, contrasts=(), cov=np.zeros((0, 0))))
    assert "not finite" in told
    assert stub.seen == 0


def test_the_default_survives_evidence_that_is_not_a_number() -> None:
    mechanism = create(CONFIG, ARMS, 0)
    before = mechanism.state_dict()
    u = np.full(K, 1 / K)
    bad = Contrast("full", "main", "control", u, u, 1.0, float("nan"), np.zeros(0))
    assert guarded_observe(mechanism, Evidence(1, (bad,), np.eye(1)))
    assert mechanism.state_dict() == before


def test_weights_are_carried_only_with_their_model() -> None:
    tilted = project(np.arange(1.0, K + 1), np.ones(K, dtype=bool), np.ones(K), 0.0)
    previous = Plan(round=1, mechanism="m", mixture=shares(tilted, ARMS), reference=shares(np.full(K, 1 / K), ARMS))
    assert carried(previous, "main", context(2)) == pytest.approx(tilted)
    assert carried(previous, "control", context(2)) == pytest.approx(np.full(K, 1 / K))


def test_an_arm_that_comes_alive_enters_with_its_reference_share() -> None:
    old = np.ones(K)
    old[[3, 7]] = 0
    old /= old.sum()
    previous = Plan(round=1, mechanism="m", mixture=shares(old, ARMS), reference=shares(old, ARMS))
    assert carried(previous, "main", context(2)) == pytest.approx(np.full(K, 1 / K))


def test_the_reference_is_uniform_over_live_arms_or_what_was_configured() -> None:
    live = np.arange(K) < 4
    assert reference_mixture(CONFIG, ARMS, live) == pytest.approx(live / 4)
    told = CONFIG.model_copy(update={"reference": {"code/L1": 3.0, "code/L2": 1.0, "math/L4": 9.0}})
    assert reference_mixture(told, ARMS, live)[:2] == pytest.approx([0.75, 0.25])
    with pytest.raises(InputError, match="code/L7"):
        reference_mixture(CONFIG.model_copy(update={"reference": {"code/L7": 1.0}}), ARMS, live)
