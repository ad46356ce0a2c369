"""Rubric weights: planted worth is found, mixtures get no credit through rubrics, distrust costs the weight."""

import numpy as np
import pytest

from coevo.loop.feedback.config import FeedbackConfig
from coevo.loop.feedback.design import rubric_signs
from coevo.loop.feedback.mechanism import Contrast, Evidence, Floats
from coevo.loop.feedback.rubrics import rubric_worth
from coevo.tiers.errors import InputError
from coevo.tiers.tier import arms

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
