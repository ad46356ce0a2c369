"""Tables: the data behind `status`, `rounds` and `show`, as JSON-ready dicts."""

from pathlib import Path
from statistics import median
from typing import Any

from ...tiers.errors import InputError
from ..budget import end_of
from ..config import BudgetConfig
from ..run_folder import list_runs, open_run
from ..spent import spent as total
from .formats import safe
from .headline import headline, minimum_detectable
from .reader import NODES, RunReader, pair_order
from .several import ALPHA

TITLES = {
    ("accepted", "base"): "accepted model against the base of the run",
    ("main", "start"): "main against the model the round started from",
    ("main", "control"): "main against control (equal tokens, reference mixture)",
    ("control", "start"): "control against the model the round started from",
    ("aa-2", "aa-1"): "same mixture, another seed (noise floor)",
    ("rubric-high", "rubric-low"): "documents that the rubrics rank high against those ranked low (one mixture)",
}


def status(runs: Path, name: str | None = None) -> dict[str, Any]:
    """State of one run, or of every run in the folder `runs`.

    Raises:
        InputError: there is no such run, or it cannot be read.
    """
    if name is None:
        return {"view": "runs", "folder": str(runs), "runs": [_brief(runs, n) for n in list_runs(runs)]}
    with RunReader(open_run(runs, name).root) as run:
        return _status(run)


def is_finished(root: Path) -> bool:
    """Whether the run in `root` has done what it was asked for."""
    with RunReader(root) as run:
        return _state(run) == "finished"


def rounds(root: Path) -> dict[str, Any]:
    """One row a round: what it gained, what was accepted, what it cost."""
    with RunReader(root) as run:
        said = headline(run)["sentence"]
        return safe({"view": "rounds", "run": run.name, "headline": said, "rounds": round_lines(run)})


def show(root: Path, number: int) -> dict[str, Any]:
    """A round's comparisons, benchmark by benchmark, feedback and hidden apart.

    Raises:
        InputError: there is no such round.
    """
    with RunReader(root) as run:
        row = one_round(run, number)
        told = {k: row[k] for k in ("status", "accepted", "accept_reason", "alarm")}
        told |= {"foreseen": run.db.meta(f"foreseen-{number}") or {}, "screening": screening(run, number)}
        told |= {"comparisons": comparisons(run, number), "costs": run.db.rows("costs", round=number)}
        return safe({"view": "round", "run": run.name, "round": number, **told, "seconds": run.node_seconds(number)})


def round_lines(run: RunReader) -> list[dict[str, Any]]:
    """What `rounds` says of each round."""
    return [_line(run, r) for r in run.rounds]


def one_round(run: RunReader, number: int) -> dict[str, Any]:
    """The row of a round (0 is prepare).

    Raises:
        InputError: there is none; says which there are.
    """
    found = run.db.rows("rounds", round=number)
    if found:
        return found[0]
    known = ", ".join(str(r["round"]) for r in run.rounds) or "none yet"
    raise InputError(
        f"run {run.name!r} has no round {number}: there is {known}. See them with: coevo rounds {run.name}"
    )


