"""Answers are compared as mathematics, as a whole, whatever they are dressed in, and hostile ones in time."""

import time
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coevo.tiers.answers import bare, same_answer
from coevo.tiers.answers.numerals import integer, numerals, value

DIGITS = "零一二三四五六七八九"

EQUAL = {
    "powers": ["4|2²", "10²|100", "10²|10^{2}", "x²+1|x^2+1", "10⁻³|0.001", "3 × 10^{5}|300000", "1.5e3|1500"],
    "signs": ["-$5|-5", "−5|-5", "- 5|-5", "$-5$|-5", "–5|-5", ".5|0.5", "-.5|-1/2", "+5|5", "20-18|2", "５|5"],
    "thousands": [
        "1,234|1234", "1 234|1234", r"1{,}234|1234", r"1\,234|1234", "1.234,5|1234.5", "12,345,678.9|12345678.9",
    ],
    "mixed numbers": [
        "1 1/2|3/2", "1½|1.5", r"2\frac{1}{2}|2.5", r"-1\frac12|-1.5", "½|0.5", "1 1/2 hours|90 minutes",
    ],
    "fractions": [
        r"\frac12|1/2", r"\dfrac{1}{2}|0.5", r"\frac{3}{6}|1/2", r"0.\overline{3}|1/3", r"0.1\overline{6}|1/6",
    ],
    "roots": [r"\sqrt2|√2", r"\sqrt(2)|\sqrt{2}", r"4\sqrt(2)|4\sqrt{2}", r"\sqrt{8}|2\sqrt{2}", r"\sqrt[3]{8}|2"],
    "constants": [r"9 \pi|9π", r"\pi/4|\frac{\pi}{4}", "1+1/e|1+e^{-1}", r"-8-8\sqrt{3} i|-8(1+\sqrt3 i)"],
    "percent": ["50%|0.5", r"50\%|50%", "百分之五|0.05", "百分之五|5%", "12.5%|1/8"],
    "units": [
        "5 km|5000 m", "5千米|5000米", "1.5 kg|1500 g", "60 mph|60 miles per hour", "100㎡|100平方米", "5 m|5",
        "5 m^2|50000 cm²", "90 km/h|25 m/s", "2 hours|120 minutes", "1 hour 30 minutes|1.5 h", "3米5分米|3.5米",
        r"5\text{ cm}|50 mm", r"10\mathrm{~cm}|10 cm", r"90^\circ|90°", "90 degrees|90°", "35个|35", "12 eggs|12",
        "9 (apples)|9 apples", "12 apples|12 apple", "1公顷|10000平方米",
    ],
    "money": [
        "$5|5 dollars", "$5.00|5", r"\$40|40", "$0.50|50 cents", "5元3角|5.3元", "¥5|5元", "$2 per pound|$2/lb",
        "$5 million|5000000",
    ],
    "words": ["三十五|35", "五分之三|3/5", "3.5万|35000", "twenty-one|21", "two hundred and five|205", "3 dozen|36"],
    "ratios and times": [
        "3:4|6:8", "1:2:3|2:4:6", "3:30 pm|15:30", "9 a.m.|9:00", "2024年1月5日|January 5, 2024",
        "5 Jan 2024|2024-01-05",
    ],
    "lists": [
        "1, 2|2,1", r"\{1, 2\}|{2,1}", r"1, 2|\{2,1\}", "x = 1 or x = 2|x=2 或 1", "x=-2,6|6 and -2", r"\pm 3|3, -3",
        r"2\pm\sqrt3|2-\sqrt3, 2+\sqrt3",
    ],
    "order": [r"\left( 3, \frac{\pi}{2} \right)|(3, π/2)", "(1, 2]|1 < x <= 2", r"x > 3|(3,\infty)", r"(-\infty,1)\cup(2,3)|(2,3) ∪ (-∞,1)",
              r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}|\begin{bmatrix}1\\2\end{bmatrix}"],
    "equations": ["x=5|5", "f(x)=x+1|x+1", "y=2x+1|2x+1", "y=2x+1|2x - y + 1 = 0", "x^2+y^2=4|2x^2+2y^2=8", "2x+3|3+2x", "(x+1)^2|x^2+2x+1",
                  r"\sin 2x|2\sin x\cos x", r"\frac{1}{2} \cos 8 t|\cos(8t)/2"],
    "dress": [
        r"\boxed{35}|35", r"$\boxed{35}$.|35", "The answer is $5$.|5", "答案：三十五。|35", "#### 35|35", "**35**|35",
        r"\(35\)|35", "`35`|35",
    ],
    "ways of writing": [
        "1.5 x 10^3|1500", "2 x 3|6", "3*10**4|30000", "50 percent|50%", "5‰|0.5%", "∛27|3", "∜16|2", "³⁄₄|0.75",
        r"{3\over4}|3/4", "0.333...|1/3", "0.1666...|1/6", "1'000'000|1000000", "1_000|1000", "USD 5|$5",
        "x<1 or x>2|(-∞,1)∪(2,∞)", "Option C|C", "选A|A", "2π|6.2831853",
    ],
    "fractions in words": ["one half|1/2", "two-thirds|2/3", "one and a half|1.5", "a dozen|12"],
    "Chinese": ["五成|50%", "1.5百万|1500000", "3比4|3:4", "2小时30分|150分钟", "两百五|250", "三千二|3200"],
    "recurring": ["0.(3)|1/3", r"0.\dot{3}|1/3", r"0.\dot14285\dot7|1/7", r"1.2\dot{3}|37/30"],
    "angles of functions": [r"\sin 30^\circ|1/2", r"2\sin 60^\circ|\sqrt3", "tan 45°|1"],
    "scientific": [r"3 \times 10^8 \text{ m/s}|3e8 m/s", "1e-3|0.001", "-2.5e4|-25000"],
    "French intervals": ["]1,2[|(1,2)", "[1,2[|[1,2)", r"]-\infty;3]|(-\infty,3]"],
    "sets by condition": [r"\{x \mid x > 2\}|x>2", r"\{x : x<1 or x>2\}|x<1 or x>2"],
    "named sets": [
        r"k \cdot \pi, k \in \mathbb{Z}|k\pi, k\in\mathbb Z", r"\mathbb{R}|(-\infty,\infty)", r"x\in\mathbb{R}|\mathbb{R}",
    ],
    "remainders": ["17 R 3|17 remainder 3", "17余3|17......3", "17 r 3|17…3"],
    "several choices": ["故选B|B", "The correct option is C|(C)", "ABD|A, B, D", "AC|(A)(C)", "A and C|A、C"],
    "systems": [r"\begin{cases}x=1,\\y=2.\end{cases}|x=1, y=2", "y=x|x=y"],
    "with percent": [r"33\frac{1}{3}\%|1/3", "33 1/3%|1/3", r"75\text{ percent}|75\%"],
    "parts of things": [r"\frac{3}{4} cup|0.75 cups", r"\frac78 mile|7/8 miles"],
    "thousands of Europe": ["12.345.678|12345678", "1.234.567,89|1234567.89"],
    "choose": [r"{5 \choose 2}|10", r"{n \choose k}|\binom{n}{k}"],
    "short Chinese": [
        "5 千米|5000米", "2 千瓦|2000瓦", "1米20|1.2米", "1米5|1.5米", "3块5|3.5元", "半小时|30分钟", "1刻钟|15分钟",
        "零下5度|-5度", "1万2千|12000", "周三|星期三",
    ],
    "words of time and ratio": ["noon|12:00 PM", "midnight|12:00 am", "3 to 4|6:8"],
    "text": ["Paris|The answer is paris.", r"\text{(B)}|B", "(B)|B", r"\text{even}|even"],
    "rounded": [
        "0.333333|1/3", "0.666667|2/3", "0.6666666|2/3", r"3.14159265|\pi", r"1.414214|\sqrt{2}",
        "-1.414213|-\\sqrt{2}",
    ],
}  # fmt: skip
UNEQUAL = {
    "powers": ["102|10²", "22|2²", "10²|10³", "x^2|x^3", "x_1|x1", "x_1|x_2", "2^{-1}|2"],
    "values": [
        "35|36", "35|-35", "1/2^98|1/2^99", "1+1/e|1-1/e", r"2\sqrt{3}|3\sqrt{2}", "3/4|3/5", "1,234|1.234",
        "1,2|2,3", "10^{40}|10^{40}+1",
    ],
    "a part is not the whole": [
        r"4\sqrt(2)|4", r"\sqrt(2)|2", "2 + 3x|2", "5 remainder 2|5", "5 more|5", "(3|3", "1/2 of x|1/2", "3x|3",
        "5m|5", "10-4n|6",
    ],
    "units": [
        "5米|5千米", "5 km|5 m", "5 m^2|5 m^3", "60 km/h|60 m/s", "5°C|5°F", "5分|5分钟", "5 apples|5 oranges",
        "5 m|5 kg", "2 hours|2 minutes",
    ],
    "money": ["$5|€5", "$5|5元", "$5|5 cents", "$5|$5 million", "$5 per hour|$5 per day"],
    "percent": ["5%|5", "50%|0.05", "百分之五|5"],
    "mixed numbers": ["1 1/2|11/2", "1½|11/2", "1 1/2|1/2"],
    "ratios and times": ["3:4|4:3", "1:2:3|1/6", "3:30|3:31", "3:30 am|3:30 pm", "2024-01-05|2018", "1月5日|5月1日"],
    "lists": ["1, 2|1", "x = 1 or x = 2|x = 1", r"\{1,2\}|\{1,3\}", r"\pm 3|3", "a=1,b=2|a=2,b=1"],
    "order": [
        "(1, 2)|(2, 1)", "(1,2)|[1,2]", "(1,2)|[1,2)", "x>3|x>=3", r"x>3|x<3",
        r"\begin{pmatrix}1\\2\end{pmatrix}|\begin{pmatrix}2\\1\end{pmatrix}",
    ],
    "equations": ["x=5|y=5", "x=5|x=6", "y=2x+1|y=2x-1", r"\sin x|\cos x", r"\lvert x\rvert|x"],
    "rounded": [
        r"\frac{\pi}{4}|0.785", "1/3|0.33", "0.333334|1/3", "1.0000001|1", "0.333332|0.333333", "1.000000000001|1",
    ],
    "factors that are no units": [
        "2π|2", r"12\pi|12", "12π|12 cm", "2π cm|2 cm", "4πr|4", "3α|3", "5θ|5", "5√2|5",
    ],
    "words that change a number": [
        "5 lakh|5", "5 crore|5", "5 ninths|5", "5 sevenths|5", "5 tens|5", "5 gross|5", "5 below|5", "5 short|5",
        "5 missing|5", "5 percentage points|5", "5 pct|5", "5 factorial|5", "5个半|5", "5半|5", "5多|5", "5以上|5",
        "5左右|5", "5十|5", "5百万|5", "5成|5", "5折|5", "5又二分之一|5", "0.333...|0.333", "!5|5", "两百五|205",
    ],
    "angles of functions": [r"\sin 30^\circ|\sin 30", r"\sin 30|1/2", r"\cos 60^\circ|\sin 60^\circ"],
    "logarithms of an unknown base": [r"\ln 2|\log 2", r"\log 100|2", r"\log_2 3|\log_3 2", r"\log 2|\lg 2"],
    "determinants": [r"\begin{vmatrix}1&2\\3&4\end{vmatrix}|\begin{pmatrix}1&2\\3&4\end{pmatrix}"],
    "recurring": [r"0.\dot{3}|0.3", "0.(3)|0.3", "0.(3)|0"],
    "French intervals": ["[1,2[|[1,2]", "]1,2[|[1,2]", "]1,2[|1,2"],
    "sets by condition": [r"\{x \mid x > 2\}|x<2", r"\{x : x>2\}|\{2\}", r"\{x : x>2\}|x>=2"],
    "named sets": [r"k\pi, k\in\mathbb{Z}|2k\pi, k\in\mathbb{Z}", r"\mathbb{R}|\mathbb{Q}", r"\mathbb{R}|(0,\infty)"],
    "remainders": ["17 R 3|17 R 2", "17余3|17", "17...3|17.3", "17 r 3|20"],
    "several choices": ["ABD|A, B", "ABD|ABC", "AB|A"],
    "short Chinese": ["1米20|1.02米", "3块5|3.05元", "半小时|半分钟", "零下5度|5度", "5 千克|5 克", "1万2千|1.2"],
    "words of time and ratio": ["noon|midnight", "noon|12", "3 to 4|4 to 3", "3 to 4|34"],
    "base": ["12_3|12", "12_3|12_4"],
    "text": ["Paris|London", "35|none", "|", "no|on", "A|B", "cat|act"],
}  # fmt: skip


