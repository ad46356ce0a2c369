"""finish: the accepted model against the base on both splits, and the report."""

from ...eval.score import Delta
from ..context import RunContext
from ..state import State, Update
from ..view.report import write_report
from .deltas import Pair, from_base, record_deltas
from .evaluate import scores_of


def finish(context: RunContext, state: State) -> Update:
    """Say whether the whole run helped."""
    number = state["round"]
    last = context.db.rows("rounds", round=number)[0]["accepted"]
    apart = from_base(context, number, last)
    pairs = [
        Pair("accepted", "base", s, scores_of(context, number, last, s), scores_of(context, 0, "base", s), apart)
        for s in ("feedback", "hidden")
    ]
    found = record_deltas(context, number, pairs, whole=True)
    context.db.set_meta("final", {"round": number, "run": last, "path": state["accepted"], "stop": state["stop"]})
    context.progress.say(f"done · {state['stop']} · {_said(found['accepted', 'base', 'hidden'][-1])}")
    context.progress.say(f"report · {write_report(context.folder.root)}")
    return Update()


def _said(delta: Delta) -> str:
    return (
        f"hidden composite against the base {delta.gain:+.3f} sd "
        f"(95 % interval {delta.low:+.3f} to {delta.high:+.3f}, n = {delta.n}): {delta.verdict}"
    )
