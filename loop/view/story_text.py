"""Stories on the terminal: the life of a document, the reasons of a round, an arm or a rubric."""

from typing import Any

from rich.console import Console
from rich.text import Text

from .deltas_text import composites
from .formats import DONE, NOTHING, count, duration, line, number, percent, signed, usd
from .grid import table
from .text import Row, console, estimated, heading

SHARE = "share of the delta"
INTERVALS = "below each estimate: its 95 % interval"
MARKS = {"+": "green", "-": "red", "@": "dim"}


def story(data: Row) -> None:
    """`coevo why`: whatever was asked about."""
    tell = {
        "why-document": _document,
        "why-round": _round,
        "why-arm": _arm,
        "why-rubric": _rubric,
        "why-prompt": _prompt,
    }
    tell[data["view"]](console(), data)


def _document(out: Console, data: Row) -> None:
    standing = f"{data['domain']}/{data['tier']}" if data["status"]["status"] == "held" else data["status"]["status"]
    out.print(Text.assemble((f"document {data['doc']}", "bold"), f"  {data['kind']}, now {standing}"))
    out.print(Text(f"from {data['source']}" + (f"; {data['status']['reason']}" if data["status"]["reason"] else "")))
    for name in ("parents", "children"):
        for other in data[name]:
            link = "parent" if name == "parents" else "became"
            out.print(Text(f"{link} {other['doc']}  {other['kind']}  {other['arm']}  {other['status']}"))
    heading(out, "decisions")
    for event in data["events"]:
        _event(out, event, data["doc"])
    heading(out, "training")
    out.print(
        table(
            (
                "round",
                "arm",
                "trained on",
                "worth of the arm",
                "its part of main - control",
                "documents in it",
            ),
            [_trained(t) for t in data["training"]],
            "round,documents in it",
            "documents in it",
        )
    )
    if data["influence"]:
        heading(out, "influence: how a step on it would have moved the model towards the feedback items (gradients)")
        told = [
            (i["round"], i["arm"], signed(i["influence"]), f"{i['rank']} of {i['sampled']}", _on(i["on"]))
            for i in data["influence"]
        ]
        names = ("round", "arm", "influence", "rank in its arm's sample", "most and least on")
        out.print(table(names, told, "round,influence"))
    cost = data["cost"]
    tokens = count(cost["tokens_in"] + cost["tokens_out"])
    out.print(Text(f"spent on it: {count(cost['calls'])} calls, {tokens} tokens, {usd(cost['usd'])}"))
    heading(out, f"text ({count(data['characters'])} characters)")
    out.print(Text(data["text"][:1200], style="dim"))


def _event(out: Console, event: Row, doc: str) -> None:
    other = "" if event["doc"] == doc else f" from {event['doc']}"
    to = f" to {event['tier']}" if event["tier"] else ""
    made = f" as {event['made']}" if event["made"] and event["made"] != doc else ""
    who = (
        f"  by {event['agent']}"
        + (f", prompt {event['prompt']}" if event["prompt"] else "")
        + (f", {event['model']}" if event["model"] else "")
    )
    out.print(
        Text.assemble(
            f"round {event['round']}  {event['stage']:13} ",
            (DONE[event["action"]] + other + to + made, "bold"),
            (who, "dim"),
        )
    )
    if event["reason"]:
        out.print(Text(f"    {line(event['reason'], 300)}"))
    if event["scores"]:
        out.print(Text("    " + ", ".join(f"{k} {number(v, 2)}" for k, v in event["scores"].items())))
    for key, value in event["evidence"].items():
        out.print(Text(f"    {key}: {line(value, 200)}", style="dim"))
    if event["error"]:
        out.print(Text(f"    error: {line(event['error'], 300)}", style="red"))
    usage = event["usage"]
    if usage["calls"]:
        tokens = f"{usage['tokens_in']} + {usage['tokens_out']} tokens"
        cost = f"    {usage['calls']} calls, {tokens}, {duration(usage['seconds'])}, {usd(usage['usd'])}"
        out.print(Text(cost, style="dim"))
    for change in event.get("diff", []):
        out.print(
            Text(f"    {change['mark'].replace('@', ' ')} {change['text']}", style=MARKS.get(change["mark"], "dim"))
        )


