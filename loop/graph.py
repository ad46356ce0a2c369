"""The wiring of a run: which node follows which, and nothing else."""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from .state import State, Update

Node = Callable[[State], Update]
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
    return graph.compile(checkpointer=SqliteSaver(sqlite3.connect(database, check_same_thread=False)))


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
