"""Arithmetic by rule speaks only where it is sure; a model is asked about the rest."""

import gzip
import json
from fractions import Fraction
from pathlib import Path

import pytest

from coevo.agents.arithmetic_check import check, solve
from coevo.agents.calculation import Unsolved
from coevo.agents.equations import equations

GSM8K = Path("../shared/data/bench/math/gsm8k.test.jsonl.gz")

VERDICTS = {
    "holds": [
        "48/2 = 24", "She pays 3 x $4 = $12 in all.", "7 votes * 3 = 21 votes", "1,200 + 34 = 1,234", "20% of 50 = 10",
        "<<48/2=24>>24", "2 + 3 = 5 = 10 / 2", "2^3 = 8", "3 \u00d7 4 = 12", "50 people \u2212 15 = 35 people", ".5 * 4 = 2",
        "so 1/4 of 40 = 10", "(2 + 3) * 4 = 20", "1/4 = 25%",
    ],
    "open": [
        "10 / 3 = 3.33", "10 / 3 = 3", "2 / 3 = 0.66", "5 + 3 = 8 * 2 = 16", "3/4 = 75", "2 hours * 60 = 2 hours",
        "6 / 3/4 = 8", "2 + 3 * 4 = 20", "5 - 8 = 3", "3 feet * 2 = 72 inches", "50 - 20% = 40", "50 + 10% = 55",
        "1.200 + 300 = 1.500", "12 / 2(3) = 2", "6/2(1+2) = 1", "10 - 3 + 2 = 5", "It is not 3 + 4 = 8.",
        "It is wrong to say 3 + 4 = 8", "If 2 + 2 = 5, pigs fly", "Is 3 * 5 = 16?", "3 * 5 = 16 is false",
    ],
    "wrong": [
        "48/2 = 25", "3 x $4 = $13", "<<48/2=25>>25", "1,200 + 34 = 1,244", "20% of 50 = 12", "10 / 3 = 3.35",
        "7 votes * 3 = 22 votes", "2 + 2 = 4 = 5 - 2", "12 + 30 = 41",
    ],
    "": [
        "3x + 2 = 8", "half of 20 + 3 = 13", "U + 26 = 30", "8 degrees = 2 - 8", "week 1 - week 2 = 96 - 70", "0900 - 0130 = 0730",
        "17 / 5 = 3 remainder 2", "the ratio 2:3 = 4:6", "4 pounds - 6 ounces = 58 ounces", "3 cities -48 + 21 = -27",
        "10 + 5 = 3 o'clock", "5 pairs + 2 = 12 shoes", "4 quarters + 3 dimes = 130", "4 people + 3 couples = 10 people",
        "3 half-hours + 1 = 2.5", "60 mph * 2 = 120 miles = 193 km", "log 100 + 1 = 3", "sin 30 + 0.5 = 1",
        "x = 5", "twice 4 + 1 = 9", "25 classmates + his 1 teacher + 1 himself = 27",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("text", "verdict"), [(t, v) for v, texts in VERDICTS.items() for t in texts])
def test_an_equation_is_judged_as_a_whole_or_left_alone(text: str, verdict: str) -> None:
    verdicts = {e.verdict for e in equations(text)}
    assert verdicts <= {verdict} if verdict in ("", "open") else verdicts == {verdict}


@pytest.mark.parametrize(
    "question",
    [
        "There are 5 dogs, 2 cats and 10 birds. How many legs are there in all?",
        "Ada has 5 apples and buys 3 more. How many pears does Ada have now?",
        "Ada has 5 apples. Ben finds 3 apples. How many apples does Ada have now?",
        "Ada has 5 apples. She gives half of them away. How many are left?",
        "What is 12 + 30 of the apples?",
        "What is 8 / 2(2 + 2)?",
        "Ada buys 3 pens at 2 euros each and pays with 10 dollars. How much change does Ada get?",
        "Ada buys 3 pens at 2 euros each and pays with 5 euros. How much change does Ada get?",
        "Ada has 3 pens. Ben has 10 fewer than Ada. How many pens do they have together?",
        "Ada has 6 pens. Ben has 10 fewer than Ada. How many pens do they have together?",
        "There are 3 boxes with 5 pens in each. Then 20 pens are taken out. How many pens are left?",
        "Ada has 5 apples. She picks 2 of them. How many apples does Ada have?",
        "Ada has 5 shirts. She uses 2. How many shirts does Ada have?",
        "Ben has 5 apples. He gave 2 to Ann. How many apples does she have?",
        "Ben has 5 apples. He gave 2 to Ann. She ate 1. How many are left?",
    ],
)
def test_a_question_that_is_not_read_as_a_whole_is_left_alone(question: str) -> None:
    with pytest.raises(Unsolved):
        solve(question)
    with pytest.raises(Unsolved):
        check(f"Question: {question}\nSolution: 5 + 2 + 10 = 17.\nAnswer: 17\n")


@pytest.mark.parametrize(
    ("question", "result"),
    [
        ("Calculate 5 + 91 =", 96),
        ("Joan had 9 apples. She ate 2 apples. How many apples does Joan have left?", 7),
        ("Ada has 5 eggs and buys 3 more. Then Ada loses 2 of them. How many eggs are left?", 6),
        ("What is 25% of 80?", 20),
    ],
)
def test_a_question_of_a_known_form_is_solved(question: str, result: int) -> None:
    assert solve(question) == (Fraction(result), None)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is 10 / 4?", "2 remainder 2"),
        ("What is 2/3?", "0.67"),
        ("What is 100/3?", "33.33"),
        ("What is 15% of 90?", "14"),
        ("Divide 17 by 5 with remainder.", "3 2/5"),
        ("What is 3 + 4?", "7k"),
        ("What is 3 + 4?", "7\u03c0"),
        ("What is 3 + 4?", "7 tens"),
    ],
)
def test_an_answer_in_another_form_is_left_alone(question: str, answer: str) -> None:
    with pytest.raises(Unsolved):
        check(f"Question: {question}\nSolution:\nAnswer: {answer}\n")