def pairs(table: dict[str, list[str]]) -> list[object]:
    """Every pair of a table as a parameter that names its kind."""
    divided = [(kind, *pair.rsplit("|", 1)) for kind, listed in table.items() for pair in listed]
    return [pytest.param(one, other, id=f"{kind}: {one} {other}") for kind, one, other in divided]


@pytest.mark.parametrize(("one", "other"), pairs(EQUAL))
def test_the_same_result_in_another_dress(one: str, other: str) -> None:
    assert same_answer(one, other) and same_answer(other, one)


@pytest.mark.parametrize(("one", "other"), pairs(UNEQUAL))
def test_another_result(one: str, other: str) -> None:
    assert not same_answer(one, other) and not same_answer(other, one)


fractions = st.builds(Fraction, st.integers(-(10**6), 10**6), st.integers(1, 999))
UNITS = ("", " km", "米", " dollars", r"\text{ cm}", "%", " eggs", "^{\\circ}")
DRESSES = (
    "{}", "${}$", r"\boxed{{{}}}", "x = {}", "The answer is {}.", "答案：{}。", "  {} ", r"\left({}\right)",
)  # fmt: skip


def written(number: Fraction, form: int) -> str:
    """A number in one of four ways."""
    sign, size = "-" if number < 0 else "", abs(number)
    whole, rest = divmod(size, 1)
    forms = [f"{sign}{size}", f"{sign}\\frac{{{2 * size.numerator}}}{{{2 * size.denominator}}}"]
    forms.append(f"\u2212{size}" if sign else f"{size}")
    forms.append(f"{sign}{whole} {rest}" if whole and rest else f"{sign}{size}")
    return forms[form]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fractions, st.integers(0, 3), st.sampled_from(UNITS), st.sampled_from(DRESSES))
