"""Tables that fit their terminal: columns wrap at blanks, then lesser ones are left out, and at last rows become lists.

No value is ever cut: a column of numbers is as wide as its widest number, one of words as its longest word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .formats import NOTHING

GAP = 2
"""Blanks between two columns."""
SHORT, PROSE = 12, 24
"""Width down to which a column of phrases is wrapped, and one of sentences."""
SENTENCE = 40
"""Length of a cell from which a column holds sentences."""


@dataclass(frozen=True)
class Grid:
    """A table that knows which of its columns matter less."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    numeric: frozenset[str]
    """Columns of numbers: aligned to the right, never wrapped."""
    lesser: tuple[str, ...]
    """Columns that may be left out where there is no room, the least important first."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The widest selection of columns that fits, and a note that names the others; else a list of all of them."""
        shown = list(range(len(self.columns)))
        for name in (None, *self.lesser):
            shown = [i for i in shown if self.columns[i] != name]
            widths = self._widths(shown, options.max_width)
            if widths is not None:
                yield self._table(shown, widths)
                if len(shown) < len(self.columns):
                    yield self._note(shown, options.max_width)
                return
        yield from self._list()

    def _table(self, shown: Sequence[int], widths: Sequence[int]) -> Table:
        out = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold", show_edge=False)
        for i, width in zip(shown, widths, strict=True):
            out.add_column(
                self.columns[i],
                justify="right" if self.columns[i] in self.numeric else "left",
                overflow="fold",
                min_width=width,
                max_width=width,
            )
        for row in self.rows:
            out.add_row(*(row[i] for i in shown))
        return out

    def _note(self, shown: Sequence[int], width: int) -> Text:
        absent = ", ".join(name for i, name in enumerate(self.columns) if i not in shown)
        return Text(f"not shown at {width} columns: {absent} (COLUMNS={self._needed()} shows all)", style="dim")

    def _needed(self) -> int:
        """Columns of a terminal on which the whole table fits."""
        return sum(self._least(i) for i in range(len(self.columns))) + GAP * (len(self.columns) - 1)

    def _list(self) -> Iterator[RenderableType]:
        """Each row as its first cell, and below it the others by name; empty ones are left out."""
        first, *others = self.columns
        for head, *cells in self.rows:
            yield Text.assemble(f"{first} " if first in self.numeric else "", (head.plain, "bold"))
            named = (Text.assemble((f"{n} ", "dim"), c) for n, c in zip(others, cells, strict=True) if c.plain.strip())
            yield Padding(Text("; ").join(Text(" ").join(part.split("\n")) for part in named), (0, 0, 0, 4))

    def _widths(self, shown: Sequence[int], width: int) -> list[int] | None:
        """A width for each column, or None where not even the least ones fit; spare room goes to the small needs."""
        widths = {i: self._least(i) for i in shown}
        spare = width - sum(widths.values()) - GAP * (len(shown) - 1)
        if spare < 0:
            return None
        needs = sorted(shown, key=lambda i: self._natural(i) - widths[i])
        for place, i in enumerate(needs):
            more = min(self._natural(i) - widths[i], spare // (len(needs) - place))
            widths[i] += more
            spare -= more
        return [widths[i] for i in shown]

    def _lines(self, i: int) -> list[str]:
        return [line for row in self.rows for line in row[i].plain.split("\n")]

    def _unbreakable(self, i: int) -> list[str]:
        return [line for row in self.rows if row[i].no_wrap for line in row[i].plain.split("\n")]

    def _natural(self, i: int) -> int:
        """Width at which nothing of a column is wrapped."""
        return max(cell_len(line) for line in [self.columns[i], *self._lines(i)])

    def _least(self, i: int) -> int:
        """Least width of a column: its longest number, unbreakable cell or word, and some room for what is wrapped."""
        lines = self._lines(i)
        words = [word for text in (self.columns[i], *lines) for word in text.split()]
        fixed = lines if self.columns[i] in self.numeric else self._unbreakable(i)
        longest = max((cell_len(text) for text in [*words, *fixed]), default=0)
        if self.columns[i] in self.numeric:
            return longest
        natural = self._natural(i)
        return max(longest, min(natural, PROSE if natural > SENTENCE else SHORT))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], right: str = "", lesser: str = "") -> Grid:
    """A quiet table.

    Args:
        columns: their names.
        rows: a cell a column; None is shown as a dash. Words of a `Text` with `no_wrap` stay on one line.
        right: names of the columns of numbers, separated by commas.
        lesser: names of columns that a narrow terminal may do without, the least important first.
    """
    cells = tuple(tuple(c if isinstance(c, Text) else Text(NOTHING if c is None else str(c)) for c in r) for r in rows)
    return Grid(tuple(columns), cells, frozenset(right.split(",")), tuple(lesser.split(",")) if lesser else ())