@pytest.mark.skipif(not GSM8K.is_file(), reason="the benchmark files are not on this machine")
def test_right_solutions_by_people_are_not_refused() -> None:
    with gzip.open(GSM8K, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][:600]
    refused = [
        r["id"] for r in rows if any(e.verdict == "wrong" for e in equations(r["solution"].rpartition("####")[0]))
    ]
    assert len(refused) <= 6


STORY = "Ada has 80 boxes of 3 pens and 4 friends. How many pens does each get?"
RELYING = {
    "80 * 3 = 250. 250 / 5 = 50.": "50",
    "80 * 3 = 250 pens.": "250",
    "80 * 3 = 250. 250 - 10 = 240. 240 / 4 = 65.": "65",
}
NOT_RELYING = {
    "the right result is used": ("8 * 3 = 240 pens. 80 * 3 = 24. 240 / 4 = 60.", "60"),
    "the answer is the right result": ("80 * 3 = 250 pens.", "240"),
    "the line leads nowhere": ("7 * 3 = 20. 240 / 4 = 60.", "60"),
    "the result stands in the question": ("1 + 1 = 3. 80 * 3 = 240.", "240"),
    "the fraction of a mixed number": ("12 x 1 and 1/4 = 15 cups.", "15"),
    "a share written as two divisions": ("500 / 2/5 = 200 seats.", "200"),
}


@pytest.mark.parametrize(("working", "answer"), RELYING.items())
def test_an_answer_that_rests_on_a_false_equation_is_refused(working: str, answer: str) -> None:
    fault, _ = check(f"Question: {STORY}\nSolution: {working}\nAnswer: {answer}\n")
    assert "does not hold" in fault
    with pytest.raises(Unsolved):  # a model has the last word
        check(f"Question: {STORY}\nSolution: {working}\nAnswer: {answer}\n", working=False)


@pytest.mark.parametrize("kind", NOT_RELYING)
def test_a_false_equation_that_the_answer_need_not_rest_on_is_left_alone(kind: str) -> None:
    working, answer = NOT_RELYING[kind]
    with pytest.raises(Unsolved):
        check(f"Question: {STORY}\nSolution: {working}\nAnswer: {answer}\n")


def test_a_false_equation_behind_a_question_that_is_understood_as_a_whole_is_refused() -> None:
    fault, _ = check("Question: What is 12 + 30?\nSolution: 12 + 30 = 41.\nAnswer: 42\n")
    assert fault == "'12 + 30 = 41' does not hold"
