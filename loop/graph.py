"""The wiring of a run: which node follows which, and nothing else."""

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from ..tiers.errors import InputError
from .state import State, Update

Node = Callable[[State], Update]
SIZE = 16
"""Bytes of a checkpoint's digest."""
ROUND = ("allocate", "curate", "train", "evaluate", "learn")


def build(nodes: Mapping[str, Node], database: Path) -> Any:
    """The compiled graph `prepare -> (allocate -> curate -> train -> evaluate -> learn)* -> finish`.

    Args:
        nodes: A function `state -> update` for `prepare`, each of ROUND, and `finish`.
        database: SQLite file of the checkpoints.
    """
    graph: Any = StateGraph(State)
    for name, node in nodes.items():
        graph.add_node(name, node)
    for before, after in zip((START, "prepare", *ROUND), ("prepare", *ROUND), strict=False):
        graph.add_edge(before, after)
    graph.add_conditional_edges("learn", lambda s: "finish" if s.get("stop") else "allocate", ["allocate", "finish"])
    graph.add_edge("finish", END)
    connection = sqlite3.connect(database, check_same_thread=False)
    return graph.compile(checkpointer=SqliteSaver(connection, serde=Digested(database)))


class Digested(JsonPlusSerializer):
    """Checkpoints as bytes behind their digest, so that an altered one is refused instead of followed."""

    def __init__(self, database: Path) -> None:
        super().__init__()
        self._database = database

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Type and bytes, the digest in front."""
        kind, data = super().dumps_typed(obj)
        return kind, _digest(kind, data) + data

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value.

        Raises:
            InputError: its bytes are not those that were written.
        """
        kind, content = data
        digest, content = content[:SIZE], content[SIZE:]
        if _digest(kind, content) != digest:
            raise InputError(f"{self._database}: a checkpoint was altered: restore run.db from a copy of the run")
        return super().loads_typed((kind, content))


def _digest(kind: str, data: bytes) -> bytes:
    return hashlib.blake2b(kind.encode() + b"\0" + data, digest_size=SIZE).digest()


def walk(nodes: Mapping[str, Node]) -> State:
    """The same walk in a plain loop, without checkpoints: what simulated runs by the thousand use; returns its end."""
    state: dict[str, Any] = {"round": 0}

    def step(name: str) -> None:
        state.update(nodes[name](cast("State", state)))

    step("prepare")
    while not state["stop"]:
        for name in ROUND:
            step(name)
    step("finish")
    return cast("State", state)
