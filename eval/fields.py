"""The field names of well-known benchmarks, told to those that packs are read by."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .asking import Line

NAMES: dict[str, tuple[str, ...]] = {
    "question": ("question_stem", "query", "problem", "goal"),
    "choices": ("options", "endings", "candidates", "alternatives"),
    "answer": (
        *("answerkey", "answer_key", "answer_idx", "answer_index", "correct", "correct_answer", "gold", "label"),
        *("answers", "labels"),
    ),
    "solution": ("rationale",),
}
"""Names that a field has elsewhere, the first that is there counts; the datasets' own, in small letters."""
CONTEXTS = (
    *("context", "passage", "support", "story", "background", "paragraph", "article", "document", "premise", "body"),
    *("evidence", "situation", "narrative", "text"),
)
"""Fields that a question stands behind, in this order where there are several."""
_NUMBERED = re.compile(r"(choice|option|sol|ending|answer|distractor)_?([0-9a-h])")
_LETTER = re.compile(r"\(?([A-Za-z])(?:[).:]\s*(.*))?")


def told(line: Line, first: int = 0) -> dict[str, Any]:
    """The line under the names `question`, `context`, `choices`, `answer` (a place where there are choices).

    Args:
        line: as it stands in the file.
        first: the number of the first choice, where the answer is a number.

    Raises:
        TypeError: a question, a context or a choice is no text.
    """
    made, low = _named(line)
    if made.get("choices") is not None:
        made["answer"] = _place(made, low, first)
    elif isinstance(made.get("answer"), bool) and "question" in made:
        made |= {"choices": {"text": ["no", "yes"], "label": []}, "answer": int(made["answer"])}
    return made


def first_choice(lines: Iterable[Line]) -> int:
    """The number of the first choice in a file: 1 where no answer is 0 and one is the number of the choices.

    A file in which neither occurs counts from 0, as packs do.
    """
    counts = {0: False, 1: False}
    for line in lines:
        try:
            made, low = _named(line)
            number = _number(made, low) if made.get("choices") is not None else None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            continue  # a line that is not asked
        if number is not None:
            counts[0] |= number == 0
            counts[1] |= number == len(made["choices"]["text"])
    return int(counts[1] and not counts[0])


def _named(line: Line) -> tuple[dict[str, Any], dict[str, Any]]:
    """The line under our names, the answer as it is written; and its fields in small letters."""
    low = {str(key).lower(): value for key, value in line.items() if value not in (None, "", [])}
    inner = [low[key] for key in ("question", "mc1_targets") if isinstance(low.get(key), dict)]
    for fields in inner:  # ARC's and CommonsenseQA's own files hold the choices inside of the question
        low |= {"question": fields.get("stem", low.get("question")), **{k: fields[k] for k in fields if k != "stem"}}
    made = dict(line) | ({"question": low.get("question")} if inner else {})
    for name, others in NAMES.items():
        own = next((low[n] for n in (name, *others) if n in low), None)
        if own is not None and not (name == "answer" and _is_text(low)):
            made[name] = own
    if "hypothesis" in low and "question" not in low:
        made["question"] = f"{low['hypothesis']} True, False or neither?"
    _pick_choices(made, low)
    if made.get("question") is not None:
        made["question"] = _words(made["question"])
        parts = [_lines(low[n]).strip() for n in CONTEXTS if n in low and low[n] != made["question"]]
        made["context"] = "\n".join(dict.fromkeys(p for p in parts if p))
    return made, low


