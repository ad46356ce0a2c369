"""Units: which dimension a unit measures and how large it is; units of one dimension are converted exactly."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache


@dataclass(frozen=True)
class Unit:
    """A factor and the powers of base dimensions, such as 1000/3600 with length 1 and time -1 for `km/h`."""

    factor: Fraction
    powers: tuple[tuple[str, int], ...]
    doubtful: bool = False
    """One letter that may as well be a variable: `5m`."""


# Dimension: names of units, each group with its size in the first unit of the line. Sizes are exact by definition.
_TABLE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "length": (
        ("1", "m meter metre 米 公尺"), ("1000", "km kilometer kilometre kms 千米 公里"),
        ("1/10", "dm decimeter decimetre 分米"), ("1/100", "cm centimeter centimetre cms 厘米 公分"),
        ("1/1000", "mm millimeter millimetre 毫米"), ("1/1000000", "µm μm micrometer micron 微米"),
        ("1/1000000000", "nm nanometer 纳米"), ("0.0254", "in inch inche"), ("0.3048", "ft foot feet"),
        ("0.9144", "yd yard"), ("1609.344", "mi mile"),
    ),
    "mass": (
        ("1", "g gram gramme gm 克"), ("1000", "kg kilogram kilo kgs 千克 公斤"), ("1/1000", "mg milligram 毫克"),
        ("1000000", "t tonne 吨"), ("500", "斤"),
        ("45359237/100000", "lb lbs pound"), ("45359237/1600000", "oz ounce"), ("907184.74", "ton"),
    ),
    "time": (
        ("1", "s sec second 秒 秒钟"), ("60", "min minute mins 分钟"), ("900", "刻 刻钟"),
        ("3600", "h hr hour hrs 小时 时 个小时"), ("86400", "day 天 日"), ("604800", "week 周 星期 个星期"),
        ("1/1000", "ms millisecond 毫秒"),
    ),
    "months": (("1", "month 个月 月"), ("12", "year yr 年"), ("120", "decade"), ("1200", "century centurie 世纪")),
    "volume": (
        ("1/1000", "l liter litre 升"), ("1/1000000", "ml milliliter millilitre 毫升"),
        ("3.785411784e-3", "gallon gal"), ("0.946352946e-3", "quart qt"), ("0.473176473e-3", "pint pt"),
    ),
    "area": (("10000", "ha hectare 公顷"),),
    "dollar": (("1", "$ dollar usd buck 美元"), ("1/100", "cent ¢ 美分")),
    "yuan": (("1", "元 块 块钱 元钱 yuan rmb cny 人民币"), ("1/10", "角 毛 jiao")),
    "euro": (("1", "€ euro eur 欧元"),),
    "poundsterling": (("1", "£ gbp 英镑"),),
    "yen": (("1", "yen jpy 日元"),),
    "rupee": (("1", "₹ rupee inr rs 卢比"),),
    "angle": (("1", "° degree deg 度"), ("1/60", "arcminute"), ("1/3600", "arcsecond")),
    "radian": (("1", "rad radian 弧度"),),
    "celsius": (("1", "°c celsius 摄氏度 degreescelsius"),),
    "fahrenheit": (("1", "°f fahrenheit 华氏度"),),
    "kelvin": (("1", "k kelvin"),),
    "force": (("1", "n newton 牛 牛顿"), ("1000", "kn")),
    "energy": (("1", "j joule 焦耳 焦"), ("1000", "kj")),
    "power": (("1", "w watt 瓦 瓦特"), ("1000", "kw 千瓦")),
    "voltage": (("1", "v volt 伏 伏特"),),
    "current": (("1", "a amp ampere 安 安培"),),
    "pressure": (("1", "pa pascal 帕"), ("1000", "kpa")),
    "frequency": (("1", "hz hertz 赫兹"), ("1000", "khz"), ("1000000", "mhz")),
    "resistance": (("1", "ω ohm 欧 欧姆"),),
    "amount": (("1", "mol mole 摩尔"),),
}  # fmt: skip
_AS_LENGTH = {"area": 2, "volume": 3}
_DOUBTFUL = frozenset("mglhtsnjwvaktk")
_COUNTERS = frozenset(
    """
        个 只 条 本 次 人 名 位 张 块 颗 棵 朵 枚 辆 支 枝 把 件 页 根 头 匹 套 盒 袋 瓶 箱 包 台 架 艘 首 句 段 排
        行 列 间 座 层 份 束 串 种 岁 题 道 组 班 家 户 双 对 副 面 杯 碗 桶 筐 篮 片 粒 滴 节 章 项 倍 步 圈 站 场
        局 届 期 趟 遍 下 声 字 幅 株 瓣 盆 盘 顶 口 unit units
    """.split()  # noqa: SIM905
)
"""Measure words: they count and say nothing about what is counted."""
_WORDS = re.compile(r"[^\W\d_]+(?:[ -][^\W\d_]+){0,2}")
_NO_THINGS = frozenset(
    """
        more less fewer greater than of or and to by from at times plus minus over out remainder r rest is are was
        not no if for between about pm am oclock half halves third thirds quarter quarters fourth fourths fifth
        fifths sixth sixths eighth eighths tenth tenths hundredth hundredths squared cubed square cubic percent per
        each mod equals hundred hundreds thousand thousands million millions billion billions trillion dozen dozens
        the a an in pi sqrt sin cos tan cot sec csc log ln exp x y z ago early late left right north south east west
        up down below above off short loss deficit debt missing unknown impossible true false nothing none factorial
        choose percentage basis pct lakh lakhs crore crores mil mn bn tn gross ones tens twos seventh sevenths ninth
        ninths eleventh elevenths twelfth twelfths fifteenth fifteenths sixteenth sixteenths twentieth twentieths
        thousandth thousandths millionth millionths
    """.split()  # noqa: SIM905
)
"""Words that change the number before them, so that none of them names a thing."""
_NO_HAN_THINGS = re.compile("(?:.?半|.?[多余几十百千万亿兆又]|[成折]$|以[上下内外]|左右|不[足到])")
_GREEK = re.compile("[\u0370-\u03ff]")
_SIMPLE = re.compile(r"(?P<name>°?[^\W\d_]+|[$€£₹¢°]|°)(?:\s*\^?\s*\{?(?P<power>-?[1-9])\}?)?")
_SQUARES = {"square ": 2, "sq ": 2, "sq. ": 2, "平方": 2, "cubic ": 3, "cu ": 3, "立方": 3}


@cache
def _named() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for dimension, groups in _TABLE.items():
        powers = (("length", _AS_LENGTH[dimension]),) if dimension in _AS_LENGTH else ((dimension, 1),)
        for size, names in groups:
            for name in names.split():
                units[name] = Unit(Fraction(size), powers, name in _DOUBTFUL)
    for name, length, time in (("mph", "mi", "h"), ("kmh", "km", "h"), ("kph", "km", "h")):
        units[name] = _product([(units[length], 1), (units[time], -1)])
    return units


def unit(text: str) -> Unit | None:
    """The unit that a whole text names (`km/h`, `square feet`, `平方米`, `m^{2}`), or None.

    Words that are in no table name a thing that is counted (`apples`): a dimension of its own; Greek letters are
    factors (`2π`). Measure words such as `个` count and have no dimension.
    """
    words = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text)
    words = " ".join(words.replace("*", " ").replace("\u00b0 C", "\u00b0C").split())
    return _compound(words) or _thing(words)


def _compound(text: str) -> Unit | None:
    parts = re.split(r"\s*(?:/|\bper\b|\ban?\b(?= (?:hour|day|week|month|year|minute))|每)\s*", text)
    factors: list[tuple[Unit, int]] = []
    for place, part in enumerate(parts):
        known = _simple(part) or (_thing(part) if len(parts) > 1 else None)
        if known is None:
            return None
        factors.append((known, 1 if place == 0 else -1))
    return _product(factors)


def _simple(text: str) -> Unit | None:
    """One name, with a power before or behind it; or several names that multiply (`N m`)."""
    for word, power in _SQUARES.items():
        if text.lower().startswith(word):
            inner = _name(text[len(word) :].strip())
            return inner and _product([(inner, power)])
    factors: list[tuple[Unit, int]] = []
    end = 0
    for match in _SIMPLE.finditer(text):
        known = _name(match["name"])
        if known is None or text[end : match.start()].strip():
            return None
        factors.append((known, int(match["power"] or 1)))
        end = match.end()
    return _product(factors) if factors and not text[end:].strip() and len(factors) <= 3 else None


def _name(text: str) -> Unit | None:
    units, lower = _named(), text.lower()
    exact = units.get(text) or (units.get(lower) if len(text) > 1 or lower in "lnjwvaktω" else None)
    return exact or (units.get(lower[:-1]) if len(lower) > 3 and lower.endswith("s") else None)


def _product(factors: list[tuple[Unit, int]]) -> Unit:
    size, powers = Fraction(1), dict[str, int]()
    for factor, power in factors:
        size *= factor.factor**power
        for dimension, own in factor.powers:
            powers[dimension] = powers.get(dimension, 0) + own * power
    doubtful = all(factor.doubtful for factor, _ in factors)
    return Unit(size, tuple(sorted((d, p) for d, p in powers.items() if p)), doubtful)


def _thing(text: str) -> Unit | None:
    """What is counted, named by up to three words, singular and plural alike."""
    lower = text.lower().strip(" .")
    if lower in _COUNTERS or re.fullmatch("(?:square|sq|cubic) units?", lower):
        return Unit(Fraction(1), ())
    if _GREEK.search(lower) or _NO_HAN_THINGS.match(lower):
        return None
    words = re.split(r"[ -]", lower)
    if not _WORDS.fullmatch(lower) or _NO_THINGS & set(words) or any(len(w) < 2 and w.isascii() for w in words):
        return None
    if lower[0] in _COUNTERS:
        lower = lower[1:]
    return counted(lower)


def counted(words: str) -> Unit:
    """What `words` name, as a dimension of its own; singular and plural are one."""
    return Unit(Fraction(1), ((f"thing {_singular(words.strip().lower())}", 1),))


def _singular(word: str) -> str:
    for ending, put in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("sses", "ss")):
        if word.endswith(ending):
            return word[: -len(ending)] + put
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
