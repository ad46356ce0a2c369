"""Runs in a process of its own: whether two trees have the same value, by arithmetic of 160 digits, within limits.

Identity is tested at random points (Schwartz and Zippel): two expressions that agree to 100 digits at six points of
both signs are taken for the same. Standard input has one JSON request a line, standard output one `true` or `false`.
"""

import json
import random
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any

import mpmath

Point = Callable[[str], Any]
"""The value of each variable by name; values are numbers of mpmath, which has no types."""
DIGITS = 160
AGREE = 100
POINTS = 6
MEMORY = 2 << 30
LARGEST_EXPONENT = 1e12
"""Of a power in base 2; larger ones are not evaluated."""
LARGEST_ARGUMENT = 1e12
"""Of a function; the reduction of larger angles takes as many digits as they have."""
UNKNOWN_BASE = 7.3
"""Of a logarithm without one: some write it for e, some for 10, so that it agrees with neither."""
LARGEST_VALUE = 1e90
"""Numbers beyond it are not told apart by AGREE digits when a small one is added to them."""


def main() -> None:
    """Answers requests `{"kind", "left", "right"}` until the end of input; what fails is not the same."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    mpmath.mp.dps = DIGITS
    for line in sys.stdin:
        request = json.loads(line)
        try:
            same = KINDS[request["kind"]](request["left"], request["right"])
        except (ArithmeticError, ValueError, TypeError, KeyError, MemoryError, RecursionError, NotImplementedError):
            same = False
        print(json.dumps(bool(same)), flush=True)


class Evaluator:
    """Values of trees at one point; remembers the largest number on the way, which bounds the rounding error."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.largest: Any = 0

    def value(self, tree: Any) -> Any:
        """The complex number that `tree` has here."""
        number = mpmath.mpmathify(self._value(tree))
        if not mpmath.isfinite(number):
            raise ValueError("no finite number")
        self.largest = max(self.largest, abs(number))
        return number

    def _value(self, tree: Any) -> Any:
        kind = tree[0]
        if kind == "num":
            return number(tree[1])
        if kind == "sym":
            return self.point(tree[1])
        if kind == "const":
            return {"pi": mpmath.pi, "e": mpmath.e, "i": mpmath.mpc(0, 1)}[tree[1]]
        if kind == "neg":
            return -self.value(tree[1])
        if kind == "call":
            return called(tree[1], [self.value(t) for t in tree[2:]])
        left, right = self.value(tree[1]), self.value(tree[2])
        if kind == "^":
            return power(left, right)
        if kind in "/:":
            return left / right
        return {"+": left + right, "-": left - right, "*": left * right}[kind]


def number(text: str) -> Any:
    """A fraction or a decimal, which may recur, as a number."""
    above, _, below = text.partition("/")
    if below:
        return mpmath.mpf(int(above)) / int(below)
    written, _, recurring = above.partition("\\overline")
    recurring = recurring.strip(" {}")
    shift = mpmath.mpf(10) ** len(written.partition(".")[2])
    return mpmath.mpf(written) + (mpmath.mpf(int(recurring)) / (10 ** len(recurring) - 1) / shift if recurring else 0)


def power(base: Any, exponent: Any) -> Any:
    """`base ** exponent`, where the result can be written down."""
    if base != 0 and abs(exponent) * (1 + abs(mpmath.log(abs(base), 2))) > LARGEST_EXPONENT:
        raise OverflowError("too large a power")
    third = exponent * 3
    if base.imag == 0 and base.real < 0 and exponent.imag == 0 and mpmath.almosteq(third, mpmath.nint(third.real)):
        whole = int(mpmath.nint(third.real))
        if whole % 3:  # the real cube root, as school mathematics has it
            return (-((-base) ** (mpmath.mpf(1) / 3))) ** whole
    return base**exponent