def _words(value: Any) -> str:
    """A text or a number. Raises TypeError for what is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(f"wanted text, got {type(value).__name__}")
    return str(value)


def _lines(value: Any) -> str:
    """As `_words`, or several in lines."""
    return "\n".join(map(_words, value)) if isinstance(value, list) else _words(value)


def _labelled(choices: Any) -> dict[str, list[str]]:
    """Choices as texts with their labels, where they have some, from all the forms that files have."""
    if isinstance(choices, dict) and "text" not in choices:
        choices = [{"label": label, "text": text} for label, text in choices.items()]
    if isinstance(choices, list) and choices and all(isinstance(c, dict) for c in choices):
        choices = {"text": [c["text"] for c in choices], "label": [c.get("label", "") for c in choices]}
    choices = choices if isinstance(choices, dict) else {"text": choices}
    if not isinstance(choices["text"], list):
        raise TypeError("choices are no list")
    return {"text": [_words(t) for t in choices["text"]], "label": [str(label) for label in choices.get("label", ())]}


def _is_text(low: Mapping[str, Any]) -> bool:
    """Whether a line only says the class of a text: that is no answer to anything."""
    asks = {"question", *NAMES["question"], "choices", *NAMES["choices"], "hypothesis", "answer"}
    return not asks & {*low} and not any(_NUMBERED.fullmatch(key) for key in low)


def _pick_choices(made: dict[str, Any], low: Mapping[str, Any]) -> None:
    """The choices with their labels, also where they stand in fields of their own, and what they follow."""
    if "canonical_solution" in made:
        return
    if made.get("choices") is None:
        _gather_choices(made, low)
    if made.get("choices") is not None:
        made["choices"] = _labelled(made["choices"])
        if made.get("question") is None:
            made["question"] = low.get("sentence") or low.get("ctx") or low.get("premise")


def _gather_choices(made: dict[str, Any], low: Mapping[str, Any]) -> None:
    numbered = {m[2]: low[key] for key in sorted(low) if (m := _NUMBERED.fullmatch(key))}
    letters = {key: low[key] for key in "abcdefgh" if isinstance(low.get(key), str)}
    if any(key.startswith("distractor") for key in low) and "correct_answer" in low:
        wrong = [low[key] for key in sorted(low) if key.startswith("distractor")]
        made |= {"choices": [low["correct_answer"], *wrong], "answer": 0}
    elif len(numbered) > 1 or len(letters) > 1:
        picked = numbered if len(numbered) > 1 else letters
        made["choices"] = {"text": [str(v) for v in picked.values()], "label": [label.upper() for label in picked]}


def _place(made: Mapping[str, Any], low: Mapping[str, Any], first: int) -> Any:
    """Which of the choices is right, by place, label or wording; what it says where that is none of them."""
    texts, labels = made["choices"]["text"], made["choices"]["label"]
    number = _number(made, low)
    if number is not None:
        return number - (1 if "answera" in low else first)  # siqa counts from 1 what it names by letters
    answer = _answer(made, low)
    if isinstance(answer, bool) or not isinstance(answer, (str, int, float)):
        return answer
    said = str(answer).strip()
    if isinstance(answer, str) and said in labels:
        return labels.index(said) if labels.count(said) == 1 else answer
    same = [i for i, text in enumerate(texts) if text.strip() == said]
    if len(same) == 1:
        return same[0]
    return _lettered(said, texts, labels, answer) if isinstance(answer, str) else -1


def _answer(made: Mapping[str, Any], low: Mapping[str, Any]) -> Any:
    return _one(made.get("answer"), len(made["choices"]["text"]) if made.get("answer") == low.get("labels") else 0)


def _number(made: Mapping[str, Any], low: Mapping[str, Any]) -> int | None:
    """The answer as the number of a choice; None where it is a label, a wording or no number."""
    texts, labels = made["choices"]["text"], made["choices"]["label"]
    answer = _answer(made, low)
    if isinstance(answer, bool) or not isinstance(answer, (str, int, float)):
        return None
    said = str(answer).strip()
    worded = sum(text.strip() == said for text in texts) == 1
    if isinstance(answer, str):
        return int(said) if said.isdecimal() and said not in labels and not worded else None
    number = int(answer) if answer == int(answer) else -1
    return None if worded and not 0 <= number < len(texts) else number


def _one(answer: Any, row: int) -> Any:
    """The one answer in a list: its only element, or the place of the only 1 in a `row` of so many labels."""
    if not isinstance(answer, list):
        return answer
    if len(answer) == row > 1 and sorted(map(str, answer)) == ["0"] * (row - 1) + ["1"]:
        return [str(a) for a in answer].index("1")
    return answer[0] if len(answer) == 1 else answer


def _lettered(said: str, texts: list[str], labels: list[str], answer: Any) -> Any:
    """The place of a letter, alone or before the wording of its choice (`B) a lake`)."""
    letter = _LETTER.fullmatch(said)
    if letter is None:
        return answer
    names = labels if letter[1].upper() in labels else [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    place = names.index(letter[1].upper())
    worded = letter[2] is None or not letter[2] or (place < len(texts) and texts[place].strip() == letter[2].strip())
    return place if worded else answer
