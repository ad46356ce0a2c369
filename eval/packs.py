"""Task packs: benchmark files of JSON lines as benchmarks, each line's fields saying what kind of question it is."""

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..tiers.errors import EvalError
from ..tiers.plain import from_json
from ..tiers.record import Record
from .asking import Line, Row, example_files, put, subject
from .score import Benchmark, Item
from .suites import item_text

SUBJECTS = 20
"""From so many subjects on a file's errors are clustered by subject; fewer would be too few clusters."""
SENTENCE = 40
"""Characters from which a field says something that a document could quote."""
_SUFFIXES = (".jsonl", ".jsonl.gz")
_PLAIN = ("hellaswag", "openbookqa", "copa")
"""Questions that are texts to be continued, as lm-eval asks them too."""


class Pool(Record):
    """Benchmarks with all their items, before they are divided into splits, and what was left out of them."""

    benchmarks: tuple[Benchmark, ...] = ()
    notes: tuple[str, ...] = ()


def read_packs(paths: tuple[str, ...], *, shots: int = 0, letters: bool = False) -> Pool:
    """Read files, or all files in folders, one benchmark each; files of one `bench` are read together.

    With `shots`, so many solved examples stand before each question. They are drawn with a fixed seed, of the same
    subject where there are enough, from the file of the same name that ends in dev, train, prompt or validation (which
    is then read for nothing else), or else from the questions themselves, which are then not asked.

    A line is, by its fields: multiple choice (`question` or `good` and `bad`, `choices`, `answer` a place), a free
    answer (`question` or `context`, `answer`, `solution` if there is one), code (`prompt`, `canonical_solution`, and
    `test` with `entry_point` or `test_list`), or a text (`text`). Lines that are none of these are counted in the
    notes.

    Args:
        paths: files of JSON lines, packed by gzip or not, and folders of them.
        shots: solved examples before each question.
        letters: whether multiple choice lists its choices by letters and is answered by one (MMLU's form).

    Raises:
        EvalError: no such file, no readable JSON lines, not one line that can be asked, or too few examples.
    """
    files = list(dict.fromkeys(f for path in paths for f in _files(Path(path))))
    sources = example_files(files) if shots else {}
    found: dict[str, list[Row]] = {}
    solved: dict[str, list[Row]] = {}
    odd: Counter[str] = Counter()
    for file in files if not shots else [f for f in files if f not in sources]:
        _read(file, found, odd)
    for file in sources:
        _read(file, solved, Counter())
    for name, rows in found.items() if letters or shots else ():
        found[name] = put(name, rows, solved.get(name, []), shots, letters)
    benchmarks = tuple(_benchmark(name, rows) for name, rows in sorted(found.items()))
    empty = sorted(set(odd) - set(found))
    if empty:
        raise EvalError(
            f"no line of pack {empty[0]} can be asked: wanted question, choices and answer (its place), question and "
            "answer, prompt and canonical_solution, or text"
        )
    notes = tuple(f"{name}: {count} lines without one right answer left out" for name, count in sorted(odd.items()))
    return Pool(benchmarks=benchmarks, notes=notes)


def pack_texts(paths: tuple[str, ...]) -> list[str]:
    """What no document may hold: each question with its true answer; of a line that cannot be asked all it says.

    Args:
        paths: as of `read_packs`.

    Raises:
        EvalError: no such file, or no readable JSON lines.
    """
    found: dict[str, None] = {}
    for file in dict.fromkeys(f for path in paths for f in _files(Path(path))):
        for line in _lines(file):
            made = _item(line, "")
            said = [v for v in line.values() if isinstance(v, str) and len(v) >= SENTENCE]
            found |= dict.fromkeys([item_text(made[0])] if made else said)
    return list(found)


def _read(file: Path, found: dict[str, list[Row]], odd: Counter[str]) -> None:
    """Add a file's rows to its benchmark's, and count the lines without one right answer."""
    for number, line in enumerate(_lines(file)):
        name = _name(line, file)
        made = _item(line, f"{file.name}/{number}")
        if made is None:
            odd[name] += 1
        else:
            found.setdefault(name, []).append(Row(line, *made))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if f.name.endswith(_SUFFIXES))
        if not files:
            raise EvalError(f"packs: no .jsonl or .jsonl.gz file in {path}")
        return files
    if not path.is_file():
        raise EvalError(f"packs: wanted a file of JSON lines or a folder of them, found nothing at {path}")
    return [path]


def _lines(file: Path) -> Iterator[Line]:
    data = file.read_bytes()
    try:
        text = (gzip.decompress(data) if file.name.endswith(".gz") else data).decode("utf-8")
        rows = [from_json(line) for line in text.split("\n") if line.strip()]
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise EvalError(f"{file} is no file of JSON lines ({error}): restore it or leave it out") from error
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise EvalError(f"{file} holds no JSON objects, one a line: restore it or leave it out")
    yield from rows


def _name(line: Line, file: Path) -> str:
    return str(line.get("bench") or file.name.split(".")[0]).replace("/", "_")


def _item(line: Line, place: str) -> tuple[Item, str] | None:
    """The line as an item, and the kind of benchmark that it is of; None where there is not one right answer."""
    for wanted, make in _FORMS:
        if all(line.get(field) not in (None, "") for field in wanted):
            made = make(line)
            if made is None:
                return None
            kind, fields = made
            return Item(
                id=str(line.get("id") or place), cluster=_passage(line) or str(line.get("id") or place), **fields
            ), kind
    return None


Made = tuple[str, dict[str, Any]] | None


def _pair(line: Line) -> Made:
    return "choice", {"choices": (str(line["good"]), str(line["bad"])), "answer": 0}


def _choice(line: Line) -> Made:
    choices, answer = line["choices"], line.get("answer")
    if isinstance(choices, dict):  # the form of the Hub: texts and letters
        answer = choices["label"].index(line["answerKey"]) if line.get("answerKey") in choices["label"] else None
        choices = choices["text"]
    if not isinstance(answer, int) or not 0 <= answer < len(choices) or len(choices) < 2:
        return None
    return "choice", {
        "text": _question(line),
        "choices": tuple(_after(line, str(c)) for c in choices),
        "answer": answer,
    }


def _free(line: Line) -> Made:
    answer = line["answer"]
    if isinstance(answer, list):
        if len(answer) != 1:
            return None
        answer = answer[0]
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
    kinds = Counter(kind for _, _, kind in rows)
    kind = kinds.most_common(1)[0][0]
    items = _clustered([(line, item) for line, item, own in rows if own == kind])
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
