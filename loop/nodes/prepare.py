"""prepare: L0 to L1, the benchmarks, the base model, a first curation, and the noise floor of two equal runs."""

import time

from ...agents.config import ROLES
from ..context import RunContext
from ..state import State, Update
from . import blocks
from .base import base_model
from .bench import Bench
from .curate import curate_round
from .floor import measure_floor
from .hold import hold
from .prompt_family import adopt


def prepare(bench: Bench, context: RunContext, state: State) -> Update:
    """Everything that a round takes for granted."""
    context.db.insert("rounds", {"round": 0, "status": "running", "started": time.time()})
    describe(context)
    adopt(context)
    hold(context)
    start = base_model(context)
    curate_round(context, 0, context.absolute(start))
    blocks.pack(context, 0, context.absolute(start))
    measure_floor(bench, context, start)
    context.store.seal(0)
    context.db.insert("rounds", {"round": 0, "status": "done", "ended": time.time()})
    return Update(round=0, start=start, accepted=start, stop="")


def describe(context: RunContext) -> None:
    """Write down what this run is, for its readers."""
    config = context.config
    agents = {role: getattr(config.agents, role) for role in ROLES}
    context.db.set_meta("name", context.folder.name)
    context.db.set_meta("fingerprint", config.fingerprint)
    context.db.set_meta("mode", config.mode)
    context.db.set_meta("agents", agents)
