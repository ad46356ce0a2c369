"""What `coevo eval` prints: each model's level on each benchmark, and how the others differ from the first."""

from rich.text import Text

from .deltas_text import benchmarks
from .formats import count, number
from .grid import table
from .text import Row, console, heading


def evaluated(data: Row) -> None:
    """Levels with 95 % intervals and n, then paired differences from the first model."""
    out = console()
    order = list(dict.fromkeys((r["benchmark"], r["metric"]) for r in data["levels"]))
    told = [
        (r["benchmark"], r["metric"], r["model"], number(r["mean"]), _interval(r), number(r["chance"]), count(r["n"]),
         count(r["clusters"]))
        for r in sorted(data["levels"], key=lambda r: order.index((r["benchmark"], r["metric"])))
    ]  # fmt: skip
    heads = ("benchmark", "metric", "model", "mean", "95 % interval", "chance", "n", "clusters")
    out.print(table(heads, told, ",".join(heads[3:]), "clusters,chance"))
    out.print()
    out.print(
        Text("intervals over questions, clustered; bits_per_byte: of the true answer, less is better", style="dim")
    )
    for pair in data["against"]:
        heading(out, f"{pair['treatment']} against {pair['reference']}, paired question by question")
        benchmarks(out, pair["rows"])
    if data["against"]:
        out.print(Text("error of the questions alone: another training of either model is not in it", style="dim"))
    out.print(Text(f"scores by question: {data['scores']}", style="dim"))


def _interval(row: Row) -> str:
    return f"{number(row['low'])} to {number(row['high'])}"
