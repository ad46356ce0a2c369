"""How a pack's questions are put: choices by letters, and solved examples before each question."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..tiers.errors import EvalError
from .draw import rank
from .score import Item

Line = Mapping[str, Any]
EXAMPLES = ("dev", "train", "prompt", "validation")
"""Splits that examples come from, the first that there is."""
SEED = 1234
"""Of the draw of examples: that of lm-eval's command."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ENDS = ("\nAnswer:", "\n答案：")


class Row(NamedTuple):
    """A line of a pack, the item made of it, and the kind of benchmark that it is of."""

    line: Line
    item: Item
    kind: str


def example_files(files: Sequence[Path]) -> list[Path]:
    """For each benchmark, by its files' names (`NAME.SPLIT.jsonl`), the one that its examples come from, if any."""
    found = []
    for name, folder in dict.fromkeys((f.name.split(".")[0], f.parent) for f in files):
        mine = {f for f in files if f.name.split(".")[0] == name and f.parent == folder}
        beside = [f for s in EXAMPLES for e in (".jsonl", ".jsonl.gz") if (f := folder / f"{name}.{s}{e}").is_file()]
        found += [file for file in beside if mine - {file}][:1]
    return found


def put(name: str, rows: list[Row], solved: list[Row], shots: int, letters: bool) -> list[Row]:
    """Rows whose items are asked by letters where they can be, and with `shots` examples before them.

    Args:
        name: of the benchmark.
        rows: to be asked.
        solved: where examples come from; nothing: the rows themselves, of which the examples are not asked.
        shots: how many; texts and pairs, which ask nothing, get none.
        letters: whether choices are listed and answered by letter.

    Raises:
        EvalError: there are not so many examples.
    """
    if letters:
        rows, solved = ([r._replace(item=_lettered(r)) for r in given] for given in (rows, solved))
    if not shots or not any(_asks(r) for r in rows):
        return rows
    drawn = sorted((r for r in solved or rows if _asks(r)), key=lambda r: rank(SEED, name, r.item.id))
    by_subject: dict[str, list[Row]] = defaultdict(list)
    for row in drawn:
        by_subject[subject(row.line)].append(row)
    if not solved:  # so many of each subject are given up for examples
        by_subject = {which: found[:shots] for which, found in by_subject.items()}
        drawn = [row for found in by_subject.values() for row in found]
    if len(drawn) < shots:
        raise EvalError(
            f"evaluation.pack_shots wants {shots} examples, {name} has {len(drawn)}: lower it or add a file "
            f"{name}.dev.jsonl beside it"
        )
    told = set() if solved else {r.item.text for r in drawn}
    asked = [r for r in rows if r.item.text not in told]
    return [_after(r, drawn, by_subject, shots) for r in asked]


def subject(line: Line) -> str:
    """What a line says it is about; empty where it says nothing."""
    return str(line.get("subject") or line.get("task") or line.get("paradigm") or "")


def _after(row: Row, drawn: list[Row], by_subject: Mapping[str, list[Row]], shots: int) -> Row:
    """The row behind its examples, none of which is the question itself."""
    if not _asks(row):
        return row
    near = by_subject.get(subject(row.line), [])
    others = [r for r in (*near, *drawn) if r.item.text != row.item.text]
    examples = list(dict.fromkeys(r.item.text + r.item.choices[r.item.answer] for r in others))[:shots]
    return row._replace(item=row.item.model_copy(update={"before": "".join(f"{e}\n\n" for e in examples)}))


def _asks(row: Row) -> bool:
    """Whether there is a question, of which an example could be shown."""
    return row.kind != "bpb" and bool(row.item.text)


def _lettered(row: Row) -> Item:
    """The question with its choices listed, answered by a letter; what only goes on stays as it is."""
    item = row.item
    end = next((e for e in _ENDS if item.text.endswith(e)), "")
    if row.kind != "choice" or not end or len(item.choices) > len(LETTERS):
        return item
    named = list(zip(LETTERS, item.choices, strict=False))
    listed = "".join(f"\n{letter}. {choice.strip()}" for letter, choice in named)
    blank = "" if end == _ENDS[1] else " "
    text = item.text.removesuffix(end) + listed + end
    return item.model_copy(update={"text": text, "choices": tuple(blank + letter for letter, _ in named)})
