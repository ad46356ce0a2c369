"""Evidence as JSON and back: what a mechanism saw is kept, so that any other can be asked about it later."""

from dataclasses import fields
from typing import Any

import numpy as np

from .mechanism import Contrast, Evidence, Floats, Signals


def dump(evidence: Evidence) -> dict[str, Any]:
    """JSON types; `load` gives an equal Evidence back."""
    return {
        "contrasts": [_plain(c) for c in evidence.contrasts],
        "cov": evidence.cov.tolist(),
        "rubrics": list(evidence.rubrics),
        "trust": evidence.trust.tolist(),
        "signals": _plain(evidence.signals),
        "rubric_influence": _listed(evidence.rubric_influence),
        "rubric_buckets": _listed(evidence.rubric_buckets),
    }


def load(number: int, told: dict[str, Any]) -> Evidence:
    """The evidence of a round; what an older version did not keep is unknown."""
    n = len(told["contrasts"])
    return Evidence(
        number,
        tuple(Contrast(**_arrays(c)) for c in told["contrasts"]),
        np.array(told["cov"], dtype=float).reshape(n, n),
        tuple(told["rubrics"]),
        np.array(told["trust"], dtype=float),
        Signals(**_arrays(told.get("signals") or {})),
        _array(told.get("rubric_influence")),
        _array(told.get("rubric_buckets")),
    )


def _plain(record: Contrast | Signals) -> dict[str, Any]:
    return {f.name: _listed(getattr(record, f.name)) for f in fields(record)}


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _arrays(told: dict[str, Any]) -> dict[str, Any]:
    return {k: np.array(v, dtype=float) if isinstance(v, list) else v for k, v in told.items()}


def _array(value: Any) -> Floats | None:
    return None if value is None else np.array(value, dtype=float)
