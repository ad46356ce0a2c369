"""The gate: which model goes on, guards, and the alarm."""

import math

import numpy as np
import pytest

from coevo.eval.clustered import EXACT, Error
from coevo.eval.score import Delta
from coevo.loop.feedback.config import FeedbackConfig
from coevo.loop.feedback.gate import Known, accept, alarm
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


def few(gain: float, se: float, dof: float, benchmark: str = "composite") -> Delta:
    """A delta whose error is known with few degrees of freedom."""
    error = Error(se, dof)
    update = {"dof": dof, "low": gain - error.half_width, "high": gain + error.half_width, "p": error.p(gain)}
    return delta(gain, se, benchmark).model_copy(update={**update, "verdict": "unresolved"})


def test_what_is_unresolved_is_not_certain() -> None:
    """Three A/A runs: the interval -.030 to +.013 and P(better) are one distribution; it said 0.00."""
    loss = few(-0.0087, 0.0017, 1.0)
    assert (loss.low, loss.high) == pytest.approx((-0.030, 0.013), abs=0.0005)
    assert accept(loss, [], CONFIG).probability == pytest.approx(0.0614, abs=0.001)
    assert "P(better) 0.06" in accept(loss, [], CONFIG).reason
    assert accept(few(0.0017, 0.0017, 1.0), [], CONFIG).probability == pytest.approx(0.75)


@pytest.mark.parametrize("dof", [1.0, 2.0, 5.0, 30.0, EXACT])
def test_every_bound_is_as_sure_as_its_error_is_known(dof: float) -> None:
    """In the long run each one-sided bound is crossed by luck as often as it says, whatever is behind the error."""
    rng = np.random.default_rng(int(dof))
    scale = np.sqrt(rng.chisquare(dof, 1500) / dof) if dof < EXACT else np.ones(1500)
    gains = rng.standard_normal(1500)
    ladder, budget = (CONFIG.model_copy(update=u) for u in ({"gate": "ladder"}, {"regression": 1e-9}))
    crossed = np.zeros(3)
    for gain, se in zip(gains, scale, strict=True):
        one = few(gain, max(float(se), 1e-6), dof)
        worse = one.model_copy(update={"benchmark": "bpb_en"})
        crossed += (
            accept(one, [], ladder).run == "main",
            "lost more" in accept(few(9.0, 0.1, dof), [worse], CONFIG.model_copy(update={"guard": 0.0})).reason,
            "in all" in accept(few(9.0, 0.1, dof), [worse], budget.model_copy(update={"guard": 99.0})).reason,
        )
    assert crossed / 1500 == pytest.approx([0.0228, 0.05, 0.05], abs=0.014)


def test_the_alarm_rings_only_beyond_two_standard_errors() -> None:
    def rings(feedback: float, hidden: float, dof: float = EXACT) -> str:
        error = Error(math.hypot(0.01, 0.01), dof)
        return alarm(feedback - hidden, error, delta(feedback, 0.01), delta(hidden, 0.01), CONFIG)

    assert rings(0.05, 0.03) == rings(0.01, 0.09) == ""
    assert "4.2 SE" in rings(0.09, 0.03)
    assert rings(0.09, 0.03, dof=2.0) == "", "4.2 standard errors of two degrees of freedom are no alarm"


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
    spent = Known(total={"bpb_math": (-0.45, Error(0.03, EXACT))})
    assert accept(good, worse, config).run == "main"
    refused = accept(good, worse, config, spent)
    assert refused.run == "control"
    assert "bpb_math would have lost 0.450" in refused.reason
    better = [delta(0.05, 0.02, "bpb_math")]
    assert accept(good, better, config, spent).run == "main", "what makes good again is welcome"
    assert accept(good, worse, CONFIG, spent).run == "main", "there is no budget unless one is set"
