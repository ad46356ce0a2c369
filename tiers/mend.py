"""Mending L0 before it is judged: wrong decoding put right, packed files and notices taken out, personal data replaced.

A mended text is a new document with the old one as its parent; what was done to it is written down, the personal data
itself is not.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .clean import batches
from .config import CleanConfig
from .document import document_id
from .filters import Batch, control, embedded, encoding, pii
from .filters.lines import Cut, c4_cut, without_notices
from .rows import STRINGS

MENDED = pa.schema(
    [
        ("row", pa.int64()),
        ("made", pa.string()),
        ("text", pa.large_string()),
        ("reason", pa.string()),
        ("evidence", pa.string()),
    ]
)
NOTHING = "nothing to mend"


def mend(docs: pa.Table, config: CleanConfig | None = None) -> pa.Table:
    """What becomes of the texts that are worth mending.

    Args:
        docs: text, domain, kind, source; any number.
        config: what is mended (`encoding` with control characters, `embedded`, `notices`, `pii`;
            C4's line edits where that family is wanted).

    Returns:
        Table `MENDED`, rows of `docs` ascending: id and text of the new document, what was done (`pii: 2 email`), and
        the same as JSON with the removed lines.
    """
    wanted = config or CleanConfig()
    made, start = [MENDED.empty_table()], 0
    for part in batches(docs):
        made.append(_batch(Batch.of(part), wanted, start))
        start += part.num_rows
    return pa.concat_tables(made)


def mended(docs: pa.Table, edits: pa.Table) -> pa.Table:
    """The documents with the mended ones in the place of those that they supersede (columns id, text, parents)."""
    at = edits["row"].to_numpy()
    mask = np.zeros(docs.num_rows, bool)
    mask[at] = True
    old = docs["id"].combine_chunks().take(pa.array(at))
    parents = pa.ListArray.from_arrays(np.arange(len(at) + 1, dtype=np.int32), old).cast(STRINGS)
    for name, column in (("id", edits["made"]), ("text", edits["text"]), ("parents", parents)):
        if name in docs.column_names and len(at):
            where = docs.column_names.index(name)
            held = docs[name].combine_chunks()
            fresh = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            order = np.arange(docs.num_rows)
            order[at] = docs.num_rows + np.arange(len(at))
            docs = docs.set_column(where, name, pa.concat_arrays([held, fresh.cast(held.type)]).take(pa.array(order)))
    return docs


def _batch(batch: Batch, config: CleanConfig, start: int) -> pa.Table:
    """The mended texts of one batch: encoding, files in it, lines, then personal data."""
    texts: dict[int, str] = {}
    done: dict[int, dict[str, Any]] = {}

    def note(i: int, text: str, what: dict[str, Any]) -> None:
        texts[i] = text
        done.setdefault(i, {}).update(what)

    def each(pattern: str, applies: Any, made: Callable[[str, int], tuple[str, dict[str, Any]]]) -> None:
        now = _with(batch, texts)
        found = pc.match_substring_regex(now.text, pattern).to_numpy(zero_copy_only=False)
        for i in map(int, np.flatnonzero(found & applies)):
            text, what = made(now.text[i].as_py(), i)
            if any(what.values()):
                note(i, text, what)

    prose = ~np.isin(batch.kind, ["source", "docstring"])
    if config.encoding:
        each(
            control.SUSPECT,
            prose,
            lambda text, _: _counted("encoding: control character", control.without_controls(text)),
        )
        each(encoding.SUSPECT, prose, lambda text, _: _counted("encoding: line", encoding.repaired(text)))
    if config.embedded:
        each(embedded.SUSPECT, prose, lambda text, _: _counted("embedded: file", embedded.without_files(text)))
    for cutter in ((without_notices,) if config.notices else ()) + ((c4_cut,) if "c4" in config.families else ()):
        for i, cut in cutter(_with(batch, texts)).items():
            note(i, cut.text, _told(cut, done.get(i, {})))
    if config.pii:
        each(pii.SUSPECT, True, lambda text, i: _replaced(text, bool(batch.is_code[i]), batch.domain[i] == "math"))
    return _table(batch, texts, done, start)


def _counted(name: str, made: tuple[str, int]) -> tuple[str, dict[str, Any]]:
    return made[0], {name: made[1]}


def _replaced(text: str, is_code: bool, is_math: bool) -> tuple[str, dict[str, Any]]:
    made, found = pii.replaced(text, is_code, is_math)
    return made, {f"pii: {name}": n for name, n in found.items()}


def _told(cut: Cut, before: dict[str, Any]) -> dict[str, Any]:
    counts = {f"lines: {name}": n for name, n in cut.counts.items()}
    return counts | {"removed": [*before.get("removed", []), *cut.shown]}


def _with(batch: Batch, texts: dict[int, str]) -> Batch:
    """The batch with some texts replaced."""
    if not texts:
        return batch
    mask = np.zeros(len(batch), bool)
    mask[list(texts)] = True
    fresh = pa.array([texts[i] for i in sorted(texts)], pa.large_string())
    return batch.with_text(pc.replace_with_mask(batch.text, pa.array(mask), fresh))


def _table(batch: Batch, texts: dict[int, str], done: dict[int, dict[str, Any]], start: int) -> pa.Table:
    rows = sorted(i for i, text in texts.items() if text.strip() and text != batch.text[i].as_py())
    said = [", ".join(f"{name} {n}" for name, n in done[i].items() if name != "removed") for i in rows]
    columns = {
        "row": [start + i for i in rows],
        "made": [document_id(texts[i], batch.source[i]) for i in rows],
        "text": [texts[i] for i in rows],
        "reason": said,
        "evidence": [json.dumps(done[i], sort_keys=True, ensure_ascii=False) for i in rows],
    }
    return pa.table(columns, schema=MENDED)
