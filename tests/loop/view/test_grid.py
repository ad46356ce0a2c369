"""Tables at every width: no line too wide, no word or number cut, and what is left out is named."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from coevo.loop.view.grid import Grid, table
from coevo.loop.view.text import console

CELLS = st.lists(st.text("ab1.中", min_size=1, max_size=30), min_size=1, max_size=6).map(" ".join)
SIZES = ("reason", "gain", "95 % interval", "documents")


def printed(grid: Grid, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, emoji=False, markup=False).print(grid)
    return out.getvalue()


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=4), st.integers(66, 160))
def test_no_word_of_a_table_is_cut_and_no_line_is_too_wide(rows: list[tuple[str, ...]], width: int) -> None:
    out = printed(table(SIZES, rows, "gain,documents", "documents,gain"), width)
    assert max(map(cell_len, out.splitlines())) <= width
    note = re.search(r"not shown at \d+ columns: ([^(]+) \(", " ".join(out.split()))
    absent = note[1].split(", ") if note else []
    shown = {word for row in rows for name, cell in zip(SIZES, row, strict=True) if name not in absent
             for word in cell.split()}  # fmt: skip
    assert shown <= {word.removesuffix(";") for word in out.split()}


def test_lesser_columns_go_one_by_one_and_the_note_says_at_what_width_all_are_shown() -> None:
    rows = [("composite", "+0.0123", "-0.0030 to +0.0276", "1,234,567")]
    grid = table(SIZES, rows, "gain,95 % interval,documents", "documents,gain")
    needed = re.search(r"COLUMNS=(\d+)", printed(grid, 45))
    assert needed and "not shown at 45 columns: documents" in printed(grid, 45)
    assert "1,234,567" in printed(grid, int(needed[1])) and "not shown" not in printed(grid, int(needed[1]))
    assert "not shown" in printed(grid, int(needed[1]) - 1)
    assert "not shown at 36 columns: gain, documents" in " ".join(printed(grid, 36).split())


def test_a_table_that_never_fits_is_a_list_of_all_its_values() -> None:
    digest = "sha256:" + 24 * "0f"
    out = printed(table(("model", "digest", "n"), [("base", digest, 7), ("final", digest, 8)], "n"), 60)
    assert out.split() == ["base", "digest", f"{digest};", "n", "7", "final", "digest", f"{digest};", "n", "8"]


@pytest.mark.parametrize(("columns", "width"), [("80", 80), ("200", 200), ("", 120), ("3", 40)])
def test_a_pipe_is_as_wide_as_columns_says(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert console().width == width
