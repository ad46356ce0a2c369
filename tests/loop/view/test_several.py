"""Several benchmarks at once: what stays resolved when all are counted, at what rate it is wrong, and what is said."""

import numpy as np
import pytest

from coevo.eval.clustered import Error
from coevo.loop.view.several import by_comparison, counted, word

NAMES = [f"b{n}" for n in range(6)]


def row(name: str, gain: float, se: float = 1.0) -> dict[str, object]:
    error = Error(se, 20.0)
    low, high = gain - error.half_width, gain + error.half_width
    verdict = "gain" if low > 0 else "loss" if high < 0 else "unresolved"
    return {"benchmark": name, "split": "hidden", "gain": gain, "se": se, "p": error.p(gain), "verdict": verdict}


def test_of_equal_models_one_in_twenty_comparisons_claims_anything() -> None:
    rng = np.random.default_rng(0)
    alone, all_counted = [], []
    for _ in range(600):
        rows = [row(name, float(rng.standard_t(20))) for name in NAMES]
        found = counted(rows)
        alone.append(any(r["verdict"] != "unresolved" for r in found))
        all_counted.append(any(r["holds"] for r in found))
    assert np.mean(alone) > 0.2 and 0.02 <= np.mean(all_counted) <= 0.075


def test_the_composite_was_named_beforehand_and_counts_alone() -> None:
    rows = [row("composite", 2.2), *(row(n, 2.2 if n == "b0" else 0.1) for n in NAMES)]
    found = {r["benchmark"]: r for r in counted(rows, dict.fromkeys(NAMES, 1.0))}
    assert word(found["composite"]) == "gain" and found["composite"]["shrunk"] is None
    assert word(found["b0"]) == "gain*" and word(found["b1"]) == "unresolved"
    assert found["b0"]["p_adjusted"] == pytest.approx(6 * found["b0"]["p"])


def test_the_luckiest_of_equal_benchmarks_is_shown_at_what_it_is_worth() -> None:
    rng, seen, shrunk = np.random.default_rng(1), [], []
    for _ in range(300):
        truth = rng.normal(0, 1, 6)
        units = {n: 10.0**k for k, n in enumerate(NAMES)}  # whatever each is measured in
        rows = [row(n, float(u * (t + rng.normal())), u) for (n, u), t in zip(units.items(), truth, strict=True)]
        found = counted(rows, units)
        best = max(range(6), key=lambda i: found[i]["gain"] / units[NAMES[i]])
        seen.append(found[best]["gain"] / units[NAMES[best]] - truth[best])
        shrunk.append(found[best]["shrunk"] / units[NAMES[best]] - truth[best])
    assert np.mean(seen) > 0.5 and abs(np.mean(shrunk)) < 0.2


def test_each_comparison_counts_its_own_benchmarks() -> None:
    rows = [row(n, 3.0) | {"round": r, "treatment": "main"} for r in (1, 2) for n in NAMES[:2]]
    found = by_comparison(rows, {})
    assert [r["benchmark"] for r in found] == ["b0", "b1", "b0", "b1"]
    assert {round(r["p_adjusted"] / r["p"], 6) for r in found} == {2.0}
