"""What the report says, gathered from a run: plain data, before any drawing."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

from . import agency
from .examples import worth_reading
from .flows import tier_counts, tier_flows
from .formats import safe
from .headline import headline, minimum_detectable
from .intervals import with_interval
from .reader import RunReader
from .tables import ended, round_lines, screening, spent

STEP_NAMES = {
    "ingest": "read",
    "mend": "mend (encoding, notices, personal data)",
    "split": "set aside for benchmarks",
    "clean": "clean",
    "dedup": "remove copies",
    "decontaminate": "remove benchmark text",
    "score": "score",
    "select": "select (L1 to L2)",
    "edit": "edit (L2 to L3)",
    "synthesize": "write (to L3)",
    "verify": "verify",
    "organize": "organise",
    "gate": "promote (to L4)",
    "demote": "demote by measured effect",
}
PAIRS = (("main", "control"), ("main", "start"))


def gather(run: RunReader) -> dict[str, Any]:
    """All sections of the report, with untrusted text made plain."""
    last = run.finished[-1]["round"] if run.finished else 0
    return safe(
        {
            "name": run.name,
            "config": run.config_text,
            "fingerprint": run.db.meta("fingerprint"),
            "mechanism": (run.config.get("feedback") or {}).get("mechanism", "horizon_blr"),
            "mode": run.config.get("mode", "continue"),
            "headline": headline(run),
            "done": len(run.finished),
            "wanted": run.wanted,
            "last": last,
            "ended": (ended(run) or {}).get("stop") if last < run.wanted else None,
            "spent": spent(run),
            "agents": agents(run.config),
            "rounds": round_lines(run),
            "reasons": [{k: r[k] for k in ("round", "accepted", "accept_reason", "alarm")} for r in run.rounds],
            "comparisons": {f"{a} {b}": by_round(run, a, b) for a, b in PAIRS},
            "whole": by_benchmark(run, last, "accepted", "base") or by_benchmark(run, last, "main", "start"),
            "last_control": by_benchmark(run, last, "main", "control"),
            "mixtures": mixtures(run),
            "arms": arms(run, last),
            "rubrics": rubrics(run),
            "rubric_probes": run.rubric_probes(),
            "counts": tier_counts(run.held),
            "steps": steps(run),
            "examples": worth_reading(run),
            "costs": costs(run),
            "arm_costs": agency.arms(run),
            "price": agency.price(run),
            "posts": agency.posts(run),
            "proposals": agency.proposals(run),
            "record": agency.record(run),
            "nodes": {r["round"]: run.node_seconds(r["round"]) for r in run.db.rows("rounds")},
            "noise": noise(run, last),
            "base": run.db.meta("base") or {},
            "runs": list(run.runs.values()),
            "events": [e for e in run.db.rows("events") if e["level"] != "info"],
        }
    ) | {"flows": tier_flows(run.ledger), "domains": run.domains}


def agents(config: Mapping[str, Any]) -> list[dict[str, str]]:
    """Who decided: role, model URL and what that is in plain words."""
    roles = ("scorer", "editor", "synthesizer", "verifier", "organizer", "strategist")
    urls = {r: str(url) for r in roles if (url := (config.get("agents") or {}).get(r))}
    if (config.get("curation") or {}).get("student_judges"):
        urls["second judge"] = "student:"
    return [{"role": r, "url": url, "what": _what(url)} for r, url in urls.items()]


def _what(url: str) -> str:
    if url.startswith("offline:"):
        return "rules, no language model"
    if url.startswith("student:"):
        return "the evolving model itself"
    return "a language model"


def by_round(run: RunReader, treatment: str, reference: str) -> list[dict[str, Any]]:
    """Composite of one comparison in every round: hidden first, then feedback."""
    out = []
    for row in run.rounds:
        found = [run.delta(row["round"], s, treatment, reference) for s in ("hidden", "feedback")]
        if any(found):
            out.append({"label": f"round {row['round']}", "rows": [f for f in found if f]})
    return out


def by_benchmark(run: RunReader, number: int, treatment: str, reference: str) -> list[dict[str, Any]]:
    """One comparison benchmark by benchmark: hidden first, then feedback; composite on top, then by metric."""
    mine = [d for d in run.deltas if (d["round"], d["treatment"], d["reference"]) == (number, treatment, reference)]
    names = sorted({(d["benchmark"] != "composite", d["metric"], d["benchmark"]) for d in mine})
    out = []
    for _, metric, name in names:
        rows = sorted((d for d in mine if d["benchmark"] == name), key=lambda d: d["split"] != "hidden")
        out.append({"label": name, "metric": metric, "rows": rows})
    return out


def mixtures(run: RunReader) -> list[dict[str, Any]]:
    """The control's mixture, then what each round trained on (realised where it is known, else planned)."""
    planned = [r for r in run.rounds if r["plan"]]
    if not planned:
        return []
    out = [{"label": "control", "note": "reference", "mixture": planned[-1]["plan"]["reference"]}]
    for row in planned:
        done = run.runs.get((row["round"], "main"))
        note = {"main": "accepted", "control": "refused", None: "under way"}.get(row["accepted"], "")
        shares = done["mixture"] if done else row["plan"]["mixture"]
        out.append({"label": f"round {row['round']}", "note": note, "mixture": shares, "reason": row["plan"]["reason"]})
    return out


