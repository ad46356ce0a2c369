"""Charts: server-made SVG whose horizontal positions are percentages, so that it fits a phone and a page alike."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup

from .formats import interval, line, percent, signed

LABELLED = 0.05  # shares below this have no room for a label


def svg(body: str, height: int, label: str, kind: str) -> Markup:
    """A drawing of the full width and `height` pixels; `label` is what a screen reader says."""
    said = escape(line(label, 400), quote=True)
    return Markup(f'<svg class="{kind}" width="100%" height="{height}" role="img" aria-label="{said}">{body}</svg>')


def shares(
    mixture: Mapping[str, float], domains: Sequence[str], label: str, height: int = 40, told: bool = True
) -> Markup:
    """One mixture as a bar: a colour a domain, darker with the tier."""
    left, parts = 0.0, []
    for arm in sorted(mixture, key=lambda a: (_hue(a, domains), a)):
        share = mixture[arm]
        if share > 0:
            parts.append(_segment(arm, share, left, height, domains, told))
        left += share
    return svg("".join(parts), height, f"{label}: {_listed(mixture)}", "shares")


def _segment(arm: str, share: float, left: float, height: int, domains: Sequence[str], labelled: bool) -> str:
    tier = arm.partition("/")[2]
    told = escape(f"{line(arm, 40)} {percent(share, 1)}")
    style = f"d{_hue(arm, domains)} t{tier[-1:]}"
    body = (
        f'<rect class="{style}" x="{100 * left:.3f}%" width="{max(100 * share - 0.15, 0.1):.3f}%" height="{height}"/>'
    )
    if labelled and share >= LABELLED:
        x = f"{100 * (left + share / 2):.3f}%"
        body += f'<text class="on {style}" x="{x}" y="{height / 2 - 3}">{escape(line(tier, 4))}</text>'
        body += f'<text class="on {style}" x="{x}" y="{height / 2 + 11}">{100 * share:.0f}</text>'
    return f"<g><title>{told}</title>{body}</g>"


def _hue(arm: str, domains: Sequence[str]) -> int:
    domain = arm.partition("/")[0]
    return domains.index(domain) % 6 if domain in domains else 5


def _listed(mixture: Mapping[str, float]) -> str:
    return ", ".join(f"{a} {percent(s)}" for a, s in sorted(mixture.items()) if s >= 0.005)


class Scale:
    """A linear axis in percent of the width, with round ticks, that always shows zero."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        ends = [0.0, *(r["low"] for r in rows), *(r["high"] for r in rows)]
        low, high = float(min(ends)), float(max(ends))
        pad = 0.04 * ((high - low) or 1.0)
        self.low, self.high = low - pad, high + pad
        self.step = _round_step((self.high - self.low) / 5)

    def at(self, value: float) -> float:
        """Position of a value, 0 to 100."""
        inside = min(max(float(value), self.low), self.high)
        return 100.0 * (inside - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[float]:
        """Round values within the axis."""
        first, last = ceil(self.low / self.step - 1e-9), floor(self.high / self.step + 1e-9)
        return [i * self.step for i in range(first, last + 1)]


def _round_step(least: float) -> float:
    size = 10.0 ** floor(log10(least))
    return next(m * size for m in (1.0, 2.0, 5.0, 10.0) if m * size >= least)


def intervals(rows: Sequence[Mapping[str, Any]], scale: Scale, label: str) -> Markup:
    """Estimates with 95 % intervals under each other; the first is filled (hidden), the others hollow (feedback).

    Args:
        rows: gain, low, high, verdict each.
        scale: the axis shared by all strips of a chart.
        label: what they are.
    """
    height = 12 + 15 * len(rows)
    body = _grid(scale, height)
    for i, row in enumerate(rows):
        body += _estimate(row, scale, 13 + 15 * i, "" if i == 0 else " hollow")
    said = "; ".join(f"{signed(r['gain'])} ({interval(r)}) {r['verdict']}" for r in rows)
    return svg(body, height, f"{label}: {said}", "strip")


def _grid(scale: Scale, height: int) -> str:
    out = ""
    for tick in scale.ticks:
        kind, x = "zero" if abs(tick) < scale.step / 2 else "tick", f"{scale.at(tick):.2f}%"
        out += f'<line class="{kind}" x1="{x}" x2="{x}" y2="{height}"/>'
    return out


def _estimate(row: Mapping[str, Any], scale: Scale, y: int, kind: str) -> str:
    left, middle, right = (f"{scale.at(row[k]):.2f}%" for k in ("low", "gain", "high"))
    told = escape(
        f"{signed(row['gain'])}, 95 % interval {signed(row['low'])} to {signed(row['high'])}: {row['verdict']}"
    )
    whisker = f'<line class="whisker" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'
    dot = f'<circle cx="{middle}" cy="{y}" r="4.5"/>'
    return f'<g class="{escape(row["verdict"])}{kind}"><title>{told}</title>{whisker}{dot}</g>'


def axis(scale: Scale, unit: str) -> Markup:
    """The numbers under a chart of strips."""
    digits = max(0, -floor(log10(scale.step) + 1e-9))
    texts = []
    for tick in scale.ticks:
        x = scale.at(tick)
        anchor = "start" if x < 6 else "end" if x > 94 else "middle"
        texts.append(f'<text x="{x:.2f}%" y="13" text-anchor="{anchor}">{signed(tick, digits)}</text>')
    return svg("".join(texts), 18, f"axis in {unit}", "axis")


def sparkline(values: Sequence[float], label: str, floor_at: float | None = None) -> Markup:
    """A small line over rounds or training time; `floor_at` fixes the bottom of its axis."""
    low = min(values) if floor_at is None else floor_at
    span = (max(values) - low) or 1.0
    last = max(1, len(values) - 1)
    points = [(100 * i / last, 24 - 20 * (v - low) / span) for i, v in enumerate(values)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    lines = f'<svg viewBox="0 0 100 28" preserveAspectRatio="none"><polyline points="{path}"/></svg>'
    end = f'<circle cx="{points[-1][0]:.1f}%" cy="{points[-1][1]:.1f}" r="2.5"/>'
    return svg(lines + end, 28, f"{label}: {', '.join(f'{v:.3g}' for v in values)}", "spark")


def portions(row: Mapping[str, Any]) -> Markup:
    """How many of a step's documents were kept, dropped and quarantined."""
    total, left, body = max(1, row["count_in"]), 0.0, ""
    for kind in ("kept", "dropped", "quarantined"):
        share = 100 * row[kind] / total
        width = max(share - 0.2, 0.15) if share else 0
        told = f"<title>{kind} {row[kind]:,}</title>"
        body += f'<rect class="{kind}" x="{left:.2f}%" width="{width:.2f}%" height="12">{told}</rect>'
        left += share
    said = f"{row['count_in']} in, {row['kept']} kept, {row['dropped']} dropped, {row['quarantined']} quarantined"
    return svg(body, 12, said, "portions")


def meter(share: float, label: str) -> Markup:
    """A value between 0 and 1 as a filled bar."""
    width = f"{100 * min(1.0, max(0.0, share)):.1f}%"
    bars = (("track", "100%"), ("fill", width))
    body = "".join(f'<rect class="{kind}" width="{w}" height="6" rx="3"/>' for kind, w in bars)
    return svg(body, 6, f"{label} {share:.2f}", "meter")
