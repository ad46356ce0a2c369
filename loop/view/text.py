"""Terminal rendering: rich tables on a terminal, plain lines in a pipe; all it gets has been made plain before."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from .formats import NOTHING, count, duration, line, percent, signed, usd
from .grid import table

STYLES = {
    "gain": "green",
    "loss": "red",
    "unresolved": "dim",
    "running": "yellow",
    "finished": "green",
    "unreadable": "red",
}
Row = Mapping[str, Any]
ENDS = {"gain": ("low", "high", "verdict")}
"""Keys of the interval and verdict of a measured gain; those of other estimates begin with the estimate's key."""
PIPE, NARROWEST = 120, 40
"""Columns where nobody says how many there are, and the fewest that are written for."""


def console() -> Console:
    """Writes to standard output, `COLUMNS` wide; without it as wide as the terminal, uncoloured and 120 in a pipe."""
    terminal = Console(highlight=False, emoji=False, markup=False)
    if terminal.is_terminal:
        return terminal
    columns = os.environ.get("COLUMNS", "")
    width = max(NARROWEST, int(columns)) if columns.isdecimal() else PIPE
    return Console(highlight=False, emoji=False, markup=False, width=width)


def verdict(word: str | None) -> Text:
    """`gain`, `loss` or `unresolved` in its colour."""
    return Text(word or NOTHING, style=STYLES.get(word or "", ""))


def estimated(row: Row | None, value: str, digits: int = 4) -> Text:
    """A cell of two lines: the estimate `value` of a row and its verdict, below them its 95 % interval."""
    if row is None or row.get(value) is None:
        return Text(NOTHING)
    low, high, word = (row[key] for key in ENDS.get(value, (f"{value}_low", f"{value}_high", f"{value}_verdict")))
    if low is None:
        return Text(signed(row[value], digits))
    told = f"{signed(row[value], digits)} {word}\n{signed(low, digits)} to {signed(high, digits)}"
    return Text(told, style=STYLES[word], no_wrap=True)


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
         duration(r["spent"]["seconds"]), usd(r["spent"]["usd"]), Text(r["continue"], no_wrap=True))
        if "spent" in r else (r["run"], Text(r["state"], style="red"), "", "", "", r["problem"])
        for r in data["runs"]
    ]  # fmt: skip
    out.print(table(("run", "state", "rounds", "time", "USD", "next"), rows, "rounds,time,USD", "USD,time"))


def rounds(data: Row) -> None:
    """`coevo rounds`: two lines a round, and a third one where hidden items warn."""
    out = console()
    out.print(Text(data["headline"]))
    out.print()
    names = ("hidden, main vs start", "hidden, vs control", "feedback, vs control")
    rows = []
    for r in data["rounds"]:
        largest = f"{r['largest_arm'][0]} {percent(r['largest_arm'][1])}" if r["largest_arm"] else NOTHING
        gains = [estimated(r[k], "gain", 3) for k in ("hidden_start", "hidden_control", "feedback_control")]
        rows.append((r["round"], r["accepted"] or r["status"], *gains, largest, duration(r["seconds"]), usd(r["usd"])))
    columns = ("round", "accepted", *names, "largest arm", "time", "USD")
    out.print(table(columns, rows, "round,time,USD", "USD,time,largest arm"))
    for r in data["rounds"]:
        if r["alarm"]:
            out.print(Text(f"alarm in round {r['round']}: {r['alarm']}", style="red"))
    out.print(Text("composite gain in sd of the items, and its 95 % interval", style="dim"))
