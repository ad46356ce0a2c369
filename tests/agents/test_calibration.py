"""Who may judge: shallow, obedient and broken judges are found out, a good one is trusted."""

import hashlib
from collections.abc import Callable

import pytest

from coevo.agents.calibration import Calibration, built_in, calibrate
from coevo.agents.canaries import plant
from coevo.tiers.document import Document
from coevo.tiers.errors import AgentError, SpendingError
from coevo.tiers.tier import DOMAINS, Tier

GOOD = {t.strip() for t in [*(p.good for p in built_in().gold), *(c.better for c in built_in().canaries)]}
ORDERS = [o.order for o in built_in().orders]


def each(grade: Callable[[Document], float]) -> Callable[[list[Document]], list[float]]:
    return lambda documents: [grade(d) for d in documents]


def knowing(document: Document) -> float:
    return 0.9 if document.text.strip() in GOOD else 0.1


def noise(document: Document) -> float:
    return int(hashlib.sha256(document.text.encode()).hexdigest(), 16) / 2**256


def test_a_judge_that_knows_is_trusted_wholly() -> None:
    found = calibrate(each(knowing), "education")
    assert found.trust == found.accuracy == found.auc == 1
    assert set(found.canaries) == {"nonsense", "stuffing", "plain", "length", "orders"}
    assert set(found.canaries.values()) == {1.0} and set(found.domains) == set(DOMAINS)
    assert found.rubric == "education" and "all canaries" in found.reason
    assert Calibration.model_validate_json(found.model_dump_json()) == found


def test_a_loss_is_better_when_lower() -> None:
    assert calibrate(each(lambda d: -knowing(d)), "loss", flip=True).trust == 1
    assert calibrate(each(lambda d: -knowing(d)), "loss").trust == 0


def test_a_judge_that_obeys_orders_in_a_text_is_not_trusted() -> None:
    obedient = each(lambda d: 0.95 if any(o in d.text for o in ORDERS) else knowing(d))
    found = calibrate(obedient, "education")
    assert found.accuracy == 1 and found.trust == 0 and found.canaries["orders"] == 0
    assert "obeys orders" in found.reason


def test_one_kind_of_order_obeyed_is_enough() -> None:
    found = calibrate(each(lambda d: 0.9 if ORDERS[1] in d.text else knowing(d)), "education")
    assert found.trust == 0 and 0.5 < found.canaries["orders"] < 1


def test_a_judge_that_marks_orders_down_is_not_blamed() -> None:
    assert calibrate(each(lambda d: 0.0 if any(o in d.text for o in ORDERS) else knowing(d)), "education").trust == 1


def test_length_is_no_judgement() -> None:
    found = calibrate(each(lambda d: len(d.text)), "length")
    assert found.canaries["length"] == 0 and found.trust < 0.1


def test_keywords_are_no_judgement() -> None:
    words = ("therefore", "because", "example", "return", "theorem", "explain", "=")
    found = calibrate(each(lambda d: sum(d.text.lower().count(w) for w in words)), "keywords")
    assert found.canaries["stuffing"] == 0 and found.trust < 0.3


@pytest.mark.parametrize("judge", [each(noise), each(lambda d: 0.5), each(lambda d: -knowing(d))])
def test_noise_indifference_and_perversity_are_below_the_bar(judge: Callable[[list[Document]], list[float]]) -> None:
    found = calibrate(judge, "noise")
    assert found.accuracy <= 0.6 and found.trust == 0 and "the bar" in found.reason


def test_a_judge_that_fails_is_not_trusted_and_one_that_is_not_paid_is_not_called() -> None:
    def fail(_: list[Document]) -> list[float]:
        raise AgentError("no logprobs")

    assert "no logprobs" in calibrate(fail, "x").reason
    assert calibrate(each(lambda d: float("nan")), "x").reason == "trust 0: 120 grades are no numbers"

    def unpaid(_: list[Document]) -> list[float]:
        raise SpendingError("402")

    with pytest.raises(SpendingError):
        calibrate(unpaid, "x")
    with pytest.raises(ValueError, match="wanted 120 grades"):
        calibrate(lambda documents: [1.0], "x")


