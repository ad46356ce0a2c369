"""Stories that are read for certain: every sentence has a known form, and the question asks for what they tell of.

A sentence of another form, a thing that nobody asked for, or a second person makes a story unread. A reader that
guesses accepts wrong answers ("5 dogs, 2 cats, 10 birds: how many legs?").
"""

import re
from fractions import Fraction

from .calculation import Unsolved

Result = tuple[Fraction, Fraction | None]
"""The result, and the remainder where one is asked for."""
_N = r"(\d{1,9})"
_GAINS = (
    "buys|finds|gets|receives|collects|gains|earns|picks|wins"
    "|bought|found|got|received|collected|gained|earned|picked|won"
)
_LOSSES = "sells|loses|uses|eats|spends|breaks|sold|lost|used|ate|spent|broke"
_MOVE = re.compile(
    rf"(?:Then |Later |Then, |Later, |After that, )?(?P<who>[A-Z][a-z]+|[Hh]e|[Ss]he|[Tt]hey) "
    rf"(?:(?P<gain>{_GAINS})|(?P<loss>{_LOSSES})|(?P<gift>gives|gave)) (?P<n>\d{{1,9}})"
    r"(?: more)?(?P<of> of (?:them|his|her|the|their))?(?: more)?(?: (?P<thing>[a-z]+))?"
    r"(?P<away> away| to (?P<other>[A-Z][a-z]+))?"
)
_START = re.compile(
    rf"(?P<name>[A-Z][a-z]+) (?:has|had) {_N} (?P<thing>[a-z]+)"
    rf"(?: and (?:{_GAINS}) (?P<more>\d{{1,9}}) more(?: (?P=thing))?)?"
)
_KEPT = re.compile(r"\b(?:uses|used|breaks|broke)\b")
"""What is used or broken may still be there; only a question after what is left or there now counts it as gone."""
_LEFT = re.compile(
    r"How many(?: (?P<thing>[a-z]+))? (?:(?:does|do) (?P<who>[A-Z][a-z]+|he|she|they) have"
    r"(?: now| left| in all| in total| altogether)?"
    r"|(?:are|is) (?:there )?left)(?: now)?\?"
)


def read(question: str) -> Result:
    """The result of a story.

    Raises:
        Unsolved: some part of it has no known form.
    """
    text = " ".join(question.split())[:2_000]
    for reader in _FORMS:
        result = reader(text)
        if result is not None:
            if result[0] < 0:
                raise Unsolved("a number of things below zero")
            return result
    raise Unsolved("no story of a known form")


def _changes(text: str) -> Result | None:
    """One person has a number of things, then gets and gives some."""
    *sentences, asked = re.split(r"(?<=[.?])\s+", text)
    start = _START.fullmatch(sentences[0].rstrip(".")) if sentences else None
    question = _LEFT.fullmatch(asked)
    if not start or not question or question["who"] not in (None, start["name"], "he", "she", "they"):
        return None
    thing = start["thing"]
    amount = Fraction(start[2]) + int(start["more"] or 0)
    if question["thing"] not in (None, thing) or (_KEPT.search(text) and not re.search(r"\b(?:now|left)\b", asked)):
        return None
    others = False
    for sentence in sentences[1:]:
        move = _MOVE.fullmatch(sentence.rstrip("."))
        if not move or move["who"].lower() not in (start["name"].lower(), "he", "she", "they"):
            return None
        if move["thing"] not in (None, thing) or (move["gift"] and not move["away"]) or (move["away"] and move["gain"]):
            return None
        if (move["gain"] and move["of"]) or (others and move["who"] != start["name"]):
            return None  # `picks 2 of them` is no gain; `she` may be who was given something
        others = others or bool(move["other"])
        amount += int(move["n"]) if move["gain"] else -int(move["n"])
        if amount < 0:
            return None
    return None if others and question["who"] not in (None, start["name"]) else (amount, None)


def _match(pattern: str, text: str) -> tuple[Fraction, ...] | None:
    match = re.fullmatch(pattern, text)
    return None if match is None else tuple(Fraction(match[k]) for k in ("a", "b", "c") if k in match.re.groupindex)


_A, _B, _C = (rf"(?P<{k}>\d{{1,9}})" for k in "abc")
_NAME, _T = r"[A-Z][a-z]+", r"(?P<t>[a-z]+)"


def _groups(text: str) -> Result | None:
    for told in (rf"There are {_A} [a-z]+ with {_B} {_T} in each\.", rf"Each of {_A} [a-z]+ holds {_B} {_T}\."):
        whole = _match(rf"{told} How many (?P=t) are there (?:in all|in total|altogether)\?", text)
        if whole:
            return whole[0] * whole[1], None
        rest = _match(rf"{told} Then {_C} (?P=t) are taken out\. How many (?P=t) are left\?", text)
        if rest:
            return rest[0] * rest[1] - rest[2], None
    return None


def _shares(text: str) -> Result | None:
    told = rf"(?:{_A} [a-z]+ are shared|{_NAME} divides (?P<d>\d{{1,9}}) [a-z]+) equally among {_B} [a-z]+\."
    match = re.fullmatch(rf"{told} How many does each get, and how many remain\?", text)
    if match is None or not int(match["b"]):
        return None
    each, rest = divmod(int(match["a"] or match["d"]), int(match["b"]))
    return Fraction(each), Fraction(rest)


def _pays(text: str) -> Result | None:
    name = rf"(?P<who>{_NAME})"
    numbers = _match(
        rf"{name} buys {_A} [a-z]+ at {_B} (?P<money>euros|dollars) each and pays with {_C} (?P=money)\. "
        r"How much change does (?P=who) get\?",
        text,
    )
    return None if numbers is None else (numbers[2] - numbers[0] * numbers[1], None)


def _compares(text: str) -> Result | None:
    match = re.fullmatch(
        rf"(?P<first>{_NAME}) has {_A} {_T}\. {_NAME} has {_B} (?P<sign>more|fewer) than (?P=first)\. "
        r"How many (?P=t) do they have together\?",
        text,
    )
    if match is None:
        return None
    a, b = int(match["a"]), int(match["b"])
    if match["sign"] == "fewer" and b > a:
        return None
    return Fraction(2 * a + b if match["sign"] == "more" else 2 * a - b), None


def _adds_up(text: str) -> Result | None:
    told = rf"The first [a-z]+ holds {_A} {_T}, the second {_B} and the third {_C}\."
    numbers = _match(rf"{told} How many (?P=t) are there in all\?", text)
    return None if numbers is None else (sum(numbers, Fraction(0)), None)


def _travels(text: str) -> Result | None:
    told = rf"An? [a-z]+ covers {_A} kilometres per hour and keeps going for {_B} hours\."
    numbers = _match(rf"{told} How many kilometres is that in all\?", text)
    return None if numbers is None else (numbers[0] * numbers[1], None)


_FORMS = (_changes, _groups, _shares, _pays, _compares, _adds_up, _travels)
