"""Word problems: stories of having, getting, giving, sharing and paying, filled with numbers of a document."""

from typing import Protocol

import numpy as np

from .exercise import Exercise, pick

_NAMES = """
    Ada Ben Carla Dmitri Elena Farid Grace Hugo Ines Jonas Keiko Liam Maya Noor Omar Priya Rosa Sven Tara Wei
""".split()  # noqa: SIM905
_THINGS = """
    apples books pencils stamps coins shells marbles cards stickers tickets eggs tiles nails seeds buttons photos
""".split()  # noqa: SIM905
_BOXES = ["boxes", "bags", "shelves", "crates", "jars", "trays", "baskets", "drawers"]
_PEOPLE = ["friends", "children", "teams", "classes", "neighbours", "players"]
_GAIN = ["buys", "finds", "gets", "receives", "collects"]
_LOSE = ["sells", "loses", "uses"]


class Numbers(Protocol):
    """Where the numbers come from."""

    def draw(self, rng: np.random.Generator, low: int, high: int) -> int | None:
        """A number from `low` to `high`, or None."""
        ...


def make(numbers: Numbers, rng: np.random.Generator) -> Exercise | None:
    """One story; None where the numbers do not suffice for it."""
    return _STORIES[int(rng.integers(len(_STORIES)))](numbers, rng)


def _changes(numbers: Numbers, rng: np.random.Generator) -> Exercise | None:
    a, b, c = numbers.draw(rng, 10, 999), numbers.draw(rng, 2, 500), numbers.draw(rng, 2, 99)
    if a is None or b is None or c is None or c > a + b:
        return None
    name, thing = pick(rng, _NAMES), pick(rng, _THINGS)
    first = f"{name} has {a} {thing} and {pick(rng, _GAIN)} {b} more."
    then = pick(rng, (f"Then {name} {pick(rng, _LOSE)} {c} of them.", f"Later {name} gives {c} {thing} away."))
    asked = pick(rng, (f"How many {thing} does {name} have now?", f"How many {thing} are left?"))
    steps = (
        f"After the first change there are {a} + {b} = {a + b} {thing}.",
        f"After the second, {a + b} - {c} = {a + b - c}.",
    )
    return _story(f"{first} {then} {asked}", steps, a + b - c, a, b, c)


def _groups(numbers: Numbers, rng: np.random.Generator) -> Exercise | None:
    a, b, c = numbers.draw(rng, 2, 60), numbers.draw(rng, 2, 60), numbers.draw(rng, 2, 99)
    if a is None or b is None or c is None or c > a * b:
        return None
    box, thing = pick(rng, _BOXES), pick(rng, _THINGS)
    first = pick(rng, (f"There are {a} {box} with {b} {thing} in each.", f"Each of {a} {box} holds {b} {thing}."))
    if rng.random() < 0.5:
        steps: tuple[str, ...] = (f"{a} times {b} {thing}: {a} * {b} = {a * b}.",)
        return _story(f"{first} How many {thing} are there in all?", steps, a * b, a, b)
    steps = (
        f"At first there are {a} * {b} = {a * b} {thing}.",
        f"Without those taken out, {a * b} - {c} = {a * b - c}.",
    )
    return _story(f"{first} Then {c} {thing} are taken out. How many {thing} are left?", steps, a * b - c, a, b, c)


def _shares(numbers: Numbers, rng: np.random.Generator) -> Exercise | None:
    a, b = numbers.draw(rng, 20, 999), numbers.draw(rng, 2, 15)
    if a is None or b is None:
        return None
    thing, people = pick(rng, _THINGS), pick(rng, _PEOPLE)
    told = pick(
        rng,
        (
            f"{a} {thing} are shared equally among {b} {people}.",
            f"{pick(rng, _NAMES)} divides {a} {thing} equally among {b} {people}.",
        ),
    )
    each, rest = divmod(a, b)
    steps = (f"{b} * {each} = {b * each}, so each gets {each}.", f"{a} - {b * each} = {rest} remain.")
    asked = "How many does each get, and how many remain?"
    return Exercise(f"{told} {asked}", steps, f"{each} remainder {rest}", "word problem", (str(a), str(b)))


def _pays(numbers: Numbers, rng: np.random.Generator) -> Exercise | None:
    a, b, c = numbers.draw(rng, 2, 60), numbers.draw(rng, 2, 20), numbers.draw(rng, 20, 9999)
    if a is None or b is None or c is None or c < a * b:
        return None
    name, thing = pick(rng, _NAMES), pick(rng, _THINGS)
    told = f"{name} buys {b} {thing} at {a} euros each and pays with {c} euros."
    steps = (f"The price is {b} * {a} = {a * b} euros.", f"The change is {c} - {a * b} = {c - a * b} euros.")
    return _story(f"{told} How much change does {name} get?", steps, c - a * b, a, b, c)


def _compares(numbers: Numbers, rng: np.random.Generator) -> Exercise | None:
    a, b = numbers.draw(rng, 5, 999), numbers.draw(rng, 2, 500)
    first, second, thing = pick(rng, _NAMES), pick(rng, _NAMES), pick(rng, _THINGS)
    if a is None or b is None or first == second:
        return None
    more = rng.random() < 0.6 or b > a
    other = a + b if more else a - b
    told = f"{first} has {a} {thing}. {second} has {b} {'more' if more else 'fewer'} than {first}."
    steps = (
        f"{second} has {a} {'+' if more else '-'} {b} = {other} {thing}.",
        f"Both together: {a} + {other} = {a + other}.",
    )
    return _story(f"{told} How many {thing} do they have together?", steps, a + other, a, b)


def _adds_up(numbers: Numbers, rng: np.random.Generator) -> Exercise | None:
    drawn = [numbers.draw(rng, 2, 999) for _ in range(3)]
    if None in drawn:
        return None
    a, b, c = (int(n or 0) for n in drawn)
    thing, box = pick(rng, _THINGS), pick(rng, ("shelf", "box", "room", "table", "page"))
    told = f"The first {box} holds {a} {thing}, the second {b} and the third {c}."
    steps = (f"{a} + {b} = {a + b}.", f"{a + b} + {c} = {a + b + c}.")
    return _story(f"{told} How many {thing} are there in all?", steps, a + b + c, a, b, c)


def _travels(numbers: Numbers, rng: np.random.Generator) -> Exercise | None:
    a, b = numbers.draw(rng, 3, 300), numbers.draw(rng, 2, 24)
    if a is None or b is None:
        return None
    who = pick(rng, ("A train", "A ship", "A truck", "A cyclist", "A bird"))
    told = f"{who} covers {a} kilometres per hour and keeps going for {b} hours."
    steps = (f"Distance is speed times time: {a} * {b} = {a * b}.",)
    return _story(f"{told} How many kilometres is that in all?", steps, a * b, a, b)


_STORIES = (_changes, _groups, _shares, _pays, _compares, _adds_up, _travels)


def _story(question: str, steps: tuple[str, ...], value: int, *used: int) -> Exercise:
    return Exercise(question, steps, str(value), "word problem", tuple(map(str, used)))
