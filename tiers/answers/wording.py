"""Wording: numbers in words (English and Chinese), dates, clock times and proportions in the text of an answer."""

import re
from fractions import Fraction
from typing import Any

from . import numerals

_ONES = {
    word: number
    for number, word in enumerate(
        """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen
        """.split()  # noqa: SIM905
    )
}
_TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))  # noqa: SIM905
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_MULTIPLES = {**_LARGE, "hundred": 100, "dozen": 12, "百万": 10**6, "千万": 10**7, "万": 10**4, "亿": 10**8}
_ENGLISH = "|".join(name for name in _MULTIPLES if name.isascii())
_MULTIPLE = re.compile(rf"(\d)\s*(?:({_ENGLISH})s?\b|([百千]万|[万亿])(?!瓦))", re.IGNORECASE)
_WORD = "|".join([*_ONES, *_TENS, "hundred", *_LARGE])
_SPELLED = re.compile(rf"(?:minus |negative )?(?:{_WORD})(?:[ -](?:and )?(?:{_WORD}))*(?![\w-])", re.IGNORECASE)
_PARTS = {"half": 2, "halve": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
          "eighth": 8, "ninth": 9, "tenth": 10}  # fmt: skip
_PART = re.compile(
    rf"(?<![\w-])(?:(?P<whole>{'|'.join(_ONES)}|\d+) and )?(?P<count>an?|{'|'.join(_ONES)})[ -]"
    rf"(?P<part>(?:{'|'.join(_PARTS)})s?)(?![\w-])",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"(?<![\w])负?(?:百分之[零〇一二两三四五六七八九十百点]+|[零〇一二两三四五六七八九十百千万亿]+(?:分之|点)?[零〇一二两三四五六七八九十百千万亿]*)(?<![百千](?=[米克瓦卡赫帕伏焦牛升欧安兆]))"
)
_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_MONTH = "|".join(f"{m[:3]}(?:{m[3:]})?" for m in _MONTHS)
_DATES = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"),
    re.compile(r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})"),
    re.compile(r"(?:(?P<y>\d{4})\s*年\s*)?(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*[日号]"),
    re.compile(rf"(?P<name>{_MONTH})\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<y>\d{{4}}))?", re.IGNORECASE),
    re.compile(rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<name>{_MONTH})\.?(?:,? (?P<y>\d{{4}}))?", re.IGNORECASE),
)
_TIME = re.compile(r"(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?\s*(?P<half>[ap]\.?\s?m\.?)?", re.IGNORECASE)
_HOUR = re.compile(r"(?P<h>\d{1,2})\s*(?P<half>[ap]\.?m\.?)", re.IGNORECASE)
_DAYTIMES = {"noon": ("12", "0", "0"), "12 noon": ("12", "0", "0"), "midnight": ("0", "0", "0")}
_REMAINDER = re.compile(r"(-?\d+)\s*(?:r(?:em(?:ainder)?)?\b\.?|\u4f59|\.{3,6})\s*(\d+)", re.IGNORECASE)
_PROPORTION = re.compile(r"\d+(?:\.\d+)?(?:\s*:\s*\d+(?:\.\d+)?){2,}")


def numbers(text: str) -> str:
    """`text` with its numbers in digits: `twenty-one eggs`, `3.5 million`, `三百二十五米`, `2万`."""
    text = re.sub(r"(?<=\d)\s*\\text\s*\{\s*(?:percent|per cent)\s*\}", "%", text)
    text = _chinese_short(text) if re.search(f"[{numerals.HAN}]|[\u534a\u7c73\u5757\u5143]", text) else text
    text = re.sub(r"^(\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)$", r"\1:\2", text)
    text = _MULTIPLE.sub(lambda m: f"{m[1]}*{_MULTIPLES[(m[2] or m[3]).lower()]} ", text)
    text = re.sub(r"(?<=\d)(千|百)(?=$|个|元)", lambda m: f"*{100 if m[1] == '百' else 1000}", text)
    if re.search(r"[a-z]{3}", text, re.IGNORECASE):
        text = re.sub(r"(?<=\d)\s*(?:percent|per cent|pct)(?!\w)", "%", text, flags=re.IGNORECASE)
        text = _SPELLED.sub(lambda m: _spelled(m[0]), _PART.sub(_part, text))
        text = _MULTIPLE.sub(
            lambda m: f"{m[1]}*{_MULTIPLES[(m[2] or m[3]).lower()]} ", re.sub("^an? dozen", "12 ", text)
        )
    return _chinese(text) if re.search(f"[{numerals.HAN}]", text) else text


