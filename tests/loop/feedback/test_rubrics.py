"""Rubric weights: planted worth is found, mixtures get no credit through rubrics, distrust costs the weight."""

import numpy as np
import pytest

from coevo.loop.feedback.config import FeedbackConfig
from coevo.loop.feedback.design import rubric_signs
from coevo.loop.feedback.mechanism import Contrast, Evidence, Floats
from coevo.loop.feedback.rubric_influence import averaged, regress
from coevo.loop.feedback.rubrics import rubric_worth
from coevo.tiers.errors import InputError
from coevo.tiers.tier import arms
from tests.loop.feedback import rubric_trial

ARMS = tuple(arms())
CONFIG = FeedbackConfig()
NAMES = ("clarity", "depth", "noise")
TRUE = np.array([0.08, 0.02, -0.05])


def history(
    rounds: int, worth: Floats = TRUE, arm: Floats | None = None, trust: tuple[float, ...] = (1, 1, 1)
) -> list[Evidence]:
    """Four full contrasts a round whose gains follow `worth` and arm values exactly, up to noise of 0.005."""
    rng = np.random.default_rng(5)
    out = []
    for t in range(1, rounds + 1):
        contrasts = []
        for i in range(4):
            w = rng.dirichlet(np.full(12, 20.0))
            u = np.full(12, 1 / 12)
            s = rng.normal(0, 0.5, 3)
            if arm is not None:
                s = np.array([2.0, 0, 0]) * (np.log(w + 0.01) - np.log(u + 0.01))[:4].sum() + 0.01 * s
            x = np.log(w + 0.01) - np.log(u + 0.01)
            gain = s @ worth + (0 if arm is None else x @ arm) + rng.normal(0, 0.005)
            contrasts.append(Contrast("full", f"t{i}", "control", w, u, 1.0, float(gain), s))
        out.append(Evidence(t, tuple(contrasts), np.eye(4) * 0.005**2, NAMES, np.array(trust, dtype=float)))
    return out


def test_planted_worth_is_found_within_its_error() -> None:
    found = rubric_worth(history(12), {}, ARMS, CONFIG)
    assert [abs(f.worth - t) < 3 * f.worth_se for f, t in zip(found, TRUE, strict=True)] == [True] * 3
    assert found[0].worth_se < 0.02 < CONFIG.rubric_sd * CONFIG.rubric_unit


def test_weights_move_half_way_to_the_positive_worth() -> None:
    found = rubric_worth(history(12), dict.fromkeys(NAMES, 1 / 3), ARMS, CONFIG)
    positive = np.maximum([f.worth for f in found], 0)
    assert [f.weight for f in found] == pytest.approx(0.5 / 3 + 0.5 * positive / positive.sum())
    assert sum(f.weight for f in found) == pytest.approx(1)


def test_an_arm_effect_is_not_credited_to_the_rubric_that_moves_with_it() -> None:
    arm = np.where(np.arange(12) < 4, 0.05, 0.0)
    found = rubric_worth(history(12, np.zeros(3), arm), {}, ARMS, CONFIG)
    naive = 0.05 / 2.0  # what a regression on the rubric alone would say
    assert found[0].worth < 0.5 * naive + 2 * found[0].worth_se
    assert found[0].worth_se > 0.005  # and it knows that the two are hard to tell apart


def test_pairs_on_one_mixture_tell_rubrics_apart_that_mixtures_cannot() -> None:
    """Selection that moves with the arms says nothing about a rubric; documents chosen apart in its direction do."""
    arm = np.where(np.arange(12) < 4, 0.05, 0.0)
    confounded = history(8, TRUE, arm)
    rng, same, probed = np.random.default_rng(6), np.full(12, 1 / 12), []
    for e in confounded:
        direction = rubric_signs(NAMES, e.round, seed=0)
        s = np.array([1.2 * direction[r] for r in NAMES])
        gain = 0.34 * float(s @ TRUE) + rng.normal(0, 0.005)
        pair = Contrast("rubric", "rubric-high", "rubric-low", same, same, 0.34, gain, s)
        probed.append(Evidence(e.round, (*e.contrasts, pair), np.eye(5) * 0.005**2, NAMES, e.trust))
    before, after = (rubric_worth(h, {}, ARMS, CONFIG) for h in (confounded, probed))
    assert all(a.worth_se < 0.5 * b.worth_se for a, b in zip(after, before, strict=True) if b.rubric == "clarity")
    assert [abs(f.worth - t) < 3 * f.worth_se for f, t in zip(after, TRUE, strict=True)] == [True] * 3
    assert after[0].weight > after[1].weight > after[2].weight


