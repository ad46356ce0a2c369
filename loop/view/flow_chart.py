"""The way of documents through the tiers as one drawing of ribbons, with what was set aside and what was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

from markupsafe import Markup

from .charts import svg
from .formats import count

WIDTH, HEIGHT, TOP, NODE = 1000.0, 190.0, 46, 26.0
COLUMNS = {"L0": 70.0, "L1": 285.0, "L2": 500.0, "L3": 715.0, "L4": 930.0}
NAMES = {"L0": "raw", "L1": "filtered", "L2": "selected", "L3": "refined", "L4": "verified"}
ASIDE = ("dropped", "quarantined")


@dataclass
class Node:
    """A bar of the drawing; ribbons leave it and reach it from the top down."""

    x: float
    y: float
    height: float
    total: float
    out: float = field(default=0.0)
    into: float = field(default=0.0)


def tier_flow(flows: Mapping[tuple[str, str], int], held: Mapping[str, int]) -> Markup:
    """Documents from tier to tier over a run.

    Args:
        flows: documents by (from, to), as `flows.tier_flows` counts them.
        held: documents held by tier now.
    """
    links = _links(flows)
    nodes = _nodes(links)
    ribbons = "".join(_ribbon(nodes[a], nodes[b], n, f"{a} to {b}", _kind(b, a)) for (a, b), n in links.items())
    bars = "".join(_bar(node, name) for name, node in nodes.items())
    place = f'y="{TOP}" width="100%" height="{HEIGHT:.0f}" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}"'
    shape = f'<svg {place} preserveAspectRatio="none">{ribbons}{bars}</svg>'
    texts = "".join(_heading(tier, held.get(tier, 0)) for tier in COLUMNS) + _notes(links, nodes)
    said = ", ".join(f"{a} to {b} {n}" for (a, b), n in links.items())
    return svg(shape + texts, int(TOP + HEIGHT + 34), f"documents between tiers: {said}", "flow")


def _links(flows: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Forward ribbons: an edit runs from its old document's tier to L3, what else is new there was written.

    What mending made of a document of L0 is that document still.
    """
    out: dict[tuple[str, str], int] = {}
    tiers = list(COLUMNS)
    for (a, b), n in flows.items():
        if a in tiers and b in tiers and tiers.index(b) > tiers.index(a):
            out[a, b] = out.get((a, b), 0) + n
        elif a in tiers and b in ASIDE:
            out[a, f"aside {a}"] = out.get((a, f"aside {a}"), 0) + n
        elif a in ("L1", "L2") and b == "rewritten":
            out[a, "L3"] = out.get((a, "L3"), 0) + n
    edited = sum(n for (a, b), n in flows.items() if b == "rewritten" and a != "L0")
    for tier in tiers[1:]:
        written = flows.get(("new", tier), 0) - (edited if tier == "L3" else 0)
        if written > 0:
            out[f"written {tier}", tier] = written
    unread = flows.get(("read", "quarantined"), 0)
    if unread:
        out["L0", "aside L0"] = out.get(("L0", "aside L0"), 0) + unread
    order = {name: i for i, name in enumerate([*tiers, *(f"aside {t}" for t in tiers)])}
    return dict(sorted(out.items(), key=lambda kv: (order.get(kv[0][1], 9), order.get(kv[0][0], 99))))


def _nodes(links: Mapping[tuple[str, str], int]) -> dict[str, Node]:
    totals: dict[str, int] = {}
    for name in {n for pair in links for n in pair} | set(COLUMNS):
        gone = sum(n for (a, _), n in links.items() if a == name)
        come = sum(n for (_, b), n in links.items() if b == name)
        totals[name] = max(gone, come)
    most = max([1, *totals.values()])
    return {name: _node(name, total, most) for name, total in sorted(totals.items())}


def _node(name: str, total: int, most: int) -> Node:
    height = 0.62 * HEIGHT * sqrt(total / most)
    if name in COLUMNS:
        return Node(COLUMNS[name], 14.0, max(height, 2.0), max(total, 1))
    role, _, tier = name.partition(" ")
    x = COLUMNS[tier] + (100.0 if role == "aside" else -100.0)
    y = HEIGHT - height if role == "aside" else 44.0
    return Node(min(max(x, NODE), WIDTH - NODE), y, max(height, 2.0), max(total, 1))


def _kind(target: str, source: str) -> str:
    return "aside" if target.startswith("aside") else "made" if source.startswith("written") else "up"


def _ribbon(a: Node, b: Node, n: int, told: str, kind: str) -> str:
    left, right = a.height * n / a.total, b.height * n / b.total
    x0, x1, y0, y1 = a.x + NODE / 2, b.x - NODE / 2, a.y + a.out, b.y + b.into
    a.out, b.into = a.out + left, b.into + right
    middle = (x0 + x1) / 2
    upper = f"M{x0:.1f},{y0:.1f} C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
    y0, y1 = y0 + max(left, 0.8), y1 + max(right, 0.8)
    lower = f"L{x1:.1f},{y1:.1f} C{middle:.1f},{y1:.1f} {middle:.1f},{y0:.1f} {x0:.1f},{y0:.1f} Z"
    return f'<path class="{kind}" d="{upper} {lower}"><title>{told}: {n:,}</title></path>'


def _bar(node: Node, name: str) -> str:
    kind = name.split(" ")[0] if " " in name else "tier"
    place = f'x="{node.x - NODE / 2:.1f}" y="{node.y:.1f}"'
    return f'<rect class="{kind}" {place} width="{NODE:.0f}" height="{node.height:.1f}"/>'


def _heading(tier: str, held: int) -> str:
    x = f"{COLUMNS[tier] / 10:.1f}%"
    return (
        f'<text class="name" x="{x}" y="14">{tier} {NAMES[tier]}</text><text x="{x}" y="32">{count(held)} held</text>'
    )


def _notes(links: Mapping[tuple[str, str], int], nodes: Mapping[str, Node]) -> str:
    out = ""
    for (a, b), n in links.items():
        if b.startswith("aside"):
            out += f'<text class="note" x="{nodes[b].x / 10:.1f}%" y="{TOP + HEIGHT + 16:.0f}">{count(n)} aside</text>'
        elif a.startswith("written"):
            y = TOP + nodes[a].y + nodes[a].height + 14
            out += f'<text class="note" x="{nodes[a].x / 10:.1f}%" y="{y:.0f}">{count(n)} written</text>'
    return out
