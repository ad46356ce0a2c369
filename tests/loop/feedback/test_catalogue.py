"""Every mechanism of the catalogue: it keeps to the interface, says where it is from, and refuses what it cannot do."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.loop.feedback import MECHANISMS, create
from coevo.loop.feedback.guard import guarded_observe, guarded_plan, guarded_posterior, guarded_recommendation
from coevo.loop.feedback.mechanism import Context, Signals
from coevo.loop.feedback.policy import vector
from coevo.tiers.errors import InputError
from tests.loop.feedback.rounds import ARMS, EVERYTHING, K, context, evidence, made_for, play, published

VALUES = np.linspace(-0.2, 0.2, K)
DOCS = (Path(__file__).parents[3] / "docs" / "mechanisms.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MECHANISMS)
def test_it_says_where_it_is_from_and_stays_short(name: str) -> None:
    mechanism = create(published(name), ARMS, 0, made_for(name))
    assert mechanism.name == name
    assert len(getattr(mechanism, "source", "")) > 5
    assert len(inspect.getsource(inspect.getmodule(type(mechanism))).splitlines()) < 200  # type: ignore[arg-type]
    row = next(line for line in DOCS.splitlines() if line.startswith(f"| `{name}` |")).split("|")
    modes: frozenset[str] = getattr(mechanism, "modes", frozenset())
    assert row[3].strip().startswith("both" if len(modes) == 2 else next(iter(modes)))
    assert {n for n in row[4].strip().split(", ") if n} == getattr(mechanism, "needs", frozenset())


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(MECHANISMS)),
    st.lists(st.booleans(), min_size=K, max_size=K).filter(lambda on: sum(on) >= 2),
    st.integers(0, 5),
)
def test_its_plans_are_mixtures_of_live_arms_and_it_goes_on_from_its_state(
    name: str, live: list[bool], seed: int
) -> None:
    config, mode = published(name), made_for(name)
    one = create(config, ARMS, seed, mode)
    plans = play(one, config, VALUES, rounds=6, mode=mode, live=live, seed=seed)
    for plan in plans:
        w = vector(plan.mixture, ARMS)
        assert w.sum() == pytest.approx(1)
        assert (w[~np.array(live)] == 0).all()
    other = create(config, ARMS, seed, mode)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    following = context(7, mode=mode, live=live)
    assert guarded_plan(other, following, config) == guarded_plan(one, following, config)
    mean, cov, problem = guarded_posterior(one, ARMS)
    assert not problem
    assert np.linalg.eigvalsh(cov).min() > -1e-9, "a covariance"
    assert np.array_equal(guarded_posterior(other, ARMS)[0], mean)
    assert not guarded_recommendation(one, following, config)[1]


@pytest.mark.parametrize("name", MECHANISMS)
def test_it_is_deterministic_given_its_seed(name: str) -> None:
    config, mode = published(name), made_for(name)
    runs = [play(create(config, ARMS, 3, mode), config, VALUES, rounds=5, mode=mode) for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("name", MECHANISMS)
def test_what_it_needs_is_asked_for_at_the_start_and_missed_in_the_round(name: str) -> None:
    config, mode = published(name), made_for(name)
    mechanism = create(config, ARMS, 0, mode, EVERYTHING)
    needs: frozenset[str] = getattr(mechanism, "needs", frozenset())
    if not needs:
        create(config, ARMS, 0, mode, frozenset())
        return
    with pytest.raises(InputError, match=sorted(needs)[0]):
        create(config, ARMS, 0, mode, frozenset())
    bare = Context(**{**context(1, mode=mode).__dict__, "signals": Signals(), "sizes": None})
    if needs & set(Signals.__dataclass_fields__) - {"proposal"} or "sizes" in needs:
        assert sorted(needs)[0] in guarded_plan(mechanism, bare, config).problem


def test_a_mode_that_it_is_not_made_for_is_refused() -> None:
    for name in ("log_blr", "regmix", "climb", "olmix", "successive_halving", "hyperband"):
        with pytest.raises(InputError, match="made for mode reset"):
            create(published(name), ARMS, 0, "continue")
    with pytest.raises(InputError, match="made for mode continue"):
        create(published("aioli"), ARMS, 0, "reset")


def test_an_unknown_option_is_told_what_there_is() -> None:
    with pytest.raises(InputError, match=r"feedback\.options\.exponant.*temperature knows exponent"):
        create(published("temperature", exponant=0.5), ARMS, 0)
    with pytest.raises(InputError, match=r"options\.discount.*less than or equal to 1, got 2"):
        create(published("structured_blr", discount=2), ARMS, 0)
    with pytest.raises(InputError, match="knows none at all"):
        create(published("uniform", floor=0.1), ARMS, 0)


@pytest.mark.parametrize("name", [n for n in MECHANISMS if made_for(n) == "continue"])
def test_a_round_without_contrasts_teaches_nothing_and_breaks_nothing(name: str) -> None:
    config = published(name)
    mechanism = create(config, ARMS, 0)
    c = context(1)
    plan = guarded_plan(mechanism, c, config).plan
    made = evidence(plan, VALUES, c, np.random.default_rng(0))
    empty = type(made)(1, (), np.zeros((0, 0)), signals=c.signals)
    assert guarded_observe(mechanism, empty) == ""
    assert not guarded_plan(mechanism, context(2), config, plan).problem
