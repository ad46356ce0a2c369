"""A quota of new ideas: a share of the probes goes to what was tried least."""

from coevo.loop.feedback.mechanism import Plan, Probe
from coevo.loop.feedback.quota import family, with_quota
from tests.loop.feedback.rounds import ARMS, K, context

U = dict(zip(ARMS, [1 / K] * K, strict=True))


def plan(number: int, *raised: str) -> Plan:
    probes = []
    for i, arm in enumerate(raised):
        tilted = {a: w * (2.0 if a == arm else 1.0) for a, w in U.items()}
        total = sum(tilted.values())
        probes.append(Probe(name=f"p{i}", mixture={a: w / total for a, w in tilted.items()}, reason=""))
    return Plan(round=number, mechanism="m", mixture=U, reference=U, probes=tuple(probes))


def test_a_probe_is_given_to_what_was_tried_least() -> None:
    past = [plan(n, "math/L3", "code/L2") for n in range(1, 7)]
    now = plan(7, "math/L3", "code/L2")
    assert family(now.probes[0], now, ARMS) == "math/L3"
    changed = with_quota(now, context(7), past, 0.2)
    assert changed.probes[0].name == "explore"
    assert family(changed.probes[0], changed, ARMS) not in ("math/L3", "code/L2")
    assert changed.probes[1] == now.probes[1]
    assert with_quota(now, context(7), past, 0.0) is now, "nothing is asked for unless it is set"
    varied = [plan(n, ARMS[n]) for n in range(6)]
    assert with_quota(plan(7, ARMS[7]), context(7), varied, 0.5).probes[0].name == "p0"
    assert with_quota(plan(8), context(8), past, 1.0).probes == (), "a round without probes stays one"
