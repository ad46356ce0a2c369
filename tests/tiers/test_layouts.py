"""A benchmark item is found in any layout; what is too short to be told from ordinary text is left alone."""

import html
import json
import re
from collections.abc import Callable

import pyarrow as pa
import pytest

from coevo.tiers.benchmark_item import BenchmarkItem, Role, segments
from coevo.tiers.decontaminate import decontaminate
from coevo.tiers.folded_words import folded_words
from coevo.tiers.numerals import composed

LONG = BenchmarkItem(
    "Natalia sold clips to 48 of her well-known friends in April, and half as many in May. How many in all?",
    answer="72",
)
PASSAGE = BenchmarkItem(
    "Which one can be inferred?",
    context="Riley saw the grey geese and regarded Jesse with hurtful eyes after the concert.",
    answer="Riley is sad about it.",
    choices=("Riley is sad about it.", "Geese are birds of passage."),
)
SHORT = BenchmarkItem("Who painted the ceiling chapel?", answer="Michelangelo", choices=("Michelangelo", "Raphael"))
CHINESE = BenchmarkItem("下列鸭品种中，产蛋量最高的品种是", answer="绍鸭", choices=("高邮鸭", "北京鸭", "绍鸭"))
CODE = BenchmarkItem(
    "import java.util.*;\n\nclass Clips {\n    /**\n     * Return the sorted list of odd clips of April.\n     */\n",
    answer="        return clips.stream().filter(c -> c % 2 == 1).sorted().toList();",
)
ITEMS = {"long": LONG, "passage": PASSAGE, "short": SHORT, "Chinese": CHINESE, "code": CODE}
HOST = "The harbour was quiet that evening, and nobody spoke of the ships. {}\n\nLater the wind came up from the south."
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
LOOK = str.maketrans("aceopxyAEOPCTXBHKM", "асеорхуАЕОРСТХВНКМ")  # noqa: RUF001


def bare(item: BenchmarkItem) -> str:
    return "\n".join(part for part in (item.context, item.question, item.answer) if part)


LAYOUTS: dict[str, Callable[[BenchmarkItem], str]] = {
    "bare": bare,
    "Q:/A:": lambda i: f"{i.context}\nQ: {i.question}\nA: {i.answer}",
    "labels": lambda i: f"{i.context}\nQuestion: {i.question}\nAnswer: {i.answer}",
    "Chinese labels": lambda i: f"{i.context}\n问题：{i.question}\n答案：{i.answer}",
    "Markdown": lambda i: f"{i.context}\n\n### **{i.question}**\n\n> *{i.answer}*",
    "entities": lambda i: html.escape(bare(i)).replace("a", "&#97;"),
    "upper case": lambda i: bare(i).upper(),
    "line breaks": lambda i: re.sub(r"([a-z]{4})([a-z]{3})", "\\1-\n   \\2", bare(i)).replace(" ", "\n"),
    "zero-width": lambda i: re.sub(r"(\w\w)", "\\1\u200b\u00ad", bare(i)),
    "full-width": lambda i: bare(i).translate(WIDE),
    "look-alikes": lambda i: bare(i).translate(LOOK),
    "accents": lambda i: bare(i).replace("a", "a\u0301"),
    "choices listed": lambda i: "\n".join([i.context, i.question, *(f"(A) {c}" for c in i.choices), i.answer]),
    "two columns": lambda i: f"{i.context}\n{i.question}\n" + "    ".join(f"B. {c}" for c in (*i.choices, i.answer)),
    "table": lambda i: f"| 7 | {i.context} | {i.question} | {i.answer} |",
    "numbered": lambda i: f"{i.context}\n12) {i.question}\n   a. {i.answer}",
    "JSON": lambda i: json.dumps({"context": i.context, "question": i.question, "answer": i.answer}),
    "apart": lambda i: f"{i.context}\n{i.question}\nThink about it before you read on.\nIt is {i.answer}.",
}


def kept(text: str, *items: BenchmarkItem) -> bool:
    docs = pa.table({"id": ["d"], "text": pa.array([text], pa.large_string())})
    return bool(decontaminate(docs, items)["kept"][0].as_py())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ITEMS)
def test_an_item_is_found_in_any_layout(name: str, layout: str) -> None:
    assert not kept(HOST.format(LAYOUTS[layout](ITEMS[name])), *ITEMS.values())


@pytest.mark.parametrize(
    "text",
    [
        HOST,
        "She asked who painted the ceiling chapel in white, and nobody knew.",
        "Which one can be inferred? That is what the reader asks; the text does not say.",
        "import java.util.*;\n\nclass Ships {\n    /**\n     * Return the list of ships.\n     */\n}",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    ],
)
def test_parts_of_items_in_ordinary_text_are_left_alone(text: str) -> None:
    counting = BenchmarkItem("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15")
    assert kept(text, *ITEMS.values(), counting, BenchmarkItem("12 + 30 =", answer="42"))


def test_labels_choice_letters_and_imports_are_no_words_of_an_item() -> None:
    item = BenchmarkItem("Question: How far is it?\nA. near\nB. far\nAnswer:", answer="Antwort: far")
    assert list(segments(item)) == [
        (Role.QUESTION, "How far is it?"),
        (Role.CHOICE, "near"),
        (Role.CHOICE, "far"),
        (Role.ANSWER, "far"),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("forty-eight friends", "48 friends"),
        ("twenty three", "23"),
        ("one hundred and five thousand", "105,000"),
        ("three hundred thousand two hundred", "300200"),
        ("一百二十棵树", "120棵树"),
        ("五千三百", "5300"),
        ("Straße naïve ﬁne", "STRASSE naive fine"),
        ("caf\\u00e9", "café"),
        ("x² and H₂O", "x^2 and H_2 O"),
        ("a 𠀀b", "A 𠀀 B"),
    ],
)
def test_what_reads_alike_folds_alike(one: str, other: str) -> None:
    words = folded_words(pa.array([one, other]))
    first, second = (words.hashes[words.offsets[n] : words.offsets[n + 1]].tolist() for n in (0, 1))
    assert first == second


def test_numbers_in_a_row_stay_apart() -> None:
    assert composed(["two", "three", "twenty", "one", "hundred", "and"]) == [(2, 1), (3, 1), (2100, 3), (-1, 1)]
