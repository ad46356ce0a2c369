"""Selection: ranked within a domain, weighted, exact in size, never the bare top, and every verdict says why."""

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.tiers.errors import InputError
from coevo.tiers.sampling import Sampling
from coevo.tiers.select import chances, percentiles, select, weighted_scores

N = 400
IDS = [f"{i:016x}" for i in range(N)]
DOCUMENTS = pa.table({"id": IDS, "domain": ["en", "math"] * (N // 2)})


def table(**rubrics: list[float]) -> pa.Table:
    found = [(i, name, v) for name, values in rubrics.items() for i, v in zip(IDS, values, strict=False)]
    return pa.table({"doc_id": [f[0] for f in found], "rubric": [f[1] for f in found], "score": [f[2] for f in found]})


RISING = table(quality=[i / N for i in range(N)])


def test_scores_are_ranked_within_their_domain_so_scales_do_not_matter() -> None:
    shifted = table(quality=[i / N + (100 if i % 2 else 0) for i in range(N)])
    a, b = (weighted_scores(DOCUMENTS, s, {"quality": 1.0}) for s in (RISING, shifted))
    assert a.equals(b)
    assert a["percentile"][N - 1].as_py() == pytest.approx(1 - 0.5 / (N // 2))


def test_ties_share_their_rank_and_missing_scores_stay_missing() -> None:
    got = percentiles(np.array([1.0, 5.0, 5.0, np.nan, 9.0, 2.0]), np.array([0, 0, 0, 0, 0, 1]))
    assert got.tolist()[:3] == [0.125, 0.5, 0.5] and np.isnan(got[3]) and got.tolist()[4:] == [0.875, 0.5]


def test_weights_merge_rubrics_and_a_negative_one_turns_its_rubric() -> None:
    both = table(quality=[i / N for i in range(N)], noise=[-i / N for i in range(N)])
    good = weighted_scores(DOCUMENTS, both, {"quality": 0.7, "noise": -0.3, "unused": 0.0})
    assert good["score"].to_pylist() == pytest.approx(
        weighted_scores(DOCUMENTS, RISING, {"quality": 1})["score"].to_pylist()
    )
    even = weighted_scores(DOCUMENTS, both, {"quality": 1, "noise": 1})
    assert even["score"].to_pylist() == pytest.approx([0.5] * N)


def test_the_newest_score_of_a_document_counts() -> None:
    twice = pa.concat_tables([RISING, table(quality=[-1.0 if i == N - 1 else i / N for i in range(N)])])
    assert weighted_scores(DOCUMENTS, twice, {"quality": 1.0})["percentile"][N - 1].as_py() < 0.01


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 300), st.floats(0, 1), st.floats(0, 40), st.floats(0.2, 4), st.floats(0, 0.3))
def test_chances_fall_with_rank_and_average_to_the_share(
    n: int, share: float, lam: float, eta: float, eps: float
) -> None:
    rank = (np.arange(n) + 0.5) / n
    got = chances(rank, share, Sampling(steepness=lam, power=eta, explore=eps))
    assert np.all(np.diff(got) <= 1e-9) and got.min() >= 0 and got.max() <= 1
    assert got.mean() == pytest.approx(share, abs=0.02)


def test_the_better_half_is_preferred_but_the_top_is_not_bare() -> None:
    verdicts = select(DOCUMENTS, RISING, {"quality": 1.0}, 0.25, seed=1)
    kept = np.array(verdicts["kept"].to_pylist())
    assert kept.sum() == N // 4 and kept[::2].sum() == kept[1::2].sum() == N // 8
    assert kept[N // 2 :].mean() > 5 * kept[: N // 2].mean()
    assert kept[: N // 2].sum() > 0, "nothing below the median was explored"
    assert not kept[-N // 4 :].all(), "bare top-k"


def test_the_draw_depends_on_seed_and_id_only() -> None:
    first = select(DOCUMENTS, RISING, {"quality": 1.0}, 0.25, seed=1)
    order = np.random.default_rng(0).permutation(N)
    second = select(DOCUMENTS.take(order), RISING, {"quality": 1.0}, 0.25, seed=1)
    assert first.take(order).equals(second)
    assert first["kept"] != select(DOCUMENTS, RISING, {"quality": 1.0}, 0.25, seed=2)["kept"]


def test_another_hash_seed_draws_the_same() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_select import DOCUMENTS, RISING, select; "
        "print(select(DOCUMENTS, RISING, {'quality': 1.0}, 0.1, 3)['kept'].to_pylist())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code, os.path.dirname(__file__)],  # noqa: PTH120
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_shares_by_domain_are_kept_exactly() -> None:
    kept = select(DOCUMENTS, RISING, {"quality": 1.0}, {"en": 0.0, "math": 1.0}, seed=1)["kept"].to_pylist()
    assert kept == [False, True] * (N // 2)


@pytest.mark.parametrize("keep", [1.5, -0.1, {"en": 0.5}])
def test_an_impossible_share_is_refused(keep: float | dict[str, float]) -> None:
    with pytest.raises(InputError, match="wanted the share of"):
        select(DOCUMENTS, RISING, {"quality": 1.0}, keep, seed=1)


def test_reasons_give_score_rank_chance_and_weights() -> None:
    verdicts = select(DOCUMENTS, RISING, {"quality": 0.75, "off": 0.0}, 0.25, seed=1)
    best = verdicts["reason"][N - 1].as_py()
    assert "selected: score 0.998, rank percentile 0.998 of 200 in math, chance " in best
    assert best.endswith("; weights quality=0.75")
    low = [
        r
        for r, k, p in zip(*(verdicts[c].to_pylist() for c in ("reason", "kept", "percentile")), strict=True)
        if k and p < 0.3
    ]
    assert low and all(r.startswith("explored") for r in low)


def test_the_unscored_are_not_selected_and_no_weights_leave_it_to_chance() -> None:
    some = table(quality=[0.5] * 10)
    verdicts = select(DOCUMENTS, some, {"quality": 1.0}, 0.5, seed=1)
    assert sum(verdicts["kept"].to_pylist()) == 2 + 2
    assert verdicts["reason"][50].as_py() == "not selected: unscored by quality"
    blind = select(DOCUMENTS, RISING, {"quality": 0.0}, 0.5, seed=1)
    assert sum(blind["kept"].to_pylist()) == N // 2
    assert "no rubric has weight, so chance decides" in blind["reason"][0].as_py()
    assert select(DOCUMENTS.slice(0, 0), RISING, {"quality": 1.0}, 0.5, seed=1).num_rows == 0
