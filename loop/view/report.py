"""The report: one HTML file that tells a run, needs nothing else, and runs nothing."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ...tiers.whole import write_whole
from . import charts, formats, several
from .flow_chart import tier_flow
from .flows import PLACES
from .reader import RunReader
from .report_data import gather


def write_report(root: Path) -> Path:
    """Write `report.html` into the run folder, whole or not at all.

    Returns:
        Its path.

    Raises:
        InputError: the folder is no run, or cannot be read.
    """
    with RunReader(root) as run:
        page = render(run)
    path = Path(root) / "report.html"
    write_whole(path, page.encode())
    return path


def render(run: RunReader) -> str:
    """The page as text; the same run gives the same page."""
    data = gather(run)
    return environment().get_template("report.html.jinja").render(data | drawings(data))


def environment(*others: Path) -> Environment:
    """Templates of this room and of `others`: everything is escaped, an unknown name is an error."""
    found = Environment(
        loader=FileSystemLoader([Path(__file__).parent, *others]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    named = (
        formats.signed,
        formats.interval,
        formats.number,
        formats.count,
        formats.percent,
        formats.duration,
        formats.usd,
    )
    found.filters |= {f.__name__: f for f in (*named, formats.line, formats.done, several.word)}
    found.globals |= {"charts": charts, "Scale": charts.Scale, "note": several.NOTE}
    return found


def drawings(data: dict[str, Any]) -> dict[str, Any]:
    """What the template needs drawn once, and the panels of its interval charts."""
    newest = {c["domain"]: c for c in data["counts"]}
    held = {t: sum(c[t] for c in newest.values()) for t in PLACES if t.startswith("L")}
    told = [
        ("Whole run, by benchmark", data["whole"]),
        (f"Round {data['last']}: main against control, by benchmark", data["last_control"]),
    ]
    return {
        "flow": tier_flow(data["flows"], held),
        "held": held,
        "newest_counts": list(newest.values()),
        "benchmark_panels": [(title, panels(rows)) for title, rows in told if rows],
        "round_panels": [(TITLES[key], rows) for key, rows in data["comparisons"].items() if rows],
        "value_scale": charts.Scale([r for a in data["arms"] for r in a["rows"]]),
    }


TITLES = {
    "main control": "Main against control, equal tokens",
    "main start": "Main against the model its round started from",
}
UNITS = {"bits_per_byte": "bits per byte saved", "margin": "nats of margin"}


def panels(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of one unit share an axis: composite (sd of items), bits per byte, margins."""
    out: list[dict[str, Any]] = []
    for row in rows:
        unit = "sd of the items" if row["label"] == "composite" else UNITS.get(row["metric"], row["metric"])
        if not out or out[-1]["unit"] != unit:
            out.append({"unit": unit, "rows": []})
        out[-1]["rows"].append(row)
    return [p | {"scale": charts.Scale([d for r in p["rows"] for d in r["rows"]])} for p in out]
