"""Bins: pieces of text laid whole into rows of one length with little padding (best fit, longest first)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .order import Ints


def best_fit(lengths: Sequence[int], size: int) -> tuple[Ints, Ints]:
    """Best-fit decreasing (arXiv 2404.10830): each piece goes where it leaves the least room.

    Args:
        lengths: tokens of each piece, at most `size`.
        size: tokens in a row.

    Returns:
        [pieces] row of each piece, and [pieces] where in its row it starts.
    """
    row = np.zeros(len(lengths), dtype=np.int64)
    start = np.zeros(len(lengths), dtype=np.int64)
    open_rows: list[list[int]] = [[] for _ in range(size + 1)]
    sizes, rows = 0, 0  # `sizes` has bit n where some row has room for n
    for i in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable"):
        length = int(lengths[i])
        fits = sizes >> length
        if fits:
            room = length + (fits & -fits).bit_length() - 1
            where = open_rows[room].pop()
            sizes &= ~(1 << room) if not open_rows[room] else -1
        else:
            room, where, rows = size, rows, rows + 1
        row[i], start[i] = where, size - room
        if left := room - length:
            open_rows[left].append(where)
            sizes |= 1 << left
    return row, start


def lay(
    pieces: Sequence[tuple[Sequence[int], npt.NDArray[np.bool_]]], size: int, padding: int
) -> tuple[Ints, npt.NDArray[np.bool_], Ints]:
    """Pieces of (token ids, which are learned) in rows.

    Returns:
        [rows, size] tokens, [rows, size] which of them are learned, and [pieces] where each starts in the flat rows.
    """
    row, start = best_fit([len(ids) for ids, _ in pieces], size)
    flat = row * size + start
    count = int(row.max()) + 1 if len(row) else 0
    tokens = np.full(count * size, padding, dtype=np.int64)
    learn = np.zeros(count * size, dtype=bool)
    for at, (ids, wanted) in zip(flat.tolist(), pieces, strict=True):
        tokens[at : at + len(ids)] = ids
        learn[at + 1 : at + len(ids)] = wanted[1:]  # the first is predicted by nothing of its own
    return tokens.reshape(count, size), learn.reshape(count, size), flat
