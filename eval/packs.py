"""Task packs: benchmark files of JSON lines as benchmarks, each line's fields saying what kind of question it is."""

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..tiers.errors import EvalError
from ..tiers.record import Record
from .asking import Line, Row, example_files, put, subject
from .fields import first_choice, told
from .pack_files import files_of, read_file
from .score import Benchmark, Item

SUBJECTS = 20
"""From so many subjects on a file's errors are clustered by subject; fewer would be too few clusters."""
NAME = 80
"""Characters of a benchmark's name that are kept."""
_PLAIN = ("hellaswag", "openbookqa", "copa")
"""Questions that are texts to be continued, as lm-eval asks them too."""


class Pool(Record):
    """Benchmarks with all their items, before they are divided into splits, and what was left out of them."""

    benchmarks: tuple[Benchmark, ...] = ()
    notes: tuple[str, ...] = ()


def read_packs(paths: tuple[str, ...], *, shots: int = 0, letters: bool = False) -> Pool:
    """Read files, or all files in folders and below, one benchmark each; files of one `bench` are read together.

    Every line becomes an item or is counted with its reason in the notes. Lines of another kind than most of their
    benchmark are a benchmark of their own, `NAME_KIND`. A file that cannot be read is a note where others can.

    With `shots`, so many solved examples stand before each question. They are drawn with a fixed seed, of the same
    subject where there are enough, from the file of the same name that ends in dev, train, prompt or validation (which
    is then read for nothing else), or else from the questions themselves, which are then not asked.

    A line is, by its fields: multiple choice (`question` or `good` and `bad`, `choices`, `answer` a place), a free
    answer (`question` or `context`, `answer`, `solution` if there is one), code (`prompt`, `canonical_solution`, and
    `test` with `entry_point` or `test_list`), or a text (`text`). Other benchmarks' names for these are read too, and
    what a question stands behind (`passage`, `support`, `story` ...) is its context (`fields`).

    Args:
        paths: files of JSON lines, packed by gzip or not, and folders of them.
        shots: solved examples before each question.
        letters: whether multiple choice lists its choices by letters and is answered by one (MMLU's form).

    Raises:
        EvalError: no such file, no file that can be read, not one line that can be asked, or too few examples.
    """
    files = list(dict.fromkeys(f for path in paths for f in files_of(Path(path))))
    sources = example_files(files) if shots else []
    asked, solved = _Rows(), _Rows()
    for file in [f for f in files if f not in sources]:
        asked.read(file)
    for file in sources:
        solved.read(file)
    if asked.failures and not asked.kinds:
        raise EvalError(f"{asked.failures[0]}: restore it or leave it out")
    empty = sorted(set(asked.odd) - {name for name, _ in asked.kinds})
    if empty and not asked.kinds:
        raise EvalError(
            f"no line of pack {empty[0]} can be asked: wanted question, choices and answer (its place), question and "
            "answer, prompt and canonical_solution, or text"
        )
    benchmarks, notes = [], [f"{why}: left out" for why in (*asked.failures, *solved.failures)]
    for (name, kind), rows in sorted(asked.kinds.items()):
        own = name if kind == asked.main(name) else asked.unused(f"{name}_{kind}")
        left = put(own, rows, solved.kinds.get((name, kind), []), shots, letters) if letters or shots else rows
        if len(left) < len(rows):
            notes.append(f"{own}: {len(rows) - len(left)} of {len(rows)} questions are examples and not asked")
        benchmarks += [_benchmark(own, left)] if left else []
    notes += [f"{name}: {_counted(odd, asked.total[name])}" for name, odd in sorted(asked.odd.items())]
    notes += asked.notes
    return Pool(benchmarks=tuple(benchmarks), notes=(*notes, *_repeated(benchmarks)))


