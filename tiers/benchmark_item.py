"""A benchmark item in its parts, and the segments of them that a document could quote, whatever the layout."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What a segment is to its item."""

    QUESTION = 0
    CONTEXT = 1
    """A passage that the question is about: ordinary texts may hold a sentence of it."""
    ANSWER = 2
    CHOICE = 3


@dataclass(frozen=True)
class BenchmarkItem:
    """One question in its parts; those that it does not have are empty."""

    question: str
    context: str = ""
    answer: str = ""
    """The right choice, or what a solution says."""
    choices: tuple[str, ...] = ()
    """All choices; the right one may be among them."""

    @property
    def text(self) -> str:
        """All that is asked and the answer, in lines."""
        return "\n".join(part for part in (self.context, self.question, self.answer) if part)


_LABELS = (
    "questions?|q|answers?|a|problem|exercise|task|prompt|input|output|passage|context|choices|options|sentence|"
    "statement|solution|explanation|response|premise|hypothesis|subproblem|preamble|"
    "frage|antwort|aufgabe|lösung|pregunta|respuesta|problema|solución|réponse|reponse|problème|domanda|risposta|"
    "pergunta|resposta|vraag|antwoord|вопрос|ответ|задача|решение|питання|відповідь|pytanie|odpowiedź|soru|cevap|"
    "câu hỏi|trả lời|pertanyaan|jawaban|fråga|svar|spørgsmål|kysymys|vastaus|kérdés|válasz|otázka|odpověď|întrebare|"
    "răspuns|ερώτηση|απάντηση|سؤال|السؤال|جواب|الجواب|الإجابة|प्रश्न|उत्तर|প্রশ্ন|উত্তর|คำถาม|คำตอบ|שאלה|תשובה|"
    "問題|質問|解答|回答|答え|答|問|질문|문제|답변|정답|답|问题|题目|例题|试题|问|答案|解析|解|选项|材料|上下文|答题"
)
_LABEL = re.compile(rf"^[ \t>#*_(\[【]*(?:{_LABELS})[ \t]*\d*[ \t*_)\]】]*[:：][ \t*_]*", re.IGNORECASE | re.MULTILINE)
_MARKER = re.compile(r"^[ \t]*[(（]?[A-Ha-h][)）.．、:：](?=\s|\W|\w)[ \t]*", re.MULTILINE)  # noqa: RUF001
_IMPORTS = re.compile(
    r"^[ \t]*(?:(?:import|package|from[ \t]+\S+[ \t]+import)[ \t].*|#include[ \t]*[<\"].*|using[ \t]+[\w.: ]+;.*)$",
    re.MULTILINE,
)


def segments(item: BenchmarkItem) -> Iterator[tuple[Role, str]]:
    """What stands in a row in a quotation: parts without labels (`Question:`), choice letters and import lines."""
    for role, part in (
        (Role.QUESTION, item.question),
        (Role.CONTEXT, item.context),
        (Role.ANSWER, item.answer),
        *((Role.CHOICE, choice) for choice in item.choices if choice != item.answer),
    ):
        for n, piece in enumerate(_MARKER.split(part)):
            inner = role if n == 0 or role is Role.ANSWER else Role.CHOICE
            yield from ((inner, text) for text in _split(piece))


def _split(part: str) -> list[str]:
    for layout in (_IMPORTS, _LABEL):
        part = layout.sub("\x00", part)
    return [piece.strip() for piece in part.split("\x00") if piece.strip()]


def as_items(texts: Sequence[str | BenchmarkItem]) -> list[BenchmarkItem]:
    """Items, those that are plain texts as questions."""
    return [BenchmarkItem(text) if isinstance(text, str) else text for text in texts]
