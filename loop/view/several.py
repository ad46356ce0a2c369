"""Several: what the benchmarks of one comparison are worth once all of them are counted."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, Any]

ALPHA = 0.05
MARK = "*"
NOTE = "* by itself; with all benchmarks of this comparison counted (Holm) it is unresolved"


def counted(rows: Sequence[Row], units: Mapping[str, float] | None = None) -> list[Row]:
    """Rows of one comparison with `p_adjusted`, `holds` and `shrunk`.

    The composite is the one test that was named beforehand and keeps its p. The others share an error of 5 % (Holm).
    Of several measured gains the largest is partly luck: `shrunk` is each one pulled towards their mean as far as its
    error says (empirical Bayes), in the benchmark's unit; None for the composite, and for fewer than three.

    Args:
        rows: benchmark, gain, se, p, verdict each.
        units: sd of the items by benchmark, in which gains of benchmarks are alike; None shrinks nothing.
    """
    from ...eval.multiple import holm

    single = [i for i, r in enumerate(rows) if r["benchmark"] != "composite"]
    adjusted = dict(zip(single, holm([rows[i]["p"] for i in single]).tolist(), strict=True))
    worth = _shrunk({i: rows[i] for i in single}, units) if units else {}
    found = []
    for i, row in enumerate(rows):
        p = adjusted[i] if i in adjusted else float(row["p"])
        holds = row["verdict"] != "unresolved" and p <= ALPHA
        found.append({**row, "p_adjusted": p, "holds": holds, "shrunk": worth.get(i)})
    return found


def by_comparison(rows: Sequence[Row], units: Mapping[str, Mapping[str, float]]) -> list[Row]:
    """`counted` for the rows of many comparisons, in their order; `units` by split."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(rows):
        key = tuple(row.get(k) for k in ("round", "treatment", "reference", "split"))
        groups.setdefault(key, []).append(place)
    found = list(rows)
    for places in groups.values():
        mine = [rows[i] for i in places]
        for i, row in zip(places, counted(mine, units.get(mine[0]["split"])), strict=True):
            found[i] = row
    return found


def word(row: Mapping[str, Any]) -> str:
    """The verdict, marked where it does not hold among so many."""
    return str(row["verdict"]) + (MARK if row["verdict"] != "unresolved" and not row["holds"] else "")


def _shrunk(rows: Mapping[int, Row], units: Mapping[str, float]) -> dict[int, float]:
    from ...eval.shrinkage import shrink

    rows = {i: r for i, r in rows.items() if r["benchmark"] in units and r["se"] > 0}
    if len(rows) < 3:
        return {}
    import numpy as np

    unit = np.array([units[r["benchmark"]] for r in rows.values()])
    gain, se = (np.array([r[key] for r in rows.values()]) / unit for key in ("gain", "se"))
    return dict(zip(rows, (shrink(gain, se).mean * unit).tolist(), strict=True))
