"""Signs: texts that differ in one sign and what follows from it both stay; the same text set otherwise does not."""

import random
import re
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.tiers.config import BulkConfig, DedupConfig
from coevo.tiers.dedup import dedup
from coevo.tiers.signs import common, read, read_text
from coevo.tiers.tokens import tokenize

RUN, BULK = DedupConfig(), BulkConfig().dedup

ALGEBRA = (
    "Solve the {kind} $x^2 {s} 5x + 6 {r} 0$ over the real numbers. We move nothing, for the right side is zero, and "
    "factor the left side as $(x {s} 2)(x {s} 3) {r} 0$. A product is decided by the signs of its factors, so that we "
    "look at each of them in turn, and we are done when both of them have been looked at."
)
LOGIC = (
    "Let f be a function of the real numbers. The claim reads ${q} x {i} A: f(x) {r} g(x)$. To see it, take any x of "
    "the set and write ${q} x {i} A$ once more; the two values compare as $f(x) {r} g(x)$ because f grows."
)
TRIG = (
    "Find the derivative of $y = \\{f}(3x) {s} {n}$ at the origin. The chain rule gives three times the derivative of "
    "$\\{f}$ there, and the constant {n} goes away. So the slope of $\\{f}(3x) {s} {n}$ is what the rule says it is."
)
CODE = (
    "def count(a, limit):\n    total = 0\n    i = 1\n    while i < len(a) {o} a[i{s}1] {e} limit:\n"
    "        if a[i] {e} a[i{s}1]:\n            total {s}= a[i]\n        i += 1\n    return total\n"
)
WAIT = (
    "function wait(done, queue) {{\n  if ({n}done) return queue.length;\n  while ({n}done && queue.length > 0) {{\n"
    "    done = queue.shift();\n  }}\n  return {n}done;\n}}\n"
)
CHINESE = (
    "解不等式 3x {s} 7 {r} 2x + 4,并在数轴上表示它的解集。"
    "移项得 3x - 2x {r} 4 {s} 7,合并同类项以后可以得到这个不等式的解集,"
    "也就是说所有满足条件的实数都是它的解。检验:代入原来的式子,3x {s} 7 {r} 2x + 4 成立。"
)
STORY = (
    "A farmer sells {n} boxes of apples, and each box costs {m} dollars. How much money does he get in all? He gets "
    "{n} * {m} dollars for the boxes, which is {n} * {m} = {p} dollars. The answer is {p}."
)

PAIRS = [
    (ALGEBRA, {"kind": "task", "s": "+", "r": "="}, {"s": "-"}),
    (ALGEBRA, {"kind": "task", "s": "+", "r": "<"}, {"r": "<="}),
    (ALGEBRA, {"kind": "task", "s": "+", "r": "<"}, {"r": ">"}),
    (ALGEBRA, {"kind": "task", "s": "+", "r": "≤"}, {"r": "≥"}),
    (ALGEBRA.replace("^2", "^{p}"), {"kind": "task", "s": "+", "r": "=", "p": "2"}, {"p": "4"}),
    (LOGIC, {"q": "∀", "i": "∈", "r": "<"}, {"q": "∃"}),
    (LOGIC, {"q": "∀", "i": "∈", "r": "<"}, {"i": "∉"}),
    (LOGIC, {"q": "\\forall", "i": "\\in", "r": "\\le"}, {"q": "\\exists"}),
    (LOGIC, {"q": "\\forall", "i": "\\in", "r": "\\le"}, {"i": "\\notin"}),
    (LOGIC, {"q": "\\forall", "i": "\\in", "r": "\\le"}, {"r": "\\ge"}),
    (LOGIC, {"q": "∀", "i": "∈", "r": "="}, {"q": "¬∀"}),
    (TRIG, {"f": "sin", "s": "+", "n": "3.5"}, {"f": "cos"}),
    (TRIG, {"f": "sin", "s": "+", "n": "3.5"}, {"n": "3.6"}),
    (CODE, {"o": "&&", "s": "+", "e": "=="}, {"o": "||"}),
    (CODE, {"o": "&&", "s": "+", "e": "=="}, {"e": "!="}),
    (CODE, {"o": "&&", "s": "+", "e": "=="}, {"s": "-"}),
    (WAIT, {"n": ""}, {"n": "!"}),
    (CHINESE, {"s": "-", "r": "<"}, {"s": "+"}),
    (CHINESE, {"s": "-", "r": "<"}, {"r": ">"}),
    (CHINESE, {"s": "-", "r": "<"}, {"r": "≤"}),
    (STORY, {"n": "12", "m": "5", "p": "60"}, {"n": "13", "p": "65"}),
]

