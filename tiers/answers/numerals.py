"""Chinese numerals: found in a text and read as numbers."""

import re
from fractions import Fraction

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Chinese characters, for use in a regular expression."""
DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"\u3007": 0, "两": 2, "\u25cb": 0}
UNITS = {"十": 10, "百": 100, "千": 1_000}
GROUPS = {"万": 10_000, "亿": 100_000_000}
_ALL = "".join([*DIGITS, *UNITS, *GROUPS])
_INTEGER = f"[{_ALL}]{{1,24}}"
_NO_NUMBERS = frozenset("万一 一一 千万 万千 万万 亿万".split())  # noqa: SIM905 -- words such as "in case" and "one by one"
_MEASURES = "年月日号秒岁个只条本次位名人章节页项种倍成元块米克吨斤里天周届层步"
NUMERAL = re.compile(
    f"(?P<minus>负)?(?:(?P<percent>百分之)(?P<rate>{_INTEGER}(?:点{_INTEGER})?)"
    f"|(?P<below>{_INTEGER})分之(?P<above>{_INTEGER})"
    f"|(?P<number>{_INTEGER}点[{''.join(DIGITS)}]{{1,12}}|[{_ALL}]{{2,24}}|(?<=第)[{_ALL}]|[{_ALL}](?=[{_MEASURES}])))"
)
"""A numeral that counts: one character alone does only after `第` or before a measure (`一个`, but not `一般`)."""


def integer(text: str) -> int | None:
    """The whole number that Chinese numerals write (`三百二十五`, `二〇二五`); None where they write none."""
    if not text or any(c not in _ALL for c in text):
        return None
    if all(c in DIGITS for c in text):
        return int("".join(str(DIGITS[c]) for c in text))
    total = group = digit = 0
    for c in text:
        if c in DIGITS:
            digit = DIGITS[c]
        elif c in UNITS:
            group, digit = group + (digit or 1) * UNITS[c], 0
        else:
            below = total + group + digit if c == "亿" else group + digit
            total, group, digit = (0 if c == "亿" else total) + (below or 1) * GROUPS[c], 0, 0
    if digit and text[-2] in "百千万亿":  # `两百五`: the last unit is left out where it is the next smaller one
        digit *= (UNITS | GROUPS)[text[-2]] // 10
    return total + group + digit


def value(text: str) -> Fraction | None:
    """The number that a whole text of Chinese numerals writes, fractions and percentages too; None for other text."""
    match = NUMERAL.fullmatch(text.strip()) or re.fullmatch(f"(?P<minus>负)?(?P<number>{_INTEGER})", text.strip())
    return _read(match) if match else None


def _read(match: re.Match[str]) -> Fraction | None:
    found = match.groupdict()
    if found.get("below"):
        below, above = integer(found["below"]), integer(found["above"])
        number = Fraction(above, below) if above is not None and below else None
    else:
        number = _decimal(found.get("rate") or found["number"])
        number = number / 100 if number is not None and found.get("percent") else number
    return -number if number is not None and found.get("minus") else number


def _decimal(text: str) -> Fraction | None:
    whole, point, digits = text.partition("点")
    number = integer(whole)
    if number is None or not point:
        return None if number is None else Fraction(number)
    return number + Fraction(int("".join(str(DIGITS.get(c, 0)) for c in digits)), 10 ** len(digits))


def numerals(text: str) -> list[str]:
    """The Chinese numerals of a text in their order, each as its number is written in digits."""
    found = (_read(m) for m in NUMERAL.finditer(text) if m[0] not in _NO_NUMBERS)
    return [str(n) if n.denominator == 1 else f"{n.numerator}/{n.denominator}" for n in found if n is not None]
