"""Exact values of trees without symbols or roots, as fractions, within bounds of size."""

import re
from fractions import Fraction
from math import comb, factorial

from .grammar import Tree

MAX_BITS = 20_000


def value(tree: Tree) -> Fraction | None:
    """The rational number that a tree states; None where it states another one, none, or one beyond MAX_BITS."""
    try:
        number = _value(tree)
    except (ZeroDivisionError, OverflowError):
        return None
    return number


def decimal(text: str) -> Fraction:
    r"""A written number, recurring decimals (`0.1\overline{6}`) included."""
    written, recurring = re.fullmatch(r"([\d.]+)(?:\\overline\s*\{(\d+)\})?", text).groups()  # type: ignore[union-attr]
    number = Fraction(written.rstrip("."))
    if recurring:
        places = len(written.partition(".")[2])
        number += Fraction(int(recurring), (10 ** len(recurring) - 1) * 10**places)
    return number


def _value(tree: Tree) -> Fraction | None:
    kind = tree[0]
    if kind == "num":
        return decimal(tree[1])
    if kind == "neg":
        inner = _value(tree[1])
        return None if inner is None else -inner
    if kind == "call":
        return _called(tree)
    if kind not in ("+", "-", "*", "/", ":", "^"):
        return None
    left, right = _value(tree[1]), _value(tree[2])
    if left is None or right is None:
        return None
    return _power(left, right) if kind == "^" else _bounded(_combined(kind, left, right))


def _combined(kind: str, left: Fraction, right: Fraction) -> Fraction:
    if kind in "+-":
        return left + right if kind == "+" else left - right
    return left * right if kind == "*" else left / right


def _bounded(number: Fraction) -> Fraction | None:
    size = max(number.numerator.bit_length(), number.denominator.bit_length())
    return number if size <= MAX_BITS else None


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1:
        return None
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > 1 and abs(exponent) * bits > MAX_BITS:
        return None
    # of 0 and 1 and -1 every power is small, however large the exponent
    whole = exponent.numerator if abs(base) > 1 or abs(exponent) < MAX_BITS else exponent.numerator % 2 + 2
    return base**whole


def _called(tree: Tree) -> Fraction | None:
    name = tree[1]
    arguments = [_value(t) for t in tree[2:]]
    if any(a is None for a in arguments):
        return None
    first = arguments[0] or Fraction(0)
    if name == "percent":
        return first / 100
    if name == "abs":
        return abs(first)
    if name in ("floor", "ceil"):
        return Fraction(first.__floor__() if name == "floor" else first.__ceil__())
    if name == "factorial" and first.denominator == 1 and 0 <= first <= 500:
        return Fraction(factorial(first.numerator))
    second = arguments[1] if len(arguments) == 2 else None
    if name == "binomial" and second is not None and first.denominator == second.denominator == 1:
        return Fraction(comb(int(first), int(second))) if 0 <= second <= first <= 500 else None
    return None
