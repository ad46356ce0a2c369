"""Terminal rendering: rich tables on a terminal, plain lines in a pipe; all it gets has been made plain before."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .formats import NOTHING, count, duration, line, number, percent, signed, usd

STYLES = {
    "gain": "green",
    "loss": "red",
    "unresolved": "dim",
    "running": "yellow",
    "finished": "green",
    "unreadable": "red",
}
Row = Mapping[str, Any]


def console() -> Console:
    """Writes to standard output; where that is no terminal, lines are wide and uncoloured."""
    wide = max(120, shutil.get_terminal_size((120, 40)).columns)
    found = Console(highlight=False, emoji=False, markup=False)
    return found if found.is_terminal else Console(highlight=False, emoji=False, markup=False, width=wide)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], right: str = "") -> Table:
    """A quiet table; names in `right` (separated by blanks) are columns of numbers."""
    out = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    numeric = set(right.split(","))
    for name in columns:
        out.add_column(name, justify="right" if name in numeric else "left", overflow="fold", no_wrap=name in numeric)
    for row in rows:
        out.add_row(*(c if isinstance(c, Text) else Text(NOTHING if c is None else str(c)) for c in row))
    return out


def verdict(word: str | None) -> Text:
    """`gain`, `loss` or `unresolved` in its colour."""
    return Text(word or NOTHING, style=STYLES.get(word or "", ""))


def heading(out: Console, text: str) -> None:
    """A bold line with space above."""
    out.print()
    out.print(Text(text, style="bold"))


def estimate(data: Row) -> None:
    """`coevo run --dry-run`: what is expected, a line a role."""
    out = console()
    out.print(Text(f"{count(data['rounds'])} rounds to come, {count(data['trained_tokens'])} tokens to train on"))
    if data["lines"]:
        columns = ("role", "model", "calls", "tokens read", "tokens written", "USD", "by")
        out.print(table(columns, [_expected(line) for line in data["lines"]], "calls,tokens read,tokens written,USD"))
        low, high = data["usd"]
        out.print(
            Text(
                f"in all {usd(low)} to {usd(high)}" + (f", {usd(data['spent_usd'])} spent" if data["spent_usd"] else "")
            )
        )
    else:
        out.print(Text("No role is played by a paid model: rules and the student cost time only."))
    for told in data["warnings"]:
        out.print(Text(f"warning   {told}", style="yellow"))


def _expected(data: Row) -> tuple[str, ...]:
    spans = [_span(data[key], count) for key in ("calls", "tokens_in", "tokens_out")]
    return (data["role"], data["model"], *spans, _span(data["usd"], usd) if data["usd"] else NOTHING, data["basis"])


def _span(ends: Sequence[float], write: Callable[[float], str]) -> str:
    low, high = (write(end) for end in ends)
    return low if low == high else f"{low} to {high}"


def status(data: Row) -> None:
    """`coevo status`: one run, or the list of all."""
    out = console()
    if data["view"] == "runs":
        _runs(out, data)
        return
    spent = data["spent"]
    where = f"round {data['round']} of {data['rounds_wanted']}" if data["round"] else "preparing"
    node = f", {data['node']}" if data["node"] else ""
    out.print(
        Text.assemble((data["run"], "bold"), "  ", (data["state"], STYLES.get(data["state"], "")), f"  {where}{node}")
    )
    out.print(Text(data["headline"]))
    asked = count(spent["tokens_in"] + spent["tokens_out"])
    money = f"{usd(spent['usd'])}, {count(spent['calls'])} calls, {asked} agent tokens"
    out.print(Text(f"spent     {duration(spent['seconds'])}, {money}, {count(spent['trained_tokens'])} tokens trained"))
    if data["eta_seconds"] is not None:
        out.print(Text(f"to go     about {duration(data['eta_seconds'])}"))
    if data["stop_reason"]:
        out.print(Text(f"ended     {data['stop_reason']}"))
    for event in data["events"]:
        out.print(
            Text(
                f"{event['level']:9} round {event['round']}, {event['node']}: {line(event['message'])}", style="yellow"
            )
        )
    out.print(
        Text.assemble(f"{'look at' if data['state'] == 'running' else 'continue'}  ", (data["continue"], "bold cyan"))
    )


def _runs(out: Console, data: Row) -> None:
    if not data["runs"]:
        out.print(Text(f"no runs in {data['folder']} yet; start one with: coevo run"))
        return
    rows = [
        (r["run"], Text(r["state"], style=STYLES.get(r["state"], "")), f"{r['rounds_done']}/{r['rounds_wanted']}",
         duration(r["spent"]["seconds"]), usd(r["spent"]["usd"]), r["continue"])
        if "spent" in r else (r["run"], Text(r["state"], style="red"), "", "", "", r["problem"])
        for r in data["runs"]
    ]  # fmt: skip
    out.print(table(("run", "state", "rounds", "time", "USD", "next"), rows, "rounds,time,USD"))


def rounds(data: Row) -> None:
    """`coevo rounds`: one line a round."""
    out = console()
    out.print(Text(data["headline"]))
    out.print()
    rows = []
    for r in data["rounds"]:
        largest = f"{r['largest_arm'][0]} {percent(r['largest_arm'][1])}" if r["largest_arm"] else NOTHING
        gains = [_gain(r[k]) for k in ("hidden_start", "hidden_control", "feedback_control")]
        cost = (duration(r["seconds"]), usd(r["usd"]), r["alarm"] or "")
        rows.append((r["round"], r["accepted"] or r["status"], *gains, largest, *cost))
    names = (
        "round",
        "accepted",
        "hidden, main vs start",
        "hidden, vs control",
        "feedback, vs control",
        "largest arm",
        "time",
        "USD",
        "alarm",
    )
    out.print(table(names, rows, "round,time,USD"))
    out.print(
        Text(
            "composite gain in sd of the items ± half its 95 % interval, which holds zero if unresolved",
            style="dim",
        )
    )


def _gain(delta: Row | None) -> Text:
    if delta is None:
        return Text(NOTHING)
    reach = (delta["high"] - delta["low"]) / 2
    return Text(f"{signed(delta['gain'])} ± {number(reach)} {delta['verdict']}", style=STYLES[delta["verdict"]])
