"""Calculation: the exact value of an expression of numbers, + - * / ^ %, and brackets."""

import re
from fractions import Fraction

from ..tiers.answers.signs import plain

MAX_TOKENS = 60
NUMBER = r"\d{1,15}(?:\.\d{1,12})?|\.\d{1,12}"
"""A number without sign, as a regular expression."""
PIECE = re.compile(rf"{NUMBER}|%|\*\*|[-+*/()^]")
"""A number or a sign."""


class Unsolved(ValueError):
    """The text is not understood, so nothing can be said about its answer."""


def calculate(text: str) -> Fraction:
    """The exact value of an expression of numbers, + - * / ^ %, and brackets.

    Raises:
        Unsolved: anything else, a division by zero, or more than MAX_TOKENS tokens.
    """
    written = plain(text)
    tokens = PIECE.findall(written)
    if not tokens or "".join(tokens) != "".join(written.split()) or len(tokens) > MAX_TOKENS:
        raise Unsolved(f"{text.strip()[:60]!r} is no expression of numbers")
    value = _sum(tokens)
    if tokens:
        raise Unsolved(f"{text.strip()[:60]!r} is no whole expression")
    return value


def _sum(tokens: list[str]) -> Fraction:
    value = _product(tokens)
    while tokens and tokens[0] in "+-":
        value = value + _product(tokens) if tokens.pop(0) == "+" else value - _product(tokens)
    return value


def _product(tokens: list[str]) -> Fraction:
    value = _power(tokens)
    while tokens and tokens[0] in ("*", "/", "("):
        divides = tokens[0] == "/"
        if tokens[0] != "(":
            tokens.pop(0)
        other = _power(tokens)
        if divides and other == 0:
            raise Unsolved("a division by zero")
        value = value / other if divides else value * other
    return value


def _power(tokens: list[str]) -> Fraction:
    value = _atom(tokens)
    if tokens and tokens[0] in ("^", "**"):
        tokens.pop(0)
        exponent = _power(tokens)
        if exponent.denominator != 1 or abs(exponent) > 20 or value == 0:
            raise Unsolved("a power that is not read")
        value = value**exponent.numerator
    return value


def _atom(tokens: list[str]) -> Fraction:
    token = tokens.pop(0) if tokens else ""
    if token == "-":
        return -_power(tokens)
    if token == "(":
        value = _sum(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise Unsolved("a bracket stays open")
    elif token[:1].isdigit() or token[:1] == ".":
        value = Fraction(token)
    else:
        raise Unsolved(f"a number was wanted, got {token!r}")
    if tokens and tokens[0] == "%":
        tokens.pop(0)
        return value / 100
    return value