def test_dress_changes_nothing_and_a_change_of_the_value_does(n: Fraction, form: int, unit: str, dress: str) -> None:
    one, other = f"{n}{unit}", dress.format(written(n, form) + ("" if "left" in dress else unit))
    if not (unit == "%" and "left" in dress):
        assert same_answer(one, other) and same_answer(other, one)
    for changed in (n + 1, n + Fraction(1, 1000), n * 10, n * Fraction(1001, 1000), -n):
        if changed != n:
            assert not same_answer(one, dress.format(written(changed, form)) + ("" if "$" in dress else unit))


expressions = st.recursive(
    st.sampled_from(["x", "y", "2", "7", r"\pi", r"\sqrt{5}", r"\frac{2}{3}"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]}) + ({p[1]})"),
        st.tuples(inner, inner).map(lambda p: rf"({p[0]}) \cdot ({p[1]})"),
        st.tuples(inner, st.integers(2, 4)).map(lambda p: f"({p[0]})^{p[1]}"),
    ),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None)
@given(expressions, expressions)
def test_expressions_are_the_same_after_rearrangement_alone(a: str, b: str) -> None:
    assert same_answer(f"({a})({b})", f"({b}) * ({a})")
    assert same_answer(f"({a}) - ({b})", f"-({b}) + ({a})")
    assert not same_answer(a, f"({a}) + 1") and not same_answer(f"({a}) + ({b})", f"({a}) + ({b}) + 10^{{-9}}")