def called(name: str, arguments: list[Any]) -> Any:
    """A function of its arguments; unknown names raise KeyError."""
    first = arguments[0]
    if abs(first) > LARGEST_ARGUMENT and name not in ("sqrt", "ln", "lg", "log", "abs", "percent"):
        raise OverflowError("too large an argument")
    if name == "log":
        return mpmath.log(first, arguments[1] if len(arguments) == 2 else UNKNOWN_BASE)
    if name in ("factorial", "binomial") and max(abs(a) for a in arguments) > 1e6:
        raise OverflowError("too large a factorial")
    names = {
        "ln": mpmath.log, "lg": mpmath.log10, "abs": abs, "factorial": mpmath.factorial,
        "percent": lambda x: x / 100, "degree": mpmath.radians, "arcsin": mpmath.asin, "arccos": mpmath.acos,
        "arctan": mpmath.atan, "ceil": mpmath.ceil, "floor": mpmath.floor, "binomial": mpmath.binomial,
    }  # fmt: skip
    direct = ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "exp", "sqrt")
    return (names[name] if name not in direct else getattr(mpmath, name))(*arguments)


def symbols(tree: Any) -> set[str]:
    """Names of the variables in a tree."""
    if isinstance(tree, str):
        return set()
    if tree[0] == "sym":
        return {tree[1]}
    return {name for part in tree[1:] if not isinstance(part, str) for name in symbols(part)}


def points(*trees: Any) -> Iterator[Point]:
    """Values for all variables: half of POINTS positive, then of both signs; one point where there are no variables."""
    names = sorted({name for tree in trees for name in symbols(tree)})
    rng = random.Random(" ".join(names))
    for place in range(POINTS if names else 1):
        signs = [
            1 if place < POINTS // 2 else (-1) ** (1 + i * (place > POINTS // 2) + place // 5)
            for i in range(len(names))
        ]
        drawn = {n: s * mpmath.mpf(rng.randrange(10**6, 3 * 10**6)) / 10**6 for n, s in zip(names, signs, strict=True)}
        yield drawn.__getitem__


def near(left: Any, right: Any, largest: Any) -> bool:
    """Whether two numbers agree to AGREE digits, or both are nothing but rounding error of `largest`."""
    apart = abs(left - right)
    noise = largest * mpmath.mpf(10) ** (8 - DIGITS)
    return bool(apart <= max(abs(left), abs(right)) * mpmath.mpf(10) ** -AGREE or apart <= noise)


def same(left: Any, right: Any) -> bool:
    """Whether two expressions have the same value wherever both have one; they must at three points."""
    compared = 0
    for point in points(left, right):
        evaluator = Evaluator(point)
        try:
            one, other = evaluator.value(left), evaluator.value(right)
        except (ArithmeticError, ValueError):
            continue
        if not near(one, other, evaluator.largest) or abs(one) > LARGEST_VALUE:
            return False
        compared += 1
    return compared >= (POINTS // 2 if symbols(left) | symbols(right) else 1)


def proportional(left: Any, right: Any) -> bool:
    """Whether `left = 0` and `right = 0` are the same equation up to a constant factor."""
    ratio = None
    for point in points(left, right):
        evaluator = Evaluator(point)
        one, other = evaluator.value(left), evaluator.value(right)
        if not one or not other:
            return False
        if ratio is not None and not near(one / other, ratio, 1):
            return False
        ratio = one / other
    return ratio is not None and bool(symbols(left) and symbols(right))


def rounded(decimal: Any, tree: Any) -> bool:
    """Whether a written decimal is the value of `tree`, rounded or cut off at its last digit."""
    shift = mpmath.mpf(10) ** len(decimal[1].partition(".")[2])
    exact = Evaluator(dict[str, Any]().__getitem__).value(tree) * shift
    if exact.imag:
        return False
    stated = number(decimal[1]) * shift
    return stated in (mpmath.floor(exact.real), mpmath.floor(exact.real + mpmath.mpf("0.5")))


KINDS = {"same": same, "proportional": proportional, "rounded": rounded}


if __name__ == "__main__":
    main()
