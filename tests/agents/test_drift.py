"""Drift of a judge: what is called steady, shifted, drifted and unresolved."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from coevo.agents.drift import drift

RNG = np.random.default_rng(5)
FIRST = {f"d{i}": float(x) for i, x in enumerate(RNG.uniform(size=24))}


def test_the_same_grades_are_steady_and_a_common_shift_keeps_its_order() -> None:
    same = drift("clarity", FIRST, FIRST)
    assert same.verdict == "steady" and same.order == same.kept == 1 and same.shift == 0
    higher = drift("clarity", FIRST, {k: v + 0.3 for k, v in FIRST.items()})
    assert higher.verdict == "shifted" and higher.kept == 1 and higher.low <= higher.shift <= higher.high


def test_another_order_is_a_drift_that_costs_trust() -> None:
    turned = drift("clarity", FIRST, {k: -v for k, v in FIRST.items()})
    assert turned.verdict == "drifted" and turned.order == pytest.approx(-1) and turned.kept == 0
    noisy = {k: v + float(RNG.normal(0, 0.4)) for k, v in FIRST.items()}
    half = drift("clarity", FIRST, noisy)
    keys = sorted(FIRST)
    peer: Any = spearmanr([FIRST[k] for k in keys], [noisy[k] for k in keys])
    assert half.order == pytest.approx(peer.statistic)
    assert half.verdict == "drifted" and 0 < half.kept < 1 and "drifted" in half.reason


def test_a_judge_that_gives_everything_one_grade_has_no_order_left() -> None:
    assert drift("clarity", FIRST, dict.fromkeys(FIRST, 0.5)).kept == 0
    assert drift("clarity", dict.fromkeys(FIRST, 0.5), dict.fromkeys(FIRST, 0.5)).verdict == "steady"


def test_few_common_documents_say_nothing() -> None:
    few = drift("clarity", FIRST, {"d1": 0.9, "other": 0.1})
    assert few.verdict == "unresolved" and few.n == 1 and few.kept == 1


def test_a_steady_judge_with_small_noise_is_hardly_ever_called_drifted() -> None:
    verdicts = [
        drift("x", FIRST, {k: v + float(RNG.normal(0, 0.03)) for k, v in FIRST.items()}).verdict for _ in range(300)
    ]
    assert verdicts.count("steady") >= 295