class _Rows:
    """Rows of files by benchmark and kind, and what could not be asked."""

    def __init__(self) -> None:
        self.kinds: dict[tuple[str, str], list[Row]] = {}
        self.odd: dict[str, Counter[str]] = defaultdict(Counter)
        """Lines that are not asked: by benchmark, how many for which reason."""
        self.total: Counter[str] = Counter()
        """Lines by benchmark."""
        self.failures: list[str] = []
        self.notes: list[str] = []
        self._ids: set[tuple[str, str]] = set()

    def read(self, file: Path) -> None:
        """Add the rows of a file; one that cannot be read is a failure and no more."""
        reading = read_file(file)
        if reading.failure:
            self.failures.append(f"{file} is no file of JSON lines ({reading.failure})")
            return
        if reading.odd:
            name = file.name.split(".")[0]
            self.odd[name].update(reading.odd)
            self.total[name] += reading.odd.total()
        first = first_choice(line for _, line in reading.rows)
        if first:
            self.notes.append(f"{file.name}: answers are numbers from 1 to the number of the choices, and read so")
        for number, line in reading.rows:
            name = _name(line, file)
            self.total[name] += 1
            made = _item(line, f"{file.name}/{number}", first)
            if isinstance(made, str):
                self.odd[name][made] += 1
                continue
            item, kind = made
            if (name, item.id) in self._ids:  # scores are kept by it
                item = item.model_copy(update={"id": f"{item.id} {file.name}/{number}"})
            self._ids.add((name, item.id))
            self.kinds.setdefault((name, kind), []).append(Row(line, item, kind))

    def unused(self, name: str) -> str:
        """The name, longer by as much as it takes to be no other benchmark's."""
        taken = {own for own, _ in self.kinds}
        while name in taken:
            name += "_"
        return name

    def main(self, name: str) -> str:
        """The kind of most of a benchmark's rows, which keeps its name."""
        return max((len(rows), kind) for (own, kind), rows in self.kinds.items() if own == name)[1]


def _counted(odd: Counter[str], total: int) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in odd.most_common())
    return f"{odd.total()} of {total} lines left out ({reasons})"


def _repeated(benchmarks: Sequence[Benchmark]) -> list[str]:
    again = {b.name: len(b.items) - len({(i.text, i.choices) for i in b.items}) for b in benchmarks}
    return [f"{name}: {count} repeated questions are asked once" for name, count in again.items() if count]


def _name(line: Line, file: Path) -> str:
    """The benchmark of a line; files are named by it."""
    name = re.sub(r"[^\w.+ -]", "_", str(line.get("bench") or file.name.split(".")[0]))[:NAME]
    return name if name.strip(". ") else "_"


def _item(line: Line, place: str, first: int) -> tuple[Item, str] | str:
    """The line as an item, and the kind of benchmark that it is of; or why it cannot be asked."""
    try:
        return _made(told(line, first), line, place)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return "with fields of another form"


def _made(fields: Line, line: Line, place: str) -> tuple[Item, str] | str:
    for needed, make in _FORMS:
        if all(fields.get(field) not in (None, "") for field in needed):
            made = make(fields)
            if made is None:
                return "without one right answer"
            kind, own = made
            name = str(line.get("id") or place)
            return Item(id=name, cluster=_passage(fields) or name, **own), kind
    return "without a question, a pair, a program or a text"


Made = tuple[str, dict[str, Any]] | None


def _pair(line: Line) -> Made:
    return "choice", {"choices": (str(line["good"]), str(line["bad"])), "answer": 0}


def _choice(line: Line) -> Made:
    texts, answer = line["choices"]["text"], line.get("answer")
    if isinstance(answer, bool) or not isinstance(answer, int) or not 0 <= answer < len(texts) or len(texts) < 2:
        return None
    if not all(t.strip() for t in texts) or sum(t.strip() == texts[answer].strip() for t in texts) > 1:
        return None
    return "choice", {
        "text": _question(line),
        "choices": tuple(_after(line, c) for c in texts),
        "answer": answer,
    }


def _free(line: Line) -> Made:
    answer = line["answer"]
    answer = answer.get("text", answer.get("value")) if isinstance(answer, dict) else answer
    if isinstance(answer, list):
        different = list(dict.fromkeys(answer))
        if len(different) != 1:
            return None
        answer = different[0]
    if not isinstance(answer, (str, int, float)) or isinstance(answer, bool) or answer == "":
        return None
    if isinstance(answer, float) and not math.isfinite(answer):
        return None
    target = str(int(answer)) if isinstance(answer, float) and answer.is_integer() else str(answer)
    return "gold", {
        "text": _question(line),
        "choices": (_after(line, str(line.get("solution") or target)),),
        "target": target,
    }


