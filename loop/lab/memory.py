"""Memory: the tables of a run in this process alone, for simulated runs by the thousand."""

import math
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from ..run_db import TABLES, RunDB


class Memory(RunDB):
    """`RunDB` without SQLite and without JSON: the same rows in the same order, gone when the process ends."""

    def __init__(self) -> None:
        self.path = Path(":memory:")
        self._rows: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {name: {} for name in TABLES}

    def rows(self, table: str, **where: object) -> list[dict[str, Any]]:
        """Copies of the rows whose columns equal `where`, ordered by key."""
        held, key = self._rows[table], TABLES[table].key
        if key and set(key) <= set(where):
            one = held.get(tuple(where[k] for k in key))
            found = [one] if one and all(one[c] == v for c, v in where.items()) else []
        else:
            found = [r for r in held.values() if all(r[c] == v for c, v in where.items())]
        if key and len(found) > 1:
            found.sort(key=lambda r: tuple(r[k] for k in key))
        return [dict(r) for r in found]

    def insert(self, table: str, rows: Mapping[str, Any] | Iterable[Mapping[str, Any]], replace: bool = True) -> None:
        """Write one row or many; JSON values are copied, so that nobody changes them from outside.

        Raises:
            ValueError: a number that is not finite, or (without `replace`) a key that exists.
        """
        known, held = TABLES[table], self._rows[table]
        for row in [cast("Mapping[str, Any]", rows)] if isinstance(rows, Mapping) else rows:
            whole = {c: _value(row.get(c), kind) for c, kind in known.columns.items()}
            key = tuple(whole[k] for k in known.key) if known.key else (len(held),)
            if not replace and key in held:
                raise ValueError(f"{table} holds such a row already: {key}")
            held[key] = whole

    def close(self) -> None:
        """Forget everything."""
        self._rows.clear()


def _value(value: Any, kind: str) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if kind == "json":
        return pickle.loads(pickle.dumps(value)) if isinstance(value, dict | list | tuple) else value
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"wanted a finite number, got {value!r}")
    return value