def _trained(row: Row) -> tuple[Any, ...]:
    worth, part = estimated(row, "value"), estimated(row, "credit")
    return row["round"], row["arm"] or NOTHING, _seen(row), worth, part, count(row["documents"])


def _seen(row: Row) -> str:
    """Whether the accepted run was trained on the document: exactly where its blocks are known."""
    seen = row.get("seen")
    if not row["possible"] or seen is None:
        return f"{'possibly' if row['possible'] else 'no'}: {row['why']}"
    if not seen["times"]:
        return f"no: none of its {seen['blocks']} blocks was drawn; {row['why']}"
    times = "once" if seen["times"] == 1 else f"{seen['times']} times"
    return f"yes: {seen['drawn']} of its {seen['blocks']} blocks, {times} in all; {row['why']}"


def _round(out: Console, data: Row) -> None:
    plan = data["plan"]
    out.print(
        Text.assemble(
            (f"{data['run']}, round {data['round']}", "bold"),
            f"  {data['status']}, mechanism {plan.get('mechanism', NOTHING)}",
        )
    )
    heading(out, "plan")
    out.print(Text(plan.get("reason") or "no reason was given"))
    _shares(out, data["arms"])
    for probe in plan.get("probes", ()):
        out.print(Text(f"probe {probe['name']}: {line(probe['reason'], 200)}"))
    heading(out, "what it measured (composites; each benchmark: coevo show --all)")
    composites(out, data["comparisons"])
    heading(out, f"accepted: {data['accepted'] or 'nothing yet'}")
    out.print(Text(data["accept_reason"] or NOTHING))
    if data["alarm"]:
        out.print(Text(f"alarm: {data['alarm']}", style="red"))
    for event in data["events"]:
        out.print(Text(f"{event['level']}: {event['node']}: {line(event['message'])}", style="yellow"))
    if data["next"]:
        heading(out, f"what round {data['next']['round']} changes")
        out.print(Text(data["next"]["reason"]))
        rows = [
            (m["what"], percent(m["before"], 1), percent(m["after"], 1), signed(100 * (m["after"] - m["before"]), 1))
            for m in data["next"]["moved"][:8]
        ]
        out.print(table(("arm or rubric", "before", "after", "points"), rows, "before,after,points"))


def _shares(out: Console, arms: list[Row]) -> None:
    rows = [
        (
            a["arm"],
            percent(a["share"], 1),
            percent(a["reference"], 1),
            estimated(a, "value"),
            count(a["documents"]),
            number(a["epochs"], 2),
        )
        for a in arms
    ]
    out.print(
        table(
            ("arm", "share", "control", "worth after", "documents", "epochs"),
            rows,
            "share,control,documents,epochs",
            "epochs",
        )
    )