def _chinese_short(text: str) -> str:
    """What Chinese leaves out: `1米20` is 1.20 m, `半小时` half an hour, `1万2千` 12000, `零下5度` -5 degrees."""
    text = re.sub(
        r"^(\d+)([\u7c73\u5757\u5143])(\d{1,2})$",
        r"\1.\3\2",
        re.sub(r"^\u96f6\u4e0b(?=\s*[\d\u4e00-\u9fff])", "-", text),
    )
    text = re.sub(
        r"^\u534a\u4e2a?(?=(?:\u5c0f\u65f6|\u5929|\u5e74|\u6708|\u7c73|\u5343?\u514b|\u516c?\u65a4|\u5347|\u5428)$)",
        "0.5",
        text,
    )
    return re.sub(r"^(\d+)\u4e07(\d)\u5343", lambda m: str(int(m[1]) * 10_000 + int(m[2]) * 1_000), text)


def _chinese(text: str) -> str:
    text = _CHINESE.sub(lambda m: _in_digits(m[0]), text)
    text = re.sub(r"(\d)成(?!\w)", r"\g<1>0%", text)
    return re.sub(r"^(\d+(?:\.\d+)?)比(\d+(?:\.\d+)?)$", r"\1:\2", text)


def _part(match: re.Match[str]) -> str:
    """A fraction in words, alone or behind a whole number (`two and a half`)."""
    count = {"a": 1, "an": 1}.get(match["count"].lower()) or _ONES[match["count"].lower()]
    name = match["part"].lower().removesuffix("s")
    fraction = f"{count}/{_PARTS[name]}"
    whole = match["whole"] and int(_spelled(match["whole"]) if match["whole"].isalpha() else match["whole"])
    return f"({whole}+{fraction})" if match["whole"] else f"({fraction})"


def _spelled(words: str) -> str:
    total = group = 0
    negative = False
    for word in re.split(r"[\s-]+", words.lower()):
        if word in ("minus", "negative"):
            negative = True
        elif word == "hundred":
            group = (group or 1) * 100
        elif word in _LARGE:
            total, group = total + (group or 1) * _LARGE[word], 0
        else:
            group += _ONES.get(word, _TENS.get(word, 0))
    return f"{'-' if negative else ''}{total + group}"


def _in_digits(text: str) -> str:
    number = numerals.value(text)
    if number is None:
        return text
    return str(number) if number.denominator == 1 else f"({number})" if number > 0 else f"-({-number})"


def special(text: str) -> tuple[Any, ...] | None:
    """A date, clock time, quotient with remainder or proportion of three and more, with its kind in front, or None."""
    text = " ".join(re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text).split())
    for pattern in _DATES:
        match = pattern.fullmatch(text)
        if match:
            parts = match.groupdict()
            month = _MONTHS.index(_full(parts["name"])) + 1 if parts.get("name") else int(parts["m"])
            valid = 1 <= month <= 12 and 1 <= int(parts["d"]) <= 31
            return ("date", str(parts["y"] or ""), str(month), str(int(parts["d"]))) if valid else None
    match = _TIME.fullmatch(text) or _HOUR.fullmatch(text)
    if match and int(match["h"]) < 24:
        return _clock(match.groupdict())
    if text.lower() in _DAYTIMES:
        return ("time", *_DAYTIMES[text.lower()])
    match = _REMAINDER.fullmatch(text)
    if match:
        return ("remainder", str(int(match[1])), str(int(match[2])))
    if _PROPORTION.fullmatch(text):
        parts_of = [Fraction(part.strip()) for part in text.split(":")]
        total = sum(parts_of)
        return ("proportion", *(str(p / total) for p in parts_of)) if total else None
    return None


def _full(name: str) -> str:
    return next(m for m in _MONTHS if m.startswith(name.lower()[:3]))


def _clock(parts: dict[str, str | None]) -> tuple[str, ...]:
    half = (parts["half"] or "").lower()[:1]
    hour = int(parts["h"] or 0)
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    return ("time", str(hour), str(int(parts.get("m") or 0)), str(int(parts.get("s") or 0)))
