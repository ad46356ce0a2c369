"""Lines of packs, and items of suites, in the parts that a document could quote."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..tiers.benchmark_item import BenchmarkItem
from ..tiers.errors import EvalError
from .asking import Line
from .fields import first_choice, told
from .pack_files import files_of, read_file
from .score import Item, Suite

SENTENCE = 40
"""Characters from which a field of an unknown form says something that a document could quote."""
_NO_TEXT = frozenset({"id", "bench", "split", "domain", "task_id", "entry_point", "language", "subject"})


def pack_items(paths: tuple[str, ...]) -> list[BenchmarkItem]:
    """What no document may quote, each once: every question; of a line of unknown form all long texts.

    Args:
        paths: as of `packs.read_packs`.

    Raises:
        EvalError: no such file, or no readable JSON lines: what cannot be read cannot be kept out.
    """
    items: dict[BenchmarkItem, None] = {}
    for file in dict.fromkeys(f for path in paths for f in files_of(Path(path))):
        reading = read_file(file)
        if reading.failure:
            raise EvalError(f"{file} is no file of JSON lines ({reading.failure}): restore it or leave it out")
        first = first_choice(line for _, line in reading.rows)
        for _, line in reading.rows:
            items |= dict.fromkeys(line_items(line, first))
    return list(items)


def suite_items(suite: Suite) -> list[BenchmarkItem]:
    """What training data must not quote, in the order of the suite's items."""
    return [item_parts(item) for benchmark in suite.benchmarks for item in benchmark.items]


def item_parts(item: Item) -> BenchmarkItem:
    """An item of a suite; its text may hold a passage before the question, which labels tell apart."""
    answer = item.choices[item.answer] if item.choices else ""
    return BenchmarkItem(item.text or answer, answer=answer if item.text else "", choices=item.choices)


def line_items(line: Line, first: int = 0) -> list[BenchmarkItem]:
    """A line of a pack as an item, or as one for each of its long texts; `first` as in `fields.told`."""
    try:
        fields = told(line, first)
        item = _parts(fields)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        item = None
    if item is not None:
        return [item]
    return [BenchmarkItem(text) for text in _long_texts({k: v for k, v in line.items() if k not in _NO_TEXT})]


def _parts(fields: Line) -> BenchmarkItem | None:
    if fields.get("good") and fields.get("bad"):
        return BenchmarkItem(str(fields["good"]), choices=(str(fields["bad"]),))
    if fields.get("context_options"):  # Winograd's form: sentences that differ in one word
        sentences = tuple(f"{c}{fields.get('continuation') or ''}" for c in fields["context_options"])
        return BenchmarkItem(sentences[0], choices=sentences[1:])
    if fields.get("prompt"):
        tests = "\n".join(map(str, fields.get("test_list") or ()))
        answer = "\n".join(filter(None, (str(fields.get("canonical_solution") or ""), tests)))
        return BenchmarkItem(str(fields["prompt"]), answer=answer)
    choices = tuple(fields["choices"]["text"]) if fields.get("choices") else ()
    answer = _answer(fields, choices)
    question, context = str(fields.get("question") or ""), str(fields.get("context") or "")
    if not question and not context:
        return BenchmarkItem(str(fields["text"])) if fields.get("text") else None
    return BenchmarkItem(question or context, context if question else "", answer, choices)


def _answer(fields: Line, choices: tuple[str, ...]) -> str:
    """The right choices, or the answer and its solution, in lines."""
    answer = fields.get("answer")
    answers = answer if isinstance(answer, list) else [] if answer is None else [answer]
    if choices:
        return "\n".join(choices[a] for a in answers if isinstance(a, int) and 0 <= a < len(choices))
    stated = [str(int(a)) if isinstance(a, float) and a.is_integer() else str(a) for a in answers]
    return "\n".join(filter(None, (*dict.fromkeys(stated), str(fields.get("solution") or ""))))


def _long_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) >= SENTENCE:
            yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _long_texts(inner)
