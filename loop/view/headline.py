"""Headline: in one sentence, whether the loop helped, how sure that is, and what it decided."""

from typing import Any

from .formats import count, interval, signed
from .reader import RunReader

WORDS = {"gain": "better than", "loss": "worse than", "unresolved": "not told apart from"}
Z80 = 0.842
"""z(.80): with the half width of an interval, which has Student's t in it, what has to be there to be found."""
NONE = "No round has finished yet, so there is nothing to say about gains."


def headline(run: RunReader) -> dict[str, Any]:
    """`sentence`; the same in parts, `short` and `detail`; `verdict` (gain, loss, unresolved, none) and its deltas."""
    if not run.finished:
        return {"sentence": NONE, "short": NONE, "detail": "", "verdict": "none", "start": None, "control": None}
    last = run.finished[-1]["round"]
    whole = run.delta(last, "hidden", "accepted", "base")
    start, control = whole or run.delta(last, "hidden", "main", "start"), run.delta(last, "hidden", "main", "control")
    first, second = _against_start(start, last), _against_control(control, last)
    told = [(first, start), (second, control)]
    said = ", and ".join(f"{words} ({_measured(delta)})" if delta else words for words, delta in told if words)
    return {
        "sentence": f"{said}; {_decided(run)}.",
        "short": f"{', and '.join(words for words, _ in told if words)}.",
        "detail": f"On hidden items {_details(start, control)}. {_decided(run).capitalize()}.",
        "verdict": start["verdict"] if start else "none",
        "start": start,
        "control": control,
        "final": bool(whole),
    }


def minimum_detectable(delta: dict[str, Any] | None) -> float | None:
    """Smallest gain that a comparison of this precision finds in 80 % of cases at the 5 % level."""
    return (delta["high"] - delta["low"]) / 2 + Z80 * delta["se"] if delta else None


def _against_start(delta: dict[str, Any] | None, last: int) -> str:
    after = "After one round" if last == 1 else f"After {last} rounds"
    if delta is None:
        return f"{after} nothing has been measured on hidden items"
    whole = delta["reference"] == "base"
    who, what = ("the accepted model", "its base") if whole else ("the main model", "the one its round started from")
    return f"{after} {who} is {WORDS[delta['verdict']]} {what} on hidden items"


def _against_control(delta: dict[str, Any] | None, last: int) -> str:
    return f"round {last}'s mixture is {WORDS[delta['verdict']]} equal tokens of control" if delta else ""


def _measured(delta: dict[str, Any]) -> str:
    return f"{signed(delta['gain'])} sd, 95 % interval {interval(delta)}, n = {count(delta['n'])}"


def _details(start: dict[str, Any] | None, control: dict[str, Any] | None) -> str:
    parts = [f"against {d['reference']}: {_measured(d)}" for d in (start, control) if d]
    return "; ".join(parts) or "nothing was measured"


def _decided(run: RunReader) -> str:
    planned = [r for r in run.finished if r["plan"]["mixture"] != r["plan"]["reference"]]
    if not planned:
        return "the loop kept to the control's mixture throughout"
    taken = [r["accepted"] for r in planned]
    main, every = taken.count("main"), "its round" if len(taken) == 1 else f"all {len(taken)} rounds"
    if main == len(taken):
        return f"the loop accepted its own mixture in {every}"
    if main == 0:
        return f"the loop refused its own mixture in {every} and kept the control"
    return f"the loop accepted its own mixture in {main} of {len(taken)} rounds and kept the control otherwise"
