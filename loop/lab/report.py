"""The page of a tournament: one HTML file that needs nothing else, and runs nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...tiers.whole import write_whole
from ..view.report import environment
from . import charts
from .text import share

MATRIX = 24
"""Mechanisms up to which every two are compared on the page; beyond, the first against the others."""


def write_report(folder: Path, data: Mapping[str, Any]) -> Path:
    """Write `report.html` into a tournament's folder, whole or not at all, and say where it is."""
    path = folder / "report.html"
    write_whole(path, render(data).encode())
    return path


def render(data: Mapping[str, Any]) -> str:
    """The page as text; the same standings give the same page."""
    found = environment(Path(__file__).parent)
    found.globals |= {"curves": charts.regret_curves, "curve_legend": charts.legend, "share": share, "matrix": matrix}
    return found.get_template("tournament.html.jinja").render(data)


def matrix(world: Mapping[str, Any]) -> dict[str, Any]:
    """Rows and columns of the paired comparison, row minus column, in order of rank."""
    names = [r["mechanism"] for r in world["rows"] if r["gain"] is not None]
    cells = {(p["treatment"], p["reference"]): p for p in world["pairs"]}
    turn = {"gain": "loss", "loss": "gain", "unresolved": "unresolved"}
    for (one, other), p in list(cells.items()):
        turned = {"gain": -p["gain"], "low": -p["high"], "high": -p["low"], "verdict": turn[p["verdict"]]}
        cells[other, one] = p | turned
    columns = names if len(names) <= MATRIX else names[:1]
    return {"columns": columns, "rows": [{"name": n, "cells": [cells.get((n, c)) for c in columns]} for n in names]}