def test_a_rubric_without_trust_loses_its_weight_and_says_why() -> None:
    found = rubric_worth(history(3, trust=(0.0, 1.0, 0.5)), {}, ARMS, CONFIG)
    assert found[0].weight == 0
    assert "trust 0" in found[0].reason
    assert sum(f.weight for f in found) == pytest.approx(1)


def test_no_rubric_is_trusted() -> None:
    assert [f.weight for f in rubric_worth(history(1, trust=(0, 0, 0)), {}, ARMS, CONFIG)] == [0, 0, 0]


def test_a_new_rubric_joins_with_the_prior() -> None:
    past = history(2)
    now = Evidence(3, (), np.zeros((0, 0)), (*NAMES, "fresh"), np.ones(4))
    found = rubric_worth([*past, now], {}, ARMS, CONFIG)
    assert found[3].worth == pytest.approx(CONFIG.rubric_mean * CONFIG.rubric_unit)
    assert found[3].worth_se == pytest.approx(CONFIG.rubric_sd * CONFIG.rubric_unit)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="at least one round"):
        rubric_worth([], {}, ARMS, CONFIG)
    with pytest.raises(InputError, match="trust"):
        rubric_worth([Evidence(1, (), np.zeros((0, 0)), NAMES, np.ones(1))], {}, ARMS, CONFIG)


def test_influence_is_believed_as_far_as_runs_bear_it_out() -> None:
    """Fresh small worlds: fusion keeps up with good influence, and a biased one does not lead it astray."""
    seeds = range(400, 408)
    alone = rubric_trial.CONFIG.model_copy(update={"rubric_method": "influence"})
    good, biased, weak = (rubric_trial.shares(seeds, g)[:, 0].mean() for g in ("good", "biased", "weak"))
    assert good > 0.8
    assert min(biased, weak) > 0.5
    assert biased > rubric_trial.shares(seeds, "biased", alone)[:, 0].mean()


def test_the_influence_of_rubrics_is_a_ridge_regression_to_unit_length() -> None:
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(size=(4000, 3)), np.array([0.3, 0.0, -0.4])
    found = regress(scores, scores @ truth + rng.normal(size=4000))
    assert found == pytest.approx(truth, abs=0.06)
    seen = [Evidence(1, (), np.zeros((0, 0)), NAMES, np.ones(3), rubric_influence=found)]
    assert averaged(seen, NAMES) == pytest.approx(found / np.linalg.norm(found))
    assert averaged([Evidence(1, (), np.zeros((0, 0)), NAMES, np.ones(3))], NAMES) is None
    with pytest.raises(InputError, match="finite influence"):
        regress(scores, np.full(4000, np.nan))


def test_a_method_that_needs_what_nobody_measured_is_refused() -> None:
    for method in ("influence", "hedge"):
        with pytest.raises(InputError, match="use fusion"):
            rubric_worth(history(2), {}, ARMS, CONFIG.model_copy(update={"rubric_method": method}))


def test_the_hedge_moves_weights_to_what_would_have_gained() -> None:
    """Two buckets, the second worth more; the rubric that selects it gains weight, at most half a log a round."""
    pure = np.array([[1.0, 0.0], [0.0, 1.0]])
    u = np.full(12, 1 / 12)
    contrast = Contrast("rubric", "high", "low", u, u, 1.0, 0.1, np.zeros(2), buckets=np.array([-0.5, 0.5]))
    seen = Evidence(1, (contrast,), np.eye(1) * 1e-6, ("a", "b"), np.ones(2), rubric_buckets=pure)
    found = rubric_worth([seen], {}, ARMS, CONFIG.model_copy(update={"rubric_method": "hedge"}))
    assert found[1].worth - found[0].worth == pytest.approx(0.2, rel=0.05)
    assert found[1].weight / found[0].weight == pytest.approx(
        np.exp(2 * min(0.3 * 0.1 / CONFIG.rubric_unit, 0.5)), rel=0.1
    )


def test_a_signed_weight_selects_against_a_rubric() -> None:
    signed = CONFIG.model_copy(update={"rubric_signed": True})
    found = rubric_worth(history(12), {"noise": 0.0}, ARMS, signed)
    assert found[2].weight < 0 < found[0].weight
    assert sum(abs(f.weight) for f in found) == pytest.approx(1)
