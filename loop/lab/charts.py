"""Regret curves as server-made SVG: the first few mechanisms in colour, the others faint behind them."""

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10
from typing import Any

from markupsafe import Markup

from ..view.charts import Scale, svg
from ..view.formats import line, number

COLOURED = 5
HEIGHT = 260
LEFT, RIGHT, BOTTOM = 6.0, 100.0, 236
"""The plot's left and right edge in percent of the width, and its lower edge in pixels."""


def regret_curves(world: Mapping[str, Any]) -> Markup:
    """How far each mechanism's mean lies behind the oracle, round by round; uniform is dashed.

    Args:
        world: one world of `standings`, its rows in order of rank.
    """
    ranked = _ranked(world)
    drawn: list[tuple[str, Sequence[float], str]] = [("uniform", world["uniform"], "uniform")]
    drawn += [(m, world["curves"][m], f"c{i}" if i < COLOURED else "faint") for i, m in enumerate(ranked)]
    top = Scale([{"low": 0.0, "high": max(max(v) for _, v, _ in drawn)}])
    body = _grid(top, len(world["uniform"]) - 1)
    for name, values, kind in reversed(drawn):
        body += _curve(name, values, top, kind)
    said = "; ".join(f"{name} {values[-1]:.4g}" for name, values, _ in drawn)
    return svg(body, HEIGHT, f"regret at the end in {world['unit']}: {said}", "curves")


def legend(world: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(class, name) of what is drawn in colour."""
    return [*((f"c{i}", m) for i, m in enumerate(_ranked(world)[:COLOURED])), ("uniform", "uniform")]


def _ranked(world: Mapping[str, Any]) -> list[str]:
    """Mechanisms with a curve, in order of rank; uniform has one of its own."""
    return [r["mechanism"] for r in world["rows"] if r["mechanism"] in world["curves"] and r["mechanism"] != "uniform"]


def _y(scale: Scale, value: float) -> float:
    return BOTTOM - (BOTTOM - 8) * scale.at(value) / 100


def _x(number_of: float, last: int) -> float:
    return LEFT + (RIGHT - LEFT) * number_of / max(last, 1)


def _grid(scale: Scale, rounds: int) -> str:
    out, places = "", max(0, -floor(log10(scale.step) + 1e-9))
    for tick in scale.ticks:
        y = _y(scale, tick)
        out += f'<line class="{"zero" if tick == 0 else "tick"}" x1="{LEFT}%" x2="{RIGHT}%" y1="{y:.1f}" y2="{y:.1f}"/>'
        out += f'<text x="{LEFT - 1}%" y="{y + 4:.1f}" style="text-anchor:end">{number(tick, places)}</text>'
    step = max(1, round(rounds / 10))
    for at in range(0, rounds + 1, step):
        anchor = "end" if at == rounds else "middle"
        out += f'<text x="{_x(at, rounds):.2f}%" y="{HEIGHT - 6}" style="text-anchor:{anchor}">{at}</text>'
    return out


def _curve(name: str, values: Sequence[float], scale: Scale, kind: str) -> str:
    last = len(values) - 1
    points = " ".join(f"{_x(i, last):.2f},{_y(scale, v):.2f}" for i, v in enumerate(values))
    told = escape(f"{line(name, 60)}: {values[-1]:.4g} behind at the end")
    inner = f'<polyline points="{points}" vector-effect="non-scaling-stroke"><title>{told}</title></polyline>'
    box = f'viewBox="0 0 100 {HEIGHT}" width="100%" height="{HEIGHT}" preserveAspectRatio="none"'
    return f'<svg class="curve {kind}" {box}>{inner}</svg>'