def arms(run: RunReader, last: int) -> list[dict[str, Any]]:
    """Arms with their newest value as an interval, and the history of values."""
    out = []
    for row in run.db.rows("arms", round=last):
        past = [r["value"] for r in run.db.rows("arms", arm=row["arm"]) if r["value"] is not None]
        told = dict(row, past=past, rows=[])
        if row["value"] is not None:
            measured = with_interval(row | {"value_se": row["value_se"] or 0.0}, "value", "value_se")
            ends = {key: measured[f"value_{key}"] for key in ("low", "high", "verdict")}
            told["rows"] = [{"gain": row["value"], **ends}]
        out.append(told)
    return out


def rubrics(run: RunReader) -> list[dict[str, Any]]:
    """Rubrics as they stand, heaviest first, with their weights by round."""
    history: dict[str, list[dict[str, Any]]] = {}
    for row in run.db.rows("rubrics"):
        history.setdefault(row["rubric"], []).append(row)
    now = [
        with_interval(rows[-1], "worth", "worth_se") | {"past": [r["weight"] or 0.0 for r in rows]}
        for rows in history.values()
    ]
    return sorted(now, key=lambda r: (-(r["weight"] or 0.0), r["rubric"]))


def steps(run: RunReader) -> list[dict[str, Any]]:
    """Counts of each step over all rounds and domains, what was done, and the most frequent reasons."""
    out: dict[str, dict[str, Any]] = {}
    for row in run.db.rows("steps"):
        empty: dict[str, Any] = {"count_in": 0, "kept": 0, "dropped": 0, "quarantined": 0, "seconds": 0.0}
        empty |= {"actions": {}, "reasons": {}}
        told = out.setdefault(
            row["step"], {"step": row["step"], "name": STEP_NAMES.get(row["step"], row["step"]), **empty}
        )
        for key in ("count_in", "kept", "dropped", "quarantined", "seconds"):
            told[key] += row[key] or 0
        for kind in ("actions", "reasons"):
            for name, n in (row[kind] or {}).items():
                told[kind][name] = told[kind].get(name, 0) + n
    order = list(STEP_NAMES)
    for told in out.values():
        for kind in ("actions", "reasons"):
            told[kind] = dict(sorted(told[kind].items(), key=lambda kv: (-kv[1], kv[0]))[:4])
    return sorted(out.values(), key=lambda s: order.index(s["step"]) if s["step"] in order else len(order))


def costs(run: RunReader) -> list[dict[str, Any]]:
    """Costs by role and model over all rounds."""
    keys = ("calls", "tokens_in", "tokens_out", "seconds", "usd", "decisions", "errors")
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for row in run.db.rows("costs"):
        told = out.setdefault(
            (row["role"], row["model"]), {"role": row["role"], "model": row["model"], **dict.fromkeys(keys, 0)}
        )
        for key in keys:
            told[key] += row[key] or 0
    return list(out.values())


def noise(run: RunReader, last: int) -> dict[str, Any]:
    """What two runs that differ only in their seed differ by, and the smallest gain the newest round can find."""
    floors = {s: run.db.meta(f"noise-{s}") for s in ("hidden", "feedback")}
    pairs = {f"{s} {r}": run.delta(last, s, "main", r) for s in ("hidden", "feedback") for r in ("control", "start")}
    return {
        "floor": {s: sqrt(f["items"]["composite"] + 2 * f["variance"]["composite"]) for s, f in floors.items() if f},
        "detectable": {k: minimum_detectable(d) for k, d in pairs.items() if d},
        "foreseen": run.db.meta(f"foreseen-{last}") or {},
        "screening": screening(run, last),
    }