LAYOUTS: dict[str, Callable[[str], str]] = {
    "no spaces": lambda t: re.sub(r" ([-+*<>=!&|≤≥]+) ", r"\1", t),
    "wide spaces": lambda t: re.sub(r" ([-+*<>=!&|≤≥]+) ", r"   \1  ", t),
    "wrapped": lambda t: t.replace(" ", "\n"),
    "other delimiters": lambda t: re.sub(r"\$([^$]*)\$", r"\\(\1\\)", t),
    "displayed": lambda t: re.sub(r"\$([^$]*)\$", "\n$$\\1$$\n", t),
    "no delimiters": lambda t: t.replace("$", ""),
    "thin spaces": lambda t: re.sub(r"\$([^$]*)\$", lambda m: "$" + re.sub(r" ", r"\\, ", m[1]) + "$", t),
    "braces": lambda t: re.sub(r"\^(\d)", r"^{\1}", t),
    "superscripts": lambda t: t.replace("^2", "²"),
    "fences": lambda t: t.replace("(", "\\left(").replace(")", "\\right)"),
    "deeper": lambda t: t.replace("    ", "\t\t"),
    "full-width": lambda t: t.translate({ord(c): chr(ord(c) + 0xFEE0) for c in "+-=<>&|!"}),
    "minus": lambda t: t.replace("-", "\N{MINUS SIGN}"),
}


def kept(texts: list[str], config: DedupConfig) -> int:
    names = [str(i) for i in range(len(texts))]
    docs = pa.table({"id": names, "text": pa.array(texts, pa.large_string()), "source": names})
    return sum(dedup(docs, config)["kept"].to_pylist())


@pytest.mark.parametrize("config", [RUN, BULK], ids=["run", "bulk"])
@pytest.mark.parametrize(("form", "one", "change"), PAIRS, ids=[f"{c}" for _, _, c in PAIRS])
def test_one_other_sign_is_another_text(
    form: str, one: dict[str, str], change: dict[str, str], config: DedupConfig
) -> None:
    texts = [form.format(**one), form.format(**one | change)]
    assert kept(texts, config) == 2
    assert kept([*texts, *(re.sub(r" ([-+*<>=!&|≤≥]+) ", r"\1", t) for t in texts)], config) == 2, "each has a copy"


@pytest.mark.parametrize("config", [RUN, BULK], ids=["run", "bulk"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_layout_is_the_same_text(layout: str, config: DedupConfig) -> None:
    texts = list({form.format(**values): 1 for form, values, _ in PAIRS})
    assert kept([*texts, *map(LAYOUTS[layout], texts)], config) == len(texts)


def test_a_family_of_problems_stays_and_each_of_its_copies_goes() -> None:
    family = [STORY.format(n=n, m=m, p=n * m) for n in range(11, 23) for m in (4, 7, 9)]
    copies = [text.replace(" * ", "*").replace(" = ", "=") for text in family]
    texts = [*family, *copies]
    random.Random(0).shuffle(texts)
    assert kept(texts, RUN) == kept(texts, BULK) == len(family)


def test_prose_that_differs_in_a_number_is_a_copy() -> None:
    draw = random.Random(0)
    words = " ".join(draw.choices(["river", "stone", "walks", "under", "quiet", "lamp", "old", "green", "so"], k=200))
    assert kept([f"Posted 3 days ago. {words}", f"Posted 5 days ago. {words}"], RUN) == 1
    assert kept([words, f"{words} (10 Mar 2001)"], RUN) == 1


@settings(max_examples=40)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=6))
def test_words_and_windows_of_a_text_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    whole = read(pa.array(texts, pa.large_string()))
    for i, text in enumerate(texts):
        alone = read(pa.array([text], pa.large_string()))
        assert whole.words[whole.offsets[i] : whole.offsets[i + 1]].tolist() == alone.words.tolist()
        mine = whole.windows[whole.window_offsets[i] : whole.window_offsets[i + 1]]
        assert set(mine.tolist()) == read_text(text)[1]


@settings(max_examples=60)
@given(st.text(st.sampled_from('abcxyz ,.;"\n天地\u00e9\u3042'), max_size=80))
def test_words_are_those_of_the_tokenizer(text: str) -> None:
    texts = pa.array([text], pa.large_string())
    ours, theirs = read(texts).words.tolist(), tokenize(texts).hashes.tolist()
    assert [ours.index(w) for w in ours] == [theirs.index(w) for w in theirs]


def test_what_two_texts_have_in_common_is_counted_in_the_smaller() -> None:
    assert common(0.5, 10, 10) == pytest.approx(2 / 3)
    assert common(0.5, 10, 20) == pytest.approx(1.0), "the ten are all among the twenty"
    assert common(0.0, 0, 7) == 1.0
    one, other = read_text("x^2 + 5x = 6")[1], read_text("x^2 - 5x = 6")[1]
    assert len(one) == len(other) == 6 and len(one & other) == 3
    assert not read_text("nothing of the kind")[1] and not read(pa.array([], pa.large_string())).words.tolist()
