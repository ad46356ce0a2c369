"""Measured gains in the terminal: a round, two runs, pairs of runs, and what all of it is worth among so many tests."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from .formats import NOTHING, count, duration, interval, number, signed, usd
from .grid import Grid, table
from .several import MARK, NOTE, word
from .text import STYLES, Row, console, heading, verdict

DECIDING = (("accepted", "base"), ("main", "start"), ("main", "control"))
DECISIVE = ("main", "control", "hidden")


def show(data: Row, whole: bool = False) -> None:
    """`coevo show`: what a round gained in all and by hidden benchmark; the `whole` of it on request."""
    out = console()
    out.print(
        Text.assemble((f"{data['run']}, round {data['round']}", "bold"), f"  accepted: {data['accepted'] or NOTHING}")
    )
    if data["accept_reason"]:
        out.print(Text(data["accept_reason"]))
    if data["alarm"]:
        out.print(Text(f"alarm: {data['alarm']}", style="red"))
    if whole:
        foreseen(out, data["foreseen"])
        comparisons(out, data["comparisons"])
        screening(out, data["screening"])
        costs(out, data["costs"])
    else:
        _brief(out, data["comparisons"])
    if data["seconds"]:
        out.print(Text("time   " + ", ".join(f"{n} {duration(s)}" for n, s in data["seconds"].items())))
    if not whole:
        command = f"coevo show {data['run']} {data['round']} --all"
        out.print(Text.assemble("every comparison, benchmark and cost: ", (command, "bold cyan")))


def _brief(out: Console, groups: Sequence[Row]) -> None:
    """The composites of the comparisons that decide, then the hidden benchmarks of main against control."""
    heading(out, "composites")
    composites(out, [g for g in groups if (g["treatment"], g["reference"]) in DECIDING])
    comparisons(out, [g for g in groups if (g["treatment"], g["reference"], g["split"]) == DECISIVE])


def composites(out: Console, groups: Sequence[Row]) -> None:
    """One line for each comparison and split: its composite."""
    rows = [
        (g["title"], g["split"], signed(d["gain"]), interval(d), count(d["n"]), verdict(d["verdict"]))
        for g in groups
        for d in g["rows"]
        if d["benchmark"] == "composite"
    ]
    names = ("comparison", "split", "gain (sd)", "95 % interval", "n", "verdict")
    out.print(table(names, rows, "gain (sd),95 % interval,n"))


def comparisons(out: Console, groups: Sequence[Row]) -> None:
    """Tables of deltas, one a comparison and split."""
    for group in groups:
        heading(out, f"{group['title']} · {group['split']}")
        benchmarks(out, group["rows"])
        if group["minimum_detectable"]:
            least = number(group["minimum_detectable"])
            told = f"smallest composite gain this comparison can find (80 % power): {least} sd"
            out.print(Text(told, style="dim"))


def foreseen(out: Console, data: Row) -> None:
    """What the round could resolve, as it was said before it was trained."""
    for split, told in data.items():
        single = ", ".join(f"{name} {number(least)}" for name, least in told.items() if name != "composite")
        least = f"{number(told['composite'])} sd of the {split} composite"
        said = f"said before the round: main against control finds a gain of {least} in 80 % of cases; {single}"
        out.print(Text(said, style="dim"))


def screening(out: Console, rows: Sequence[Row]) -> None:
    """Which benchmarks told the round's mixtures apart, and why the others did not."""
    if not rows:
        return
    heading(out, f"signal and noise of the feedback benchmarks ({rows[0]['runs']} mixtures)")
    told = [
        (r["benchmark"], number(r["signal"]), number(r["noise"]), f"{r['ratio']:.1f}", f"{r['p']:.3f}",
         "tells mixtures apart" if r["hears"] else "unresolved: could be equal runs")
        for r in rows
    ]  # fmt: skip
    names = ("benchmark", "range of mixtures", "sd of equal runs", "ratio", "p", "verdict")
    out.print(table(names, told, "range of mixtures,sd of equal runs,ratio,p", "range of mixtures,sd of equal runs"))


