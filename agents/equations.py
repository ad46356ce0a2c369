"""Equations between numbers in a text: found where they are understood as a whole, and judged with every doubt.

An equation holds, is wrong under every plausible reading (rounding, whole division, percent, conversion of units, a
chain that goes on from its last result), or is left open. Only the second is a fault.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from ..tiers.answers.signs import plain
from ..tiers.answers.units import unit
from .calculation import NUMBER, PIECE, Unsolved, calculate

MAX_EQUATIONS = 200
MAX_LINE = 2_000
_CARRIED = Fraction(2, 100)
"""Relative error that numbers rounded on the way may carry into a result."""
_CONVERSIONS = frozenset(
    Fraction(n) for n in (2, 3, 4, 7, 8, 10, 12, 16, 24, 30, 31, 36, 52, 60, 100, 365, 1000, 2000, 3600)
)
_ANNOTATION = re.compile(r"<<([^<>]{1,200})>>")
_TOKEN = re.compile(
    rf"(?P<number>{NUMBER})(?P<percent>\s?%)?|(?P<sign>\*\*|[-+*/()=^])|(?P<word>[^\W\d_]+(?:['-][^\W\d_]+)*)|(?P<other>\S)"
)
_BINDING = frozenset(
    """
    of half twice double triple thrice third quarter fourth fifth sixth tenth times than plus minus by squared cubed per
    more less fewer remainder r and from to or if each every x dozen hundred thousand million billion k percent power
    divided multiplied subtracted added sum difference product square root one two three four five six seven eight nine
    ten twenty pair couple dime nickel penny pennies twin triplet o'clock noon midnight log ln sin cos tan sqrt exp abs
    mod least most about approximately around nearly pm am
    """.split()  # noqa: SIM905
)
"""Words that change what the numbers beside them mean."""
_OPENING = frozenset(("and", "from", "to", "or", "if", "each", "every"))
_JOINING = _OPENING | {"per", "more", "less", "fewer"}
_LABELS = frozenset("week weeks day days year years month months number step grade chapter item round".split())  # noqa: SIM905
"""In front of a number they name it: `week 1 - week 2` is no difference of numbers."""
_UNSAID = frozenset(
    """
    not isn't doesn't don't wrong wrongly false incorrect incorrectly mistake mistakenly never if suppose supposing
    assume assuming guess unless instead pretend
    """.split()  # noqa: SIM905
)
"""Words by which a sentence does not say that its equation holds."""
_MAX_WORDS = 3

Verdict = Literal["holds", "wrong", "open"]


@dataclass(frozen=True)
class Equation:
    """An equation as it is written, and what can be said about it."""

    text: str
    verdict: Verdict


@dataclass(frozen=True)
class _Side:
    """One side: what is calculated, and whether a word or a sign of money stood in it."""

    text: str
    units: bool


def equations(text: str) -> list[Equation]:
    """Every equation between numbers in `text` that is understood as a whole; those with unknowns are left out."""
    found: list[Equation] = []
    for line in text.split("\n"):
        for annotation in _ANNOTATION.findall(line[:MAX_LINE]):
            found += _in_line(annotation)
        found += _in_line(_ANNOTATION.sub("", line[:MAX_LINE]))
        if len(found) >= MAX_EQUATIONS:
            break
    return found[:MAX_EQUATIONS]


def normal(line: str) -> str:
    """A line with one sign for each operation; `x` between numbers is a multiplication, `of` behind a share too."""
    line = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", plain(line))
    line = re.sub(r"(?<=[\d)%])\s*[xX]\s*(?=[\d($.])", " * ", line)
    line = re.sub(r"(%|\d/\d+)\s*of\s+(?:the\s+)?\$?(?=\d)", r"\1 * ", line)
    return line.replace("\\text", " ")


def _in_line(line: str) -> list[Equation]:
    """The equations of one line: runs of numbers, signs and units that nothing around them binds to."""
    tokens = list(_TOKEN.finditer(normal(line)))
    found, start = [], 0
    while start < len(tokens):
        end = _run(tokens, start)
        if any(t["sign"] == "=" for t in tokens[start:end]) and not _bound(tokens, start, end):
            judged = _judged(tokens[start:end])
            if judged and judged.verdict == "wrong" and not _asserted(tokens, start, end):
                judged = Equation(judged.text, "open")
            found += [judged] if judged else []
        start = max(end, start + 1)
    return found


def _run(tokens: list[re.Match[str]], start: int) -> int:
    """The end of the run that begins at `start`; up to _MAX_WORDS words may stand behind a number and before a sign."""
    if tokens[start]["word"] or (tokens[start]["other"] and tokens[start][0] not in "$\u20ac\u00a3"):
        return start
    end = start
    while end < len(tokens):
        token = tokens[end]
        if token["number"] or token["sign"] or token[0] in "$\u20ac\u00a3":
            end += 1
            continue
        ahead = end
        while ahead < len(tokens) and tokens[ahead]["word"] and ahead - end < _MAX_WORDS:
            ahead += 1
        behind_number = bool(tokens[end - 1]["number"]) or tokens[end - 1][0] == ")"
        signed = (
            ahead + 1 < len(tokens) and tokens[ahead][0] == "-" and tokens[ahead].end() == tokens[ahead + 1].start()
        )
        if signed and tokens[ahead].start() > tokens[ahead - 1].end():
            break  # `3 cities -48 + 21`: a number below zero
        if ahead == end or ahead == len(tokens) or not behind_number or tokens[ahead]["sign"] in (None, "("):
            break
        end = ahead
    return end


def _asserted(tokens: list[re.Match[str]], start: int, end: int) -> bool:
    """Whether the sentence around a run says that the equation holds: it neither asks, supposes nor denies it."""
    before = start
    while before and tokens[before - 1][0] not in ".?!;":
        before -= 1
    around = [*tokens[before:start], *tokens[end : end + 4]]
    return not any((t["word"] or "").lower() in _UNSAID for t in around) and (
        end == len(tokens) or tokens[end][0] != "?"
    )


def _bound(tokens: list[re.Match[str]], start: int, end: int) -> bool:
    """Whether something beside the run changes what it means: a variable, a word such as `half`, a further sign."""
    words = [t["word"].lower() for t in tokens[start:end] if t["word"]]
    if any(
        _BINDING & {w, w.rstrip("s"), *w.split("-")} or len(w) == 1 or (w in _LABELS and _labels(tokens[start:end], w))
        for w in words
    ):
        return True
    behind = tokens[end]["word"] if end < len(tokens) else None
    if _mixed_units([*words, *([behind.lower()] if behind else [])]) or any(
        re.match(r"0\d", t["number"] or "") for t in tokens[start:end]
    ):
        return True  # pounds less ounces, or times of the day such as 0900
    if _glued(tokens, start, end):
        return True
    if start and (not _opens(tokens, start) or _mixed_number(tokens, start)):
        return True
    after = tokens[end] if end < len(tokens) else None
    if after is None or tokens[end - 1]["sign"] in ("+", "-", "*", "/", "=", "(", "^", "**"):
        return after is not None
    if after[0] == "." and end + 1 < len(tokens) and tokens[end + 1][0] in ".%":
        return True
    word = (after["word"] or "").lower()
    return word in _BINDING - _JOINING or after[0] in "/:^"


def _mixed_number(tokens: list[re.Match[str]], start: int) -> bool:
    """Whether a run begins with the fraction of a mixed number (`1 and 1/4`)."""
    pieces = [t[0] for t in tokens[max(start - 2, 0) : start + 3]]
    return len(pieces) == 5 and bool(re.fullmatch(r"\d+ and \d+ / \d+", " ".join(pieces)))


def _labels(run: list[re.Match[str]], word: str) -> bool:
    """Whether `word` stands before a number in the run."""
    return any(one["word"] and one["word"].lower() == word and other["number"] for one, other in pairwise(run))


def _mixed_units(words: list[str]) -> bool:
    """Whether two words are units of one dimension and of different size."""
    sizes: dict[tuple[tuple[str, int], ...], Fraction] = {}
    for word in words:
        measure = unit(word)
        if measure is not None and sizes.setdefault(measure.powers, measure.factor) != measure.factor:
            return True
    return False


def _opens(tokens: list[re.Match[str]], start: int) -> bool:
    """Whether an expression can begin here: at a new clause, or behind words that no sign and no number binds to it."""
    before = tokens[start - 1]
    if not before["word"]:
        numbers = start > 1 and before[0] == "," and tokens[start - 2]["number"]
        return before[0] in ".,:;!?)\u3002]>" and not numbers
    word = before["word"].lower()
    if tokens[start][0] in "+-*/" or len(word) == 1 or word in _LABELS or word in _BINDING - _OPENING:
        return False
    place = start - 1
    while place >= 0 and tokens[place]["word"]:
        place -= 1
    return place < 0 or not tokens[place]["sign"] or tokens[place]["sign"] == ")"


def _glued(tokens: list[re.Match[str]], start: int, end: int) -> bool:
    """Whether a letter stands at a number without a space (`3x`), or a colon between two numbers."""
    for place in range(max(start, 1), min(end + 1, len(tokens))):
        one, other = tokens[place - 1], tokens[place]
        letter_first = one["word"] and (other["number"] or other[0] == "(")
        if one.end() == other.start() and (letter_first or (one["number"] and other["word"])):
            return True
    first = tokens[start]
    return start > 0 and tokens[start - 1][0] in ":/" and tokens[start - 1].end() == first.start()


def _judged(run: list[re.Match[str]]) -> Equation | None:
    sides: list[list[re.Match[str]]] = [[]]
    for token in run:
        if token["sign"] == "=":
            sides.append([])
        else:
            sides[-1].append(token)
    read = [_Side(_text(s), any(t["word"] or t["other"] for t in s)) for s in sides]
    while read and not _operators(read[0].text):
        read.pop(0)  # `8 degrees = 2 - 8`: a name rather than a result
    if len(read) < 2:
        return None
    written = " = ".join(s.text for s in read)
    try:
        verdicts = [_pair(one, other) for one, other in pairwise(read)]
    except (Unsolved, OverflowError):
        return Equation(written, "open")
    verdict: Verdict = "wrong" if "wrong" in verdicts else "open" if "open" in verdicts else "holds"
    return Equation(written, verdict)


def _text(side: list[re.Match[str]]) -> str:
    """A side without its words, spaced as it is written by hand."""
    text = " ".join(t[0].replace(" ", "") for t in side if not t["word"] and not t["other"])
    return text.replace("( ", "(").replace(" )", ")")


def _operators(text: str) -> bool:
    return bool(re.search(r"[\d)%]\s*(?:[-+*/^(]|\*\*)", text))


def _pair(one: _Side, other: _Side) -> Verdict:
    """What can be said about two neighbouring sides.

    Raises:
        Unsolved: one of them is no expression.
    """
    left, right = calculate(one.text), calculate(other.text)
    if left == right:
        return "holds"
    return "open" if _plausible(one, other, left, right) else "wrong"


def _plausible(one: _Side, other: _Side, left: Fraction, right: Fraction) -> bool:
    """Whether some reading other than the exact one makes the two sides equal."""
    step = max(_step(one.text), _step(other.text))
    if (
        _dotted(one.text, other.text)
        or left == -right
        or any(value == right or abs(value - right) < step for value in (left, *_other_readings(one.text)))
    ):
        return True  # rounded, cut off, divided into whole ones, or read in another way
    if (
        left * right > 0
        and abs(left - right) <= _CARRIED * max(abs(left), abs(right))
        and _calculated_decimal(one.text, other.text)
    ):
        return True  # numbers rounded on the way
    if not right or not left:
        return True
    ratio = abs(left / right)
    if ratio in (100, Fraction(1, 100)) and ("%" in one.text + other.text or "/" in one.text):
        return True
    if (one.units or other.units) and (ratio in _CONVERSIONS or 1 / ratio in _CONVERSIONS):
        return True
    return _goes_on(left, other.text) or left in _other_readings(other.text)


def _dotted(*sides: str) -> bool:
    """Whether the sides are equal where dots group thousands (`1.200 + 300 = 1.500`)."""
    grouped = [re.sub(r"(?<![\d.])(\d{1,3})\.(\d{3})(?![\d.])", r"\1\2", side) for side in sides]
    return grouped != list(sides) and _value(grouped[0]) == _value(grouped[1])


def _calculated_decimal(*sides: str) -> bool:
    """Whether a side that is calculated holds a decimal, which may be a number rounded before."""
    return any("." in side and _operators(side) for side in sides)


def _other_readings(text: str) -> list[Fraction]:
    """Values of a side in other readings.

    From left to right, `6 / 3 / 4` as six by three quarters or as three quarters of six, `6 / 2 (3)` as six by a
    product, `50 - 20%` as a share of 50, and `10 - 3 + 2` as less the sum.
    """
    readings = []
    bound = re.sub(r"/ (\d+) / (\d+)", r"/ (\1 / \2)", text)
    part = re.sub(r"/ (\d+) / (\d+)", r"* \1 / \2", text)
    beside = re.sub(r"(\d+) (\([^()]*\))", r"(\1 * \2)", text)
    share = re.sub(r"^([\d.]+) ([-+]) ([\d.]+%)$", r"\1 * (1 \2 \3)", text)
    first, minus, others = text.partition(" - ")
    subtracted = f"{first} - ({others})" if minus and " - " not in others else text
    for reading in (_in_order(text), *map(_value, (bound, part, beside, share, subtracted))):
        if reading is not None:
            readings += [reading, reading * 100] if "/" in text else [reading]
    return readings


def _value(text: str) -> Fraction | None:
    try:
        return calculate(text)
    except Unsolved:
        return None


def _step(text: str) -> Fraction:
    """The worth of the last digit of a side that is one number; 0 for a side that is calculated."""
    if not re.fullmatch(r"-?\s*[\d.]+\s*%?", text):
        return Fraction(0)
    digits = text.strip(" -%")
    return Fraction(1, 10 ** len(digits.partition(".")[2])) / (100 if "%" in text else 1)


def _goes_on(left: Fraction, text: str) -> bool:
    """Whether a side begins with the result before it and goes on from there (`5 + 3 = 8 * 2 = 16`)."""
    tokens = PIECE.findall(text)
    return any(_value(" ".join(tokens[:end])) == left for end in range(1, min(len(tokens), 12)))


def _in_order(text: str) -> Fraction | None:
    """The value of a side calculated from left to right, as on a simple calculator; None with brackets."""
    tokens = re.findall(rf"{NUMBER}|[-+*/]", text)
    if "".join(tokens) != "".join(text.split()) or len(tokens) % 2 == 0 or len(tokens) < 3:
        return None
    try:
        value = Fraction(tokens[0])
        for sign, number in zip(tokens[1::2], map(Fraction, tokens[2::2]), strict=True):
            value = {"+": value + number, "-": value - number, "*": value * number}.get(sign) or (
                value / number if sign == "/" else Fraction(0)
            )
    except (ValueError, ZeroDivisionError):
        return None
    return value