def _arm(out: Console, data: Row) -> None:
    what = f"  worth = composite gain per unit of log share; {INTERVALS}"
    out.print(Text.assemble((data["arm"], "bold"), what))
    rows = [
        (r["round"], percent(r["share"], 1), percent(r["reference"], 1), estimated(r, "value"),
         estimated(r, "credit"), share_of(r), count(r["documents"]), count(r["tokens"]), number(r["epochs"], 2))
        for r in data["rounds"]
    ]  # fmt: skip
    names = ("round", "share", "control", "worth", "part of main - control", SHARE, "documents", "tokens", "epochs")
    out.print(table(names, rows, "round,share,control,documents,tokens,epochs", "epochs,tokens,documents,control"))
    if any(r.get("influence") is not None for r in data["rounds"]):
        heading(
            out, "influence before each round: how a step on it moves the model towards the feedback items (gradients)"
        )
        said = [
            (r["round"], estimated(r, "influence"), _on(r["influence_on"]))
            for r in data["rounds"]
            if r["influence"] is not None
        ]
        out.print(table(("round", "influence", "most and least on"), said, "round"))
    heading(out, "evidence: paired runs in which its share differed")
    told = [
        (c["round"], f"{c['treatment']} - {c['reference']}", percent(c["share"], 1), percent(c["reference_share"], 1),
         estimated(c, "gain"))
        for c in data["contrasts"]
    ]  # fmt: skip
    out.print(table(("round", "runs", "share", "reference", "feedback composite"), told, "round,share,reference"))
    heading(out, "documents that came and went")
    moved = [
        (m["round"], DONE.get(m["action"], m["action"]), count(m["documents"]), line(m["reason"], 240))
        for m in data["moves"]
    ]
    out.print(table(("round", "what", "documents", "reason"), moved, "round,documents"))


def _on(by: dict[str, float]) -> str:
    """The benchmarks with the most and the least influence."""
    ranked = sorted(by.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {signed(value)}" for name, value in (ranked[:1] + ranked[1:][-1:]))


def share_of(row: Row) -> str:
    """Share of the measured delta with its 95 % interval, or that the delta is not resolved."""
    if row.get("explains") is None:
        return NOTHING if row.get("delta") is None or row.get("credit") is None else "unresolved"
    return f"{percent(row['explains'])}\n{percent(row['explains_low'])} to {percent(row['explains_high'])}"


def _prompt(out: Console, data: Row) -> None:
    out.print(Text.assemble((f"prompt {data['prompt']}", "bold"), f"  {', '.join(data['versions'])}"))
    told = [(a["round"], DONE.get(a["action"], a["action"]), count(a["documents"])) for a in data["actions"]]
    out.print(table(("round", "what it did", "documents"), told, "round,documents"))
    heading(out, "what its documents added to main over control (within an arm all documents count alike)")
    rows = [
        (r["round"], count(r["documents"]), ", ".join(f"{a} {count(n)}" for a, n in r["arms"].items()) or NOTHING,
         estimated(r, "credit"), NOTHING if r["delta"] is None else signed(r["delta"]), share_of(r))
        for r in data["rounds"]
    ]  # fmt: skip
    names = ("round", "documents trained on", "in the arms", "its part", "main - control", SHARE)
    out.print(table(names, rows, "round,documents trained on,main - control", "in the arms"))


def _rubric(out: Console, data: Row) -> None:
    out.print(Text.assemble((f"rubric {data['rubric']}", "bold"), f"  {count(data['scored'])} scores"))
    rows = [
        (
            r["round"],
            number(r["weight"], 2),
            number(r["trust"], 2),
            estimated(r, "worth"),
            estimated(r, "credit"),
            share_of(r),
        )
        for r in data["rounds"]
    ]
    out.print(
        table(
            ("round", "weight", "trust", "worth", "part of the pair", SHARE),
            rows,
            "round,weight,trust",
        )
    )
    for r in data["rounds"]:
        out.print(Text(f"round {r['round']}: {r['prompt']}; {r['reason']}", style="dim"))
    heading(out, "evidence: short runs on documents ranked high against ranked low, one mixture")
    told = [
        (e["round"], {1.0: "+", -1.0: "-"}.get(e["sign"], NOTHING), signed(e["apart"], 2),
         estimated(e, "gain"), count(e["n"]))
        for e in data["evidence"]
    ]  # fmt: skip
    names = ("round", "sign", "apart in sds", "feedback composite", "n")
    out.print(table(names, told, "round,apart in sds,n"))
    for name in ("top", "bottom"):
        heading(out, f"{name} scores of the newest round")
        for example in data[name]:
            out.print(
                Text(f"{number(example['score'], 3)}  {example['doc'][:12]}  {example['arm']}  {example['source']}")
            )
            out.print(Text(f"       {example['excerpt']}", style="dim"))