def benchmarks(out: Console, rows: Sequence[Row]) -> None:
    """One comparison's table, and what its marks mean."""
    out.print(deltas(rows))
    noted(out, rows)


def noted(out: Console, rows: Sequence[Row]) -> None:
    """What the mark means, where there is one."""
    if any(MARK in word(row) for row in rows):
        out.print(Text(NOTE, style="dim"))


def deltas(rows: Sequence[Row]) -> Grid:
    """Benchmark, before, after, delta (measured, and shrunk), 95 % interval, p among so many, n, verdict."""
    told = [
        (Text(d["benchmark"], style="bold" if d["benchmark"] == "composite" else ""), d["metric"], number(d["before"]),
         number(d["after"]), signed(d["gain"]), NOTHING if d["shrunk"] is None else signed(d["shrunk"]), interval(d),
         f"{d['p_adjusted']:.3f}", count(d["n"]), Text(word(d), style=STYLES[d["verdict"]]))
        for d in rows
    ]  # fmt: skip
    return table(
        ("benchmark", "metric", "before", "after", "gain", "shrunk", "95 % interval", "p of all", "n", "verdict"),
        told,
        "before,after,gain,shrunk,95 % interval,p of all,n",
        "before,after,shrunk",
    )


def costs(out: Console, rows: Sequence[Row]) -> None:
    """What each role cost."""
    if not rows:
        return
    heading(out, "agents")
    told = [
        (r["role"], _model(r["model"]), count(r["decisions"]), count(r["calls"]), count(r["tokens_in"]),
         count(r["tokens_out"]), duration(r["seconds"]), usd(r["usd"]), count(r["errors"]))
        for r in rows
    ]  # fmt: skip
    names = ("role", "model", "decisions", "calls", "tokens in", "tokens out", "time", "USD", "errors")
    out.print(table(names, told, ",".join(names[2:]), "tokens in,tokens out,decisions,calls"))


def _model(url: str) -> str:
    return "offline: (rules, no model)" if url.startswith("offline:") else url


def compare(data: Row) -> None:
    """`coevo compare`: two runs on the same hidden items."""
    out = console()
    out.print(Text(data["sentence"]))
    out.print()
    benchmarks(out, data["rows"])


def unseal(data: Row) -> None:
    """`coevo unseal`: the final model on sealed items, and the record of looks."""
    out = console()
    out.print(Text(data["sentence"]))
    out.print(Text(data["record"]))
    for reference in dict.fromkeys(row["reference"] for row in data["rows"]):
        out.print()
        out.print(Text(f"accepted against {reference}"))
        benchmarks(out, [row for row in data["rows"] if row["reference"] == reference])


def trial(data: Row) -> None:
    """`coevo trial`: pairs of runs, and what they say together."""
    out = console()
    out.print(Text(data["sentence"]))
    out.print()
    rows = [
        (p["seed"], signed(p["gain"]), interval(p), count(p["n"]), Text(p["verdict"], style=STYLES[p["verdict"]]))
        for p in data["pairs"]
    ]
    out.print(
        table(
            ("seed", "hidden composite gain", "95 % interval", "n", "verdict"),
            rows,
            "seed,hidden composite gain,95 % interval,n",
        )
    )


def verified(data: Row) -> None:
    """`coevo verify`: the pairs of a protocol, and the mean of every benchmark over them."""
    out = console()
    out.print(Text(f"{data['protocol']['about']} ({data['protocol']['source']})"))
    trial(data)
    rows = [
        (b["benchmark"], signed(b["gain"]), interval(b), f"{b['p_adjusted']:.3f}", count(b["seeds"]),
         Text(word(b), style=STYLES[b["verdict"]]))
        for b in data["benchmarks"]
    ]  # fmt: skip
    heads = ("benchmark", "hidden gain", "95 % interval", "p of all", "seeds", "verdict")
    out.print(table(heads, rows, "hidden gain,95 % interval,p of all,seeds"))
    noted(out, data["benchmarks"])