def _cloze(line: Line) -> Made:
    text, answer = str(line["context"]), str(line["answer"])
    blank = "" if answer[:1].isspace() or text[-1:] in "=(" or line.get("domain") == "zh" else " "
    return "gold", {"text": text, "choices": (blank + answer,), "target": answer.strip()}


def _code(line: Line) -> Made:
    prompt, solution = str(line["prompt"]), str(line["canonical_solution"])
    if "test_list" in line:
        tests = [str(t) for t in line["test_list"]]
        setup = str(line.get("test_setup_code") or "")
        text = f'"""\n{prompt}\n{tests[0] if tests else ""}\n"""\n'
        return "program", {"text": text, "choices": (solution,), "target": "\n".join([setup, *tests])}
    runs = line.get("language") in (None, "python") and line.get("test") and line.get("entry_point")
    target = f"{line['test']}\ncheck({line['entry_point']})" if runs else ""
    return "function" if runs else "gold", {"text": prompt, "choices": (solution,), "target": target}


def _text(line: Line) -> Made:
    return "bpb", {"text": str(line["text"])}


_FORMS: tuple[tuple[tuple[str, ...], Callable[[Line], Made]], ...] = (
    (("good", "bad"), _pair),
    (("question", "choices"), _choice),
    (("prompt", "canonical_solution"), _code),
    (("question", "answer"), _free),
    (("context", "answer"), _cloze),
    (("text",), _text),
)


def _question(line: Line) -> str:
    question, context = str(line["question"]).rstrip(), str(line.get("context") or "").strip()
    before = f"{context}\n" if context else ""
    if line.get("bench") in _PLAIN or question.endswith(("Answer:", "A:")):
        return before + question
    return before + (f"问题：{question}\n答案：" if line.get("domain") == "zh" else f"Question: {question}\nAnswer:")


def _after(line: Line, answer: str) -> str:
    return answer if line.get("domain") == "zh" else " " + answer


def _passage(line: Line) -> str:
    """A name for the passage that several questions share."""
    context = str(line.get("context") or "") if line.get("question") else ""
    return f"passage {hashlib.blake2b(context.encode(), digest_size=6).hexdigest()}" if context else ""


def _benchmark(name: str, rows: list[Row]) -> Benchmark:
    kind = rows[0].kind
    items = _clustered([(line, item) for line, item, _ in rows])
    stated = [str(line.get("domain") or "") for line, _, _ in rows]
    domain = Counter(stated).most_common(1)[0][0] or "en"
    free = {
        "function": ("function", ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint")),
        "program": ("program", ('\n"""', "\nassert", "\n#")),
        "gold": _checked(items, domain),
    }.get(kind, ("", ()))
    return Benchmark.model_validate(
        {
            "name": name,
            "kind": "gold" if kind in ("function", "program") else kind,
            "domain": domain,
            "metric": "margin" if kind == "choice" else "bits_per_byte",
            "items": items,
            "check": free[0],
            "stop": free[1],
        }
    )


def _checked(items: tuple[Item, ...], domain: str) -> tuple[str, tuple[str, ...]]:
    """How answers of this kind are judged, and what ends them."""
    targets = [item.target for item in items]
    if not all(targets):
        return "", ()
    if all(t.replace(",", "").replace(".", "", 1).lstrip("-").isdigit() for t in targets):
        return "number", ("\nQuestion:", "\n问题", "\n\n")
    return ("math", ("\nQuestion:", "\n\n")) if domain == "math" else ("text", ("\n",))


def _clustered(rows: list[tuple[Line, Item]]) -> tuple[Item, ...]:
    """Clusters are subjects where a file has many, or else passages, or else single items."""
    subjects = [subject(line) for line, _ in rows]
    if len(set(subjects)) < SUBJECTS or not all(subjects):
        return tuple(item for _, item in rows)
    return tuple(item.model_copy(update={"cluster": s}) for s, (_, item) in zip(subjects, rows, strict=True))