def comparisons(run: RunReader, number: int) -> list[dict[str, Any]]:
    """Deltas of a round grouped by (treatment, reference, split), composite first, in the order of interest."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in sorted((d for d in run.deltas if d["round"] == number), key=pair_order):
        groups.setdefault((row["treatment"], row["reference"], row["split"]), []).append(row)
    return [
        {
            "treatment": treatment,
            "reference": reference,
            "split": split,
            "title": TITLES.get((treatment, reference), f"{treatment} against {reference}"),
            "rows": sorted(rows, key=lambda d: (d["benchmark"] != "composite", d["benchmark"])),
            "minimum_detectable": minimum_detectable(run.delta(number, split, treatment, reference)),
        }
        for (treatment, reference, split), rows in groups.items()
    ]


def screening(run: RunReader, number: int) -> list[dict[str, Any]]:
    """Each feedback benchmark's signal-to-noise in a round, and whether it told the round's mixtures apart."""
    found = run.db.meta(f"screen-{number}") or {}
    return [{"benchmark": name, **told, "hears": told["p"] <= ALPHA} for name, told in found.items()]


def spent(run: RunReader, number: int | None = None) -> dict[str, Any]:
    """Totals of a round or of the whole run; seconds are wall time inside nodes."""
    where = {} if number is None else {"round": number}
    costs, trained = run.db.rows("costs", **where), run.db.rows("runs", **where)
    seconds = [n["seconds"] or 0.0 for n in run.nodes if number in (None, n["round"])]
    out: dict[str, Any] = {
        k: sum(c[k] or 0 for c in costs) for k in ("calls", "tokens_in", "tokens_out", "usd", "errors")
    }
    return out | {"trained_tokens": sum(t["tokens"] or 0 for t in trained), "seconds": sum(seconds)}


def _line(run: RunReader, row: dict[str, Any]) -> dict[str, Any]:
    number, mixture = row["round"], (row["plan"] or {}).get("mixture", {})
    largest = max(mixture.items(), key=lambda kv: kv[1]) if mixture else None
    pairs = {
        f"{split}_{ref}": run.delta(number, split, "main", ref)
        for split in ("hidden", "feedback")
        for ref in ("start", "control")
    }
    return {
        "round": number,
        "status": row["status"],
        "accepted": row["accepted"],
        **pairs,
        "largest_arm": list(largest) if largest else None,
        "alarm": row["alarm"],
        **spent(run, number),
    }


def _state(run: RunReader) -> str:
    if run.busy() is not None:
        return "running"
    if not run.db.rows("rounds"):
        return "not begun"
    return "finished" if ended(run) else "stopped"


def ended(run: RunReader) -> dict[str, Any] | None:
    """What `finish` wrote of the newest round, if it came that far."""
    final = run.db.meta("final")
    newest = run.rounds[-1]["round"] if run.rounds else 0
    return dict(final) if final and final["round"] == newest else None


def _status(run: RunReader) -> dict[str, Any]:
    state = _state(run)
    now = run.rounds[-1]["round"] if run.rounds else 0
    return safe(
        {
            "view": "status",
            "run": run.name,
            "folder": str(run.root),
            "state": state,
            "process": run.busy(),
            "round": now,
            "rounds_done": len(run.finished),
            "rounds_wanted": run.wanted,
            "node": _node(run, now) if state != "finished" else None,
            "stop_reason": (ended(run) or {}).get("stop"),
            "spent": spent(run),
            "budget": run.config.get("budget") or {},
            "eta_seconds": _eta(run, now) if state != "finished" else None,
            "headline": headline(run)["sentence"],
            "events": [e for e in run.db.rows("events") if e["level"] != "info"][-5:],
            "continue": _continue(run, state),
        }
    )


def _node(run: RunReader, number: int) -> str:
    """The first node of the newest round that has not finished."""
    done = run.nodes_done(number)
    if number == 0:
        return "prepare" if "prepare" not in done else NODES[0]
    after = NODES[0] if number < run.wanted else "finish"
    return next((n for n in NODES if n not in done), after)


def _eta(run: RunReader, number: int) -> float | None:
    """Seconds until the wanted rounds are done, from the median round so far; None before the first is."""
    took = [sum(run.node_seconds(r["round"]).values()) for r in run.finished]
    if not took:
        return None
    under_way = number > len(run.finished)
    begun = sum(run.node_seconds(number).values()) if under_way else 0.0
    return max(0.0, median(took) * (run.wanted - len(run.finished)) - begun)


def _continue(run: RunReader, state: str) -> str:
    if state == "running":
        return f"coevo rounds {run.name}"
    if state == "finished":
        limits = BudgetConfig.model_validate(run.config.get("budget") or {})
        end = end_of(limits, total(run.db), len(run.finished), run.wanted)
        return f"coevo resume {run.name} {end.more}" if end else f"coevo resume {run.name}"
    return f"coevo resume {run.name}"


def _brief(runs: Path, name: str) -> dict[str, Any]:
    """One line of the list of runs; a run that cannot be read says why."""
    try:
        whole = status(runs, name)
    except InputError as e:
        return {"run": name, "state": "unreadable", "problem": str(e)}
    return {k: whole[k] for k in ("run", "state", "round", "rounds_done", "rounds_wanted", "node", "spent", "continue")}