HOSTILE = (
    "9^{9^{9^{9^9}}}", r"\frac{" * 60 + "1" + "}{2}" * 60, r"\int_{0}^{1}" * 20, "$" * 200, "10^10^10", "99999!",
    '__import__("os").system("true")', r"\input{/etc/passwd}", "(" * 290, "x" * 100_000, "\ud800\x00", "9" * 5_000,
    "(" * 900 + ")" * 900, "-" * 1_500 + "1", "sin(10^(10^9))", "exp(exp(exp(exp(10))))", "{" * 500, "1," * 900,
    "((1+sqrt(2))^99999999999)", "1/0", "0^0", r"\sqrt{-1}", "½" * 200, "三" * 1_900, "1 hour " * 200, "170!!!!!!",
)  # fmt: skip


def test_hostile_answers_are_no_answers_and_cost_little() -> None:
    began = time.monotonic()
    for hostile in HOSTILE:
        assert not same_answer(r"\sqrt{7}", hostile) and not same_answer(hostile, r"\sqrt{7}")
        assert not same_answer("7", hostile) and not same_answer(hostile, hostile + "+1")
    assert same_answer(r"\sqrt{12}", r"2\sqrt{3}")  # whoever compares is still there
    assert time.monotonic() - began < 60


@given(st.text(max_size=40), st.text(max_size=10))
def test_any_text_is_bared_and_compared(text: str, other: str) -> None:
    assert same_answer(text, text) == bool(bare(text))
    assert same_answer(text, other) == same_answer(other, text)
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
