"""Prompts on the terminal: the list with what each was worth, one in full, or a difference."""

from typing import Any

from rich.console import Console
from rich.text import Text

from .formats import count, interval, number, signed
from .grid import table
from .text import Row, console, estimated, heading

MARKS = {"+": "green", "-": "red", "@": "dim"}


def prompts(data: Row) -> None:
    """`coevo prompts`."""
    {"prompts": _list, "prompt": _one, "prompt-diff": _difference}[data["view"]](console(), data)


def _list(out: Console, data: Row) -> None:
    whose = f"run {data['run']}: " if data["run"] else "built in: "
    out.print(Text(f"{whose}{count(len(data['prompts']))} prompts", style="bold"))
    columns = ("prompt", "role", "for", "from", "standing", "trust", "weight", "worth", "decisions")
    rows = [_line(p) for p in data["prompts"]]
    out.print(table(columns, rows, "trust,weight,decisions", "from,for,weight,role,trust"))
    told = "worth (95 % interval): composite sds per sd of the rubric's grade, by paired runs; only rubrics have one"
    out.print(Text(told))
    for member in data["refused"]:
        out.print(Text(f"refused: rubric {member['rubric']} ({member['origin']}): {member['reason']}"))


def _line(p: dict[str, Any]) -> tuple[object, ...]:
    worth = estimated(p | {"gain": p["worth"]}, "gain")
    where = p["parent"] if p["parent"] else p["origin"]
    meant = ", ".join([*p["domains"], *p["languages"]]) or "all"
    measured = (number(p["trust"], 2), number(p["weight"], 2), worth, count(p["decisions"]))
    return (p["ref"], p["role"], meant, where, p["standing"], *measured)


def _one(out: Console, data: Row) -> None:
    out.print(Text(f"{data['ref']}  {data['role']}  version {data['version']}", style="bold"))
    out.print(
        Text(f"from {data['parent'] or data['origin']}; {data['standing']}, {count(data['decisions'])} decisions")
    )
    if data["worth"] is not None:
        out.print(Text(f"worth {signed(data['worth'], 4)} ({interval(data, 4)}) {data['verdict']}; {data['reason']}"))
    if data.get("screened"):
        out.print(Text(f"{data['origin']}: {data['screened']}"))
    heading(out, "words")
    out.print(Text(data["words"]))


def _difference(out: Console, data: Row) -> None:
    out.print(Text(f"{data['before']} -> {data['after']}", style="bold"))
    for line in data["lines"]:
        out.print(
            Text(
                f"{line['mark']}{line['text']}" if line["mark"] != "@" else line["text"],
                style=MARKS.get(line["mark"], ""),
            )
        )
    if not data["lines"]:
        out.print(Text("They say the same."))
