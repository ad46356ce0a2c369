"""The nodes of a round: each is one call into one room, done exactly once however often it is begun."""

from functools import partial

from ..context import RunContext
from ..graph import Node
from .allocate import allocate
from .curate import curate
from .evaluate import evaluate
from .finish import finish
from .learn import learn
from .once import once
from .prepare import prepare
from .train import train

NODES = {
    "prepare": prepare,
    "allocate": allocate,
    "curate": curate,
    "train": train,
    "evaluate": evaluate,
    "learn": learn,
    "finish": finish,
}


def bind(context: RunContext) -> dict[str, Node]:
    """The nodes as functions `state -> update`, for the graph."""
    return {name: partial(once, context, name, node) for name, node in NODES.items()}
