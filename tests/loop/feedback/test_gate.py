"""The gate: which model goes on, guards, and the alarm."""

import math

import numpy as np
import pytest

from coevo.loop.feedback.config import FeedbackConfig
from coevo.loop.feedback.gate import Known, accept, alarm, probability
from tests.loop.feedback.trial import as_delta as delta

CONFIG = FeedbackConfig()


@pytest.mark.parametrize(("gain", "run"), [(0.05, "main"), (0.004, "main"), (0.0, "control"), (-0.05, "control")])
def test_main_goes_on_when_it_is_probably_better(gain: float, run: str) -> None:
    assert accept(delta(gain, 0.01), [], CONFIG).run == run


def test_accepting_is_no_claim() -> None:
    accepted = accept(delta(0.01, 0.01), [], CONFIG)
    assert (accepted.run, accepted.verdict) == ("main", "unresolved")
    assert "P(better) 0.84" in accepted.reason


def test_a_guarded_benchmark_that_clearly_lost_stops_main() -> None:
    good = delta(0.1, 0.01)
    assert accept(good, [delta(-0.5, 0.05, "bpb_math")], CONFIG).run == "control"
    assert "bpb_math" in accept(good, [delta(-0.5, 0.05, "bpb_math")], CONFIG).reason
    assert accept(good, [delta(-0.5, 0.4, "bpb_math")], CONFIG).run == "main"
    elsewhere = CONFIG.model_copy(update={"guarded": ("bpb_en",)})
    assert accept(good, [delta(-0.5, 0.05, "bpb_math")], elsewhere).run == "main"


def test_the_guard_reads_benchmarks_in_sds_of_their_items() -> None:
    lost = delta(-0.2, 0.01, "bpb_code")
    assert accept(delta(0.1, 0.01), [lost], CONFIG, Known({"bpb_code": 2.0})).run == "main"
    assert accept(delta(0.1, 0.01), [lost], CONFIG, Known({"bpb_code": 0.4})).run == "control"


def test_a_difference_without_error_is_certain_and_none_is_even_odds() -> None:
    assert [probability(g, 0.0) for g in (0.1, 0.0, -0.1)] == [1.0, 0.5, 0.0]


def test_the_alarm_rings_only_beyond_two_standard_errors() -> None:
    assert alarm(delta(0.05, 0.01), delta(0.03, 0.01), CONFIG) == ""
    assert alarm(delta(0.01, 0.01), delta(0.09, 0.01), CONFIG) == ""
    assert "4.2 SE" in alarm(delta(0.09, 0.01), delta(0.03, 0.01), CONFIG)


def test_the_alarm_is_false_in_two_rounds_of_a_hundred_and_rings_where_items_are_fitted() -> None:
    """One-sided at two standard errors 2.3 %; gains on feedback items that are not there on hidden ones, 4 SE: 98 %."""
    rng = np.random.default_rng(0)
    for fitted, low, high in ((0.0, 0.012, 0.035), (4.0, 0.96, 0.995)):
        rung = 0
        for same, one, other in rng.standard_normal((2000, 3)):
            feedback, hidden = 0.05 * same + 0.01 * one, 0.05 * same + 0.02 * other
            feedback += fitted * math.hypot(0.01, 0.02)
            rung += bool(alarm(delta(feedback, 0.01), delta(hidden, 0.02), CONFIG))
        assert low <= rung / 2000 <= high


def test_each_gate_asks_for_what_it_says() -> None:
    def decided(gate: str, gain: float, expected: tuple[float, float] | None = None) -> str:
        config = CONFIG.model_copy(update={"gate": gate})
        return accept(delta(gain, 0.01), [], config, Known(expected=expected)).run

    assert [decided("always", g) for g in (-0.05, 0.05)] == ["main", "main"]
    assert [decided("ladder", g) for g in (0.019, 0.021)] == ["control", "main"]
    assert [decided("paired", g) for g in (0.002, 0.003)] == ["control", "main"]
    assert decided("posterior", -0.01, (0.02, 0.02)) == "main", "what was learned outweighs one unlucky pair"
    assert decided("posterior", 0.05, (0.005, 0.02)) == "control"
    assert decided("posterior", 0.05) == "main", "a mechanism without opinion is judged by the pair"


def test_a_guarded_benchmark_may_lose_so_much_over_the_run_and_no_more() -> None:
    config = CONFIG.model_copy(update={"regression": 0.3, "guarded": ("bpb_math",)})
    good, worse = delta(0.1, 0.01), [delta(-0.1, 0.02, "bpb_math"), delta(-0.2, 0.02, "bpb_en")]
    spent = Known(lost={"bpb_math": (-0.35, 0.0004)})
    assert accept(good, worse, config).run == "main"
    refused = accept(good, worse, config, spent)
    assert refused.run == "control"
    assert "bpb_math would have lost 0.450" in refused.reason
    better = [delta(0.05, 0.02, "bpb_math")]
    assert accept(good, better, config, spent).run == "main", "what makes good again is welcome"
    assert accept(good, worse, CONFIG, spent).run == "main", "there is no budget unless one is set"
