"""The lab on a terminal: the rounds of one simulated run, and the standings of a tournament."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from ..view.formats import NOTHING, estimate, interval, line, number, percent, signed
from ..view.grid import Grid, table
from ..view.text import console, heading, verdict

NAME = 160
"""Characters of a mechanism's spec that are written out."""


def run(data: Mapping[str, Any]) -> None:
    """`coevo lab run`: a line a round, and how it ended against the yardsticks."""
    out, unit = console(), data["unit"]
    out.print(Text.assemble((data["mechanism"], "bold"), f" in {line(data['world'], 80)}, seed {data['seed']}"))
    if data["told"]:
        out.print(Text(f"planted here: {data['told']}"))
    rows = [
        (
            r["round"],
            r["moves"],
            r["probes"],
            signed(r["measured"], data["digits"]),
            signed(r["true"], data["digits"]),
            verdict(r["verdict"]),
            r["accepted"],
            signed(r["lead"], data["digits"]),
            signed(r["regret"], data["digits"]),
        )
        for r in data["rounds"]
    ]
    names = ["round", "largest moves from the reference", "probes", "main-control", "true", "verdict", "accepted"]
    names += ["over uniform", "behind oracle"]
    numbers = "round,probes,main-control,true,over uniform,behind oracle"
    out.print(table(names, rows, numbers, "probes,accepted,true"))
    for told in data["problems"]:
        out.print(Text(f"failed    {line(told, 200)}", style="red"))
    share = NOTHING if data["share"] is None else percent(data["share"])
    out.print()
    out.print(
        Text(f"ends {signed(data['gain'], data['digits'])} {unit} over uniform, {share} of what the oracle gains")
    )
    ms = f"{data['round_ms']:.1f} ms a round, LangGraph and disk included"
    out.print(Text(f"spent {data['cost']:.1f} full runs · {ms}"))


def tournament(data: Mapping[str, Any]) -> None:
    """`coevo lab report`: a table for each world, then what is resolved between the first and the others."""
    out = console()
    out.print(Text(f"{data['rounds']} rounds, mode {data['mode']}, {data['played']} of {data['wanted']} runs played"))
    for world in data["worlds"]:
        gap = f"oracle over uniform {number(world['gap'], world['digits'])} {world['unit']}"
        heading(out, f"{line(world['world'], 80)} · {world['n']} worlds · {gap}")
        out.print(_standings(world))
        for r in world["rows"]:
            if r["failures"]:
                told = f"{r['mechanism']} failed in {r['failures']} worlds: {line(r['reason'], 160)}"
                out.print(Text(told, style="red"))
        _pairs(out, world)


def _standings(world: Mapping[str, Any]) -> Grid:
    rows = []
    for r in world["rows"]:
        if r["gain"] is None:
            rows.append((line(r["mechanism"], NAME), *[NOTHING] * 8, r["failures"]))
            continue
        rows.append(
            (
                line(r["mechanism"], NAME),
                f"{signed(r['gain'], world['digits'])}\n{interval(r, world['digits'])}",
                percent(r["share"]["mean"]),
                signed(r["worst"], world["digits"]),
                number(r["regret"], world["digits"]),
                percent(r["reached"]),
                f"{r['cost']:.0f}",
                signed(r["equal_cost"], world["digits"]),
                percent(r["claims"], 1),
                r["failures"],
            )
        )
    names = ["mechanism", "over uniform", "of gap", "worst decile", "regret", "90 %", "cost"]
    names += [f"at {world['budget']:.0f}", "claims", "failed"]
    return table(names, rows, ",".join(names[1:]), f"cost,90 %,regret,claims,{names[7]}")


def offpolicy(data: Mapping[str, Any]) -> None:
    """`coevo lab offpolicy`: what would have been planned round by round, and its value where it is known."""
    out = console()
    out.print(Text.assemble((data["mechanism"], "bold"), f" in the place of {data['logged']} in run {data['run']}"))
    rows = [
        (
            r["round"],
            r["moves"],
            estimate(r["gain"], r["low"], r["high"]) if r["supported"] else NOTHING,
            signed(r["logged"]),
            f"{r['ess']:.1f}",
            r["why"] or "supported",
        )
        for r in data["rounds"]
    ]
    gains = ("estimated gain (95 % interval)", "measured of its main")
    names = ("round", "largest moves from the reference", *gains, "ESS", "support")
    out.print(table(names, rows, ",".join(("round", *gains, "ESS")), "ESS"))
    for told in data["problems"]:
        out.print(Text(f"failed    {line(told, 200)}", style="red"))
    out.print()
    if data["verdict"] == "refused":
        out.print(Text(f"refused: {data['reason']}", style="red"))
        return
    for what, key in (("gain over control", "gain"), ("gain over the run's own main", "difference")):
        d = data[key]
        out.print(Text(f"{what:29} {signed(d['mean'])} sd (95 % interval {interval(d)}, {d['n']} rounds)"))
    out.print(Text.assemble("verdict ", verdict(data["verdict"]), f", effectively {data['ess']:.1f} runs"))


def share(told: Mapping[str, Any]) -> str:
    """`81 % (77 to 85)`."""
    if told["mean"] is None:
        return NOTHING
    return f"{100 * told['mean']:.0f} % ({100 * told['low']:.0f} to {100 * told['high']:.0f})"


def _pairs(out: Any, world: Mapping[str, Any]) -> None:
    first = world["rows"][0]["mechanism"]
    mine = [leading(p, first) for p in world["pairs"] if first in (p["treatment"], p["reference"])]
    if not mine:
        return
    rows = [(p["reference"], signed(p["gain"], 3), interval(p), p["n"], verdict(p["verdict"])) for p in mine]
    out.print(Text(f"{first} against, world by world:", style="bold"))
    out.print(table(["other", world["unit"], "95 % interval", "n", "verdict"], rows, f"{world['unit']},n"))


def leading(pair: Mapping[str, Any], first: str) -> Mapping[str, Any]:
    """A pair with `first` as the treatment."""
    if pair["treatment"] == first:
        return pair
    flipped = {"gain": "loss", "loss": "gain"}.get(pair["verdict"], pair["verdict"])
    turned = {"treatment": first, "reference": pair["treatment"], "gain": -pair["gain"], "verdict": flipped}
    return dict(pair) | turned | {"low": -pair["high"], "high": -pair["low"]}
