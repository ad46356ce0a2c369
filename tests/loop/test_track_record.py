"""The strategist's record: rounds ask the same items, so their number alone resolves nothing."""

from pathlib import Path

import numpy as np
import pytest

from coevo.agents.advice import Direction, Proposal
from coevo.loop.run_db import RunDB
from coevo.loop.track_record import STRATEGIST, pooled, track_record

PROPOSAL = Proposal(
    round=0, probes=(Direction(shifts={"en/L2": 0.5}, reason="more refined prose", chance=0.7),), agent="test"
)
SE, PROBES = 0.01, 2


def recorded(path: Path, gains: np.ndarray) -> RunDB:
    """Finished rounds with the gain of the strategist's probe and of two that the mechanism drew: [rounds, 3]."""
    db = RunDB(path, create=True)
    for number, row in enumerate(gains, start=1):
        db.insert("rounds", {"round": number, "status": "done"})
        names = (STRATEGIST, *(f"probe-{n}" for n in range(PROBES)))
        contrasts = [{"kind": "probe", "treatment": n, "gain": float(g)} for n, g in zip(names, row, strict=True)]
        cov = SE**2 * np.eye(PROBES + 1)
        db.set_meta(f"proposal-{number - 1}", PROPOSAL)
        db.set_meta(f"evidence-{number}", {"contrasts": contrasts, "cov": cov.tolist()})
    return db


@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
def test_the_luck_of_the_same_items_is_no_advantage(share: float) -> None:
    """Twenty rounds of a probe that is worth what the others are: taken as independent they resolved its luck."""
    rng, rounds, resolved, before = np.random.default_rng(int(10 * share)), 20, [], []
    for _ in range(800):
        sizes = np.exp(rng.normal(0, 0.3, rounds))
        gains = sizes * (np.sqrt(share) * rng.normal() + np.sqrt(1 - share) * rng.normal(size=rounds))
        mean, se = pooled([(float(g), float(s)) for g, s in zip(gains, sizes, strict=True)])
        assert mean is not None and se is not None
        resolved.append(abs(mean) > 1.96 * se)
        before.append(abs(mean) > 1.96 * (sizes**-2).sum() ** -0.5)
    assert np.mean(resolved) <= 0.06
    assert np.mean(before) > 0.2


def test_one_round_has_its_own_error(tmp_path: Path) -> None:
    with recorded(tmp_path / "one.db", np.array([[0.03, 0.01, 0.0]])) as db:
        record = track_record(db)
    assert record.against == pytest.approx(0.025)
    assert record.against_se == pytest.approx(SE * np.sqrt(1.5))
    assert "n = 1 rounds, better" in record.text()
