"""The field names of well-known benchmarks, told to those that packs are read by."""

import re
from collections.abc import Mapping
from typing import Any

from .asking import Line

NAMES: dict[str, tuple[str, ...]] = {
    "question": ("question_stem", "query", "problem", "goal"),
    "choices": ("options", "endings", "candidates", "alternatives"),
    "answer": ("answerkey", "answer_key", "answer_idx", "answer_index", "correct", "correct_answer", "gold", "label"),
    "solution": ("rationale",),
}
"""Names that a field has elsewhere, the first that is there counts; the datasets' own, in small letters."""
CONTEXTS = (
    *("context", "passage", "support", "story", "background", "paragraph", "article", "document", "premise", "body"),
    *("evidence", "situation", "narrative", "text"),
)
"""Fields that a question stands behind, in this order where there are several."""
_NUMBERED = re.compile(r"(choice|option|sol|ending|answer|distractor)_?([0-9a-h])")
_LETTER = re.compile(r"\(?([A-Za-z])[).:]?")


def told(line: Line) -> dict[str, Any]:
    """The line under the names `question`, `context`, `choices`, `answer` (a place where there are choices)."""
    low = {str(key).lower(): value for key, value in line.items() if value not in (None, "", [])}
    made = dict(line)
    for name, others in NAMES.items():
        own = next((low[n] for n in (name, *others) if n in low), None)
        if own is not None and not (name == "answer" and _is_text(low)):
            made[name] = own
    if "hypothesis" in low and "question" not in low:
        made["question"] = f"{low['hypothesis']} True, False or neither?"
    _pick_choices(made, low)
    if "question" in made:
        parts = [str(low[name]).strip() for name in CONTEXTS if name in low and low[name] != made["question"]]
        made["context"] = "\n".join(dict.fromkeys(p for p in parts if p))
    if made.get("choices") is not None:
        made["answer"] = _place(made, low)
    elif isinstance(made.get("answer"), bool) and "question" in made:
        made |= {"choices": ["no", "yes"], "answer": int(made["answer"])}
    return made


def _is_text(low: Mapping[str, Any]) -> bool:
    """Whether a line only says the class of a text: that is no answer to anything."""
    asks = {"question", *NAMES["question"], "choices", *NAMES["choices"], "hypothesis", "answer"}
    return not asks & {*low} and not any(_NUMBERED.fullmatch(key) for key in low)


def _pick_choices(made: dict[str, Any], low: Mapping[str, Any]) -> None:
    """Choices that stand in fields of their own, under their labels."""
    if made.get("choices") is not None or "canonical_solution" in made:
        return
    numbered = {m[2]: low[key] for key in sorted(low) if (m := _NUMBERED.fullmatch(key))}
    letters = {key: low[key] for key in "abcdefgh" if isinstance(low.get(key), str)}
    if any(key.startswith("distractor") for key in low) and "correct_answer" in low:
        wrong = [low[key] for key in sorted(low) if key.startswith("distractor")]
        made |= {"choices": [low["correct_answer"], *wrong], "answer": 0}
    elif len(numbered) > 1 or len(letters) > 1:
        picked = numbered if len(numbered) > 1 else letters
        made["choices"] = {"text": [str(v) for v in picked.values()], "label": [label.upper() for label in picked]}
        made.setdefault("question", low.get("sentence") or low.get("ctx") or low.get("premise"))


def _place(made: Mapping[str, Any], low: Mapping[str, Any]) -> Any:
    """Which of the choices is right, by place, label or wording; what it says where that is none of them."""
    choices, answer = made["choices"], made.get("answer")
    labels = [str(label) for label in choices["label"]] if isinstance(choices, dict) else []
    texts = choices["text"] if isinstance(choices, dict) else choices
    if isinstance(answer, bool) or not isinstance(answer, str):
        return answer
    said = answer.strip()
    if said in labels:
        return labels.index(said)
    same = [i for i, text in enumerate(texts) if str(text).strip() == said]
    if len(same) == 1:
        return same[0]
    if said.isdigit():  # siqa counts from 1 what it names by letters
        return int(said) - (1 if "answera" in low else 0)
    letter = _LETTER.fullmatch(said)
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(letter[1].upper()) if letter else answer
