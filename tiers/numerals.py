"""Numbers that are written out in English or Chinese, as digits: `forty-eight`, `two hundred and five`, `一百二十`."""

from collections.abc import Sequence

from .answers import numerals

_SMALL = """zero one two three four five six seven eight nine ten
eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
ENGLISH = {word: value for value, word in enumerate(_SMALL.split())} | {
    word: 10 * tens for tens, word in enumerate(_TENS.split(), 2)
}
ENGLISH_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
JOINED = {tens + unit: ENGLISH[tens] + ENGLISH[unit] for tens in list(ENGLISH)[20:] for unit in list(ENGLISH)[1:10]}
"""`fortyeight`: hyphens within words are folded away."""
CHINESE = numerals.DIGITS
CHINESE_SCALES = numerals.UNITS | numerals.GROUPS
UNITS = ENGLISH | JOINED | CHINESE
SCALES = ENGLISH_SCALES | CHINESE_SCALES
WORDS = (*UNITS, *SCALES, "and")


def composed(words: Sequence[str]) -> list[tuple[int, int]]:
    """(value, words that it takes) of each number in a run of `WORDS`, in order; a lone `and` is -1.

    A number ends where the next word cannot go on with it: `two three` is two numbers, `twenty three` and `一二` one.
    """
    numbers: list[tuple[int, int]] = []
    at = 0
    while at < len(words):
        value, taken = _number(words, at)
        numbers.append((value, taken))
        at += taken
    return numbers


def _number(words: Sequence[str], start: int) -> tuple[int, int]:
    if words[start] == "and":
        return -1, 1
    total = part = 0
    last: int | None = None
    """The unit that was read last and that no scale has multiplied yet."""
    at = start
    while at < len(words):
        word = words[at]
        if word == "and":
            if not (words[at - 1] in ENGLISH_SCALES and at + 1 < len(words) and words[at + 1] in ENGLISH):
                break
        elif word in SCALES:
            if at == start and word in ENGLISH_SCALES:
                return SCALES[word], 1
            total, part, last = _scaled(total, part, last, SCALES[word])
        elif last is None:
            last = UNITS[word]
        elif word in CHINESE and words[at - 1] in CHINESE:
            last = 10 * last + UNITS[word]
        elif words[at - 1] in _TENS.split() and 0 < ENGLISH.get(word, 0) < 10:
            last += UNITS[word]
        else:
            break
        at += 1
    return total + part + (last or 0), at - start


def _scaled(total: int, part: int, last: int | None, scale: int) -> tuple[int, int, int | None]:
    """The sums after a scale word: `part` is below the next thousand (ten thousand in Chinese), `total` above it."""
    if scale < 1_000 or (scale == 1_000 and part and part % 1_000 == 0):
        return total, part + (1 if last is None else last) * scale, None
    below = part + (0 if last is None else last)
    return total + (below or 1) * scale, 0, None
