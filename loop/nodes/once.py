"""Exactly-once nodes: a node is at-least-once by nature, so a finished result is looked up before any work."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from ...tiers import gpu
from ...tiers.errors import InputError
from ..context import Controls
from ..graph import ROUND
from ..run_db import RunDB
from ..spent import GPU_SECONDS
from ..state import State, Update

CODE = 1
"""Version of the nodes' meaning; raise it when results of older code must not be reused."""

C = TypeVar("C", bound=Controls)


def once(context: C, name: str, node: Callable[[C, State], Update], state: State) -> Update:
    """The node's update, from the run's memory if it was finished before.

    The key holds what the result depends on (config literals, code version, state); artefacts inside a node have
    keys of their own, so a node that was killed half way goes on where it was.
    """
    number = state["round"] + (name == "allocate")
    key = _key(context.config.fingerprint, CODE, name, dict(state))
    found = context.db.rows("nodes", round=number, node=name)
    if found and found[0]["key"] == key and found[0]["result"] is not None:
        return cast(Update, found[0]["result"])
    context.safe_point()
    spent = found[0]["seconds"] if found else 0.0
    began = time.monotonic()
    try:
        update = node(context, state)
    except BaseException:
        _remember(context, number, name, key, None, spent + time.monotonic() - began)
        raise
    _remember(context, number, name, key, update, spent + time.monotonic() - began)
    return update


def check_state(db: RunDB, state: Mapping[str, object]) -> None:
    """See that a checkpoint's state is what the finished nodes say, up to the newest one that it may lack.

    Why the run stops is decided anew at each resume, so that is not compared.

    Raises:
        InputError: it is another state: run.db was altered.
    """
    done = sorted((r for r in db.rows("nodes") if r["result"] is not None), key=_place)
    folds: list[dict[str, object]] = [{}, {"round": 0}]
    for row in done:
        folds.append(folds[-1] | row["result"])
    if _but_stop(state) not in map(_but_stop, folds[-2:]):
        raise InputError(
            f"{db.path}: the newest checkpoint does not follow from the finished nodes: restore run.db from a copy"
        )


def _place(row: Mapping[str, Any]) -> tuple[int, int]:
    """Where a node stands in a run; `finish` comes after its round, which a longer run goes on from."""
    return int(row["round"]), ("prepare", *ROUND, "finish").index(row["node"])


def _but_stop(state: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in state.items() if key != "stop"}


def _remember(context: Controls, number: int, name: str, key: str, update: Update | None, seconds: float) -> None:
    context.db.set_meta(GPU_SECONDS, context.db.meta(GPU_SECONDS, 0.0) + gpu.seconds(gpu.taken()))
    row = {"round": number, "node": name, "key": key, "result": update, "seconds": seconds}
    context.db.insert("nodes", row)


def _key(*parts: object) -> str:
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()
