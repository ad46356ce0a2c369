"""The nodes of a round: each is one call into one room, done exactly once however often it is begun."""

from collections.abc import Callable
from functools import partial

from ..context import RunContext
from ..graph import Node
from ..state import State, Update
from .allocate import allocate
from .curate import curate
from .evaluate import evaluate
from .finish import finish
from .learn import learn
from .once import once
from .prepare import prepare
from .run_bench import RunBench
from .train import train


def bind(context: RunContext) -> dict[str, Node]:
    """The nodes as functions `state -> update`, for the graph."""
    bench = RunBench(context)
    nodes: dict[str, Callable[[RunContext, State], Update]] = {
        "prepare": partial(prepare, bench),
        "allocate": partial(allocate, bench),
        "curate": curate,
        "train": train,
        "evaluate": evaluate,
        "learn": partial(learn, bench),
        "finish": finish,
    }
    return {name: partial(once, context, name, node) for name, node in nodes.items()}
