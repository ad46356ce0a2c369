"""Answers are compared as mathematics, whatever they are dressed in, and hostile ones in time."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.agents.equivalence import bare, number, prose, same_answer
from coevo.agents.numerals import integer, numerals, value

DIGITS = "零一二三四五六七八九"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("35", "35.0"),
        ("35", "x = 35."),
        ("35", r"\boxed{35}"),
        ("35", "$35$"),
        ("35", "答案：三十五"),
        ("35个", "35"),
        ("1,000", "1000"),
        ("百分之五", "0.05"),
        (r"\frac{1}{2}", "0.5"),
        (r"$\frac12$", "1/2"),
        ("x^2 + 2x + 1", "(x+1)^2"),
        (r"\sqrt{8}", r"2\sqrt{2}"),
        (r"\{1, 2\}", r"\{2, 1\}"),
        ("x = 1 or x = 2", "x=2 or x=1"),
        ("x = 1 或 x = 2", "2 或 1"),
        ("The answer is Paris", "paris."),
    ],
)
def test_the_same_result_in_another_dress(one: str, other: str) -> None:
    assert same_answer(one, other) and same_answer(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("35", "36"),
        ("35", "-35"),
        ("(1, 2)", "(2, 1)"),
        (r"\frac{\pi}{4}", "0.785"),
        ("x = 1 or x = 2", "x = 1"),
        ("x^2", "x^3"),
        ("35", "none"),
        ("", ""),
        ("Paris", "London"),
        ("三十五", "三十六"),
    ],
)
def test_another_result(one: str, other: str) -> None:
    assert not same_answer(one, other) and not same_answer(other, one)


@pytest.mark.parametrize(
    "hostile",
    [
        "9^{9^{9^{9^9}}}",
        r"\frac{" * 60 + "1" + "}{2}" * 60,
        r"\int_{0}^{1}" * 20,
        "$" * 200,
        '__import__("os").system("true")',
        r"\input{/etc/passwd}",
        "(" * 290,
        "x" * 100_000,
        "\ud800\x00",
    ],
)
def test_hostile_answers_are_no_answers_and_cost_little(hostile: str) -> None:
    began = time.monotonic()
    assert not same_answer(r"\sqrt{7}", hostile) and not same_answer(hostile, r"\sqrt{7}")
    assert same_answer(r"\sqrt{12}", r"2\sqrt{3}")  # whoever compares is still there
    assert time.monotonic() - began < 60


@given(st.text(max_size=40))
def test_any_text_is_bared_and_read(text: str) -> None:
    assert bare(bare(text)) == bare(text) or len(text) > 4
    number(bare(text))
    prose(text)
    value(text)
    numerals(text)


@given(st.integers(0, 10**12))
def test_numbers_are_read_back_from_chinese(n: int) -> None:
    assert integer(chinese(n)) == n and value(chinese(n)) == Fraction(n)
    assert integer("".join(DIGITS[int(d)] for d in str(n))) == n


def chinese(n: int) -> str:
    """How `n` is written in full."""
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if n >= unit:
            rest = n % unit
            gap = "零" if 0 < rest < unit // 10 else ""
            return chinese(n // unit) + name + gap + (chinese(rest) if rest else "")
    said, zero = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = n // unit % 10
        if digit:
            said, zero = said + ("零" if zero and said else "") + DIGITS[digit] + name, False
        else:
            zero = True
    return said or "零"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("第三章共二百零五页", ["3", "205"]),
        ("一般来说，万一下雨就不去了，一一说明", []),
        ("二〇二五年，百分之十二，三分之一", ["2025", "3/25", "1/3"]),
        ("负三十度到三点五米", ["-30", "7/2"]),
    ],
)
def test_numerals_that_count_are_found(text: str, found: list[str]) -> None:
    assert sorted(numerals(text)) == sorted(found)
