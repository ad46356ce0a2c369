"""Arm influence: its covariance is the scatter that new documents and new targets bring."""

import numpy as np
import pytest

from coevo.loop.feedback.arm_influence import arm_influence
from coevo.loop.feedback.config import FeedbackConfig
from coevo.loop.feedback.mechanism import Context, Floats, Signals
from coevo.loop.feedback.trust_blr import TrustBlr

ARMS = ("code/L1", "code/L2", "en/L1")


def drawn(seed: int) -> tuple[Floats, Floats]:
    """Arms' influence from 30 documents of 10 sources each on 12 targets of 6 sources, and its covariance."""
    rng = np.random.default_rng(seed)
    sources, clusters = np.repeat(np.arange(10), 3), np.repeat(np.arange(6), 2)
    kind = rng.normal(0, 0.1, 6)  # of a target's source: shared by all arms
    parts = []
    for value in (0.1, 0.2, 0.3):
        per_source = rng.normal(0, 0.2, 10)
        parts.append(value + per_source[sources, None] + kind[clusters] + rng.normal(0, 0.3, (30, 12)))
    arm_of = [a for a in ARMS for _ in range(30)]
    files = [f"{a}-{s}" for a in ARMS for s in sources]
    benchmarks = ["bpb"] * 6 + ["cloze"] * 6
    return arm_influence(np.concatenate(parts), arm_of, files, ARMS, benchmarks, [f"t{c}" for c in clusters])


def test_the_covariance_is_that_of_repeated_draws() -> None:
    found = [drawn(seed) for seed in range(400)]
    means, told = np.array([m for m, _ in found]), np.mean([c for _, c in found], axis=0)
    assert means.mean(0) == pytest.approx([0.1, 0.2, 0.3], abs=0.01)
    seen = np.cov(means.T)
    assert np.diag(told) == pytest.approx(np.diag(seen), rel=0.2)
    assert told[0, 1] == pytest.approx(seen[0, 1], rel=0.5) and seen[0, 1] > 0.001, "targets are common to all arms"
    inside = [abs(m[1] - m[0] - 0.1) < 1.96 * np.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1]) for m, c in found]
    assert 0.9 < np.mean(inside) < 0.99


def test_an_arm_without_documents_stands_at_the_mean_with_a_wide_error() -> None:
    pairs = np.array([[0.1, 0.3], [0.3, 0.5], [np.nan, np.nan]])
    mean, cov = arm_influence(pairs, [ARMS[0]] * 3, ["a", "b", "c"], ARMS, ["bpb", "bpb"], ["s", "t"])
    assert mean == pytest.approx([0.3, 0.3, 0.3])
    assert cov[1, 1] > 0 and np.linalg.eigvalsh(cov).min() > -1e-12


def test_trust_blr_believes_influence_as_far_as_it_is_no_noise() -> None:
    values = np.array([0.1, 0.2, 0.6])

    def running(cov: Floats | None) -> Floats:
        mechanism = TrustBlr(FeedbackConfig(), ARMS, 0)
        signals = Signals(influence=values, influence_cov=cov)
        third, live = np.full(3, 1 / 3), np.ones(3, dtype=bool)
        mechanism.plan(Context(1, ARMS, live, np.ones(3), third, 3, signals=signals))
        return mechanism.influence

    exact = running(None)
    assert running(np.eye(3) * 1e-6) == pytest.approx(exact, rel=1e-3)
    assert running(np.eye(3) * 0.035) == pytest.approx(0.5 * exact, rel=0.01)  # half of the variance of 0.07
    assert not running(np.eye(3)).any()
    assert running(np.full((3, 3), 0.5)) == pytest.approx(exact), (
        "what all arms have in common is no error between them"
    )