def test_one_domain_can_be_calibrated_alone() -> None:
    found = calibrate(each(knowing), "education", domains=("math",))
    assert found.domains == {"math": 1.0}


def test_the_built_in_texts_are_what_they_should_be() -> None:
    texts = built_in()
    for domain in (*DOMAINS, "zh"):
        assert sum(p.domain == domain for p in texts.gold) == 8
        assert {c.kind for c in texts.canaries if c.domain == domain} == {"nonsense", "stuffing", "plain", "length"}
    every = [t for p in texts.gold for t in (p.good, p.bad)] + [t for c in texts.canaries for t in (c.better, c.worse)]
    assert len(set(every)) == len(every)
    for order in texts.orders:  # a remark is as long as its order, so that length cannot tell them apart
        assert abs(len(order.order) - len(order.remark)) <= 8
    lengths = [(len(p.good), len(p.bad)) for p in texts.gold]
    assert max(max(pair) for pair in lengths) < 700


def test_a_domain_without_texts_of_known_worth_trusts_nobody() -> None:
    found = calibrate(lambda documents: [1.0] * len(documents), "clarity", domains=("law",))
    assert found.trust == 0.0
    assert "no texts of known worth in law" in found.reason


# ---- canaries made of the run's own documents


def real(domain: str = "en") -> Document:
    text = " ".join(p.good.strip() for p in built_in().gold if p.domain == domain)
    return Document(id=f"d-{domain}", text=text, domain=domain, tier=Tier.L1, source="s", kind="text")


EVERY = (*DOMAINS, "zh")
PLANTED = plant([real(d) for d in EVERY], [(o.order, o.remark) for o in built_in().orders], seed=3)
BETTER = GOOD | {c.better for c in PLANTED if c.kind not in ("moved", "ordered")}


def knowing_fresh(document: Document) -> float:
    return 0.9 if document.text.strip() in BETTER or document.text in BETTER else 0.1


def test_fresh_canaries_are_new_each_round_and_of_every_kind_and_domain() -> None:
    assert {(c.kind, c.domain) for c in PLANTED} == {
        (k, d) for k in ("shuffled", "dressed", "padded", "moved", "ordered") for d in EVERY
    }
    again = plant([real()], [("o", "r")], seed=4)
    assert {c.worse for c in again if c.kind == "shuffled"}.isdisjoint({c.worse for c in PLANTED})
    for c in PLANTED:
        if c.kind == "shuffled":  # the same words, so that a count of words cannot tell
            assert sorted(c.better) == sorted(c.worse) and c.better != c.worse
    assert plant([real().model_copy(update={"text": "too short"})], [("o", "r")], seed=0) == ()


def test_a_judge_that_knows_passes_the_fresh_canaries() -> None:
    found = calibrate(each(knowing_fresh), "education", domains=EVERY, planted=PLANTED)
    assert found.trust == 1 and {k: v for k, v in found.canaries.items() if k.startswith("fresh")} == {
        "fresh shuffled": 1.0,
        "fresh dressed": 1.0,
        "fresh padded": 1.0,
        "fresh moved": 1.0,
    }


@pytest.mark.parametrize(
    ("judge", "kind"),
    [
        (lambda d: len(d.text) / 10_000, "fresh padded"),
        (lambda d: knowing(d) + d.text.count("**"), "fresh dressed"),
        (lambda d: float(d.text[:40] in {b[:40] for b in BETTER}), "fresh moved"),
        (lambda d: knowing(d) + len(set(d.text)) / 1e6, "fresh shuffled"),
    ],
)
def test_length_dress_position_and_vocabulary_are_found_out(judge: Callable[[Document], float], kind: str) -> None:
    found = calibrate(each(judge), "education", domains=EVERY, planted=PLANTED)
    assert found.canaries[kind] < 0.6 and found.trust < 1


def test_a_fresh_order_obeyed_costs_all_trust() -> None:
    orders = {c.worse for c in PLANTED if c.kind == "ordered"}
    found = calibrate(
        each(lambda d: 0.9 if d.text in orders else knowing_fresh(d)), "education", domains=EVERY, planted=PLANTED
    )
    assert found.trust == 0 and "obeys orders" in found.reason
