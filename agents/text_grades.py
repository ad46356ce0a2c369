"""Four grades from measured features: what the scorer answers with where there is no model."""

from collections.abc import Sequence

import numpy as np

from .text_features import Floats, measure

RUBRICS = ("education", "reasoning", "clarity", "density")


def grade(texts: Sequence[str], domains: Sequence[str]) -> tuple[dict[str, Floats], list[str]]:
    """Grades in [0, 1] of n texts under each rubric, name -> [n], and why each has none (empty where it has one).

    What cannot be read has the grade NaN.
    """
    f, reasons = measure(texts, domains)
    sound = _sound(f)
    grades = {
        "education": _education(f) * sound,
        "reasoning": _reasoning(f) * sound,
        "clarity": _clarity(f) * (0.1 + 0.9 * sound),
        "density": _density(f) * (0.1 + 0.9 * sound),
    }
    blank = np.array([bool(reason) for reason in reasons])
    # the root spreads grades over [0, 1]: they are products of many factors below 1
    return {name: np.where(blank, np.nan, np.sqrt(values)) for name, values in grades.items()}, reasons


def _share(part: Floats, whole: Floats) -> Floats:
    return part / np.maximum(whole, 1.0)


def _rise(x: Floats, half: float | Floats) -> Floats:
    """0 at 0, 0.5 at `half`, towards 1: more of a good thing counts less and less, so stuffing does not pay."""
    return x / (x + half)


def _above(x: Floats, middle: float | Floats, slope: float) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(slope * (x - middle), -30.0, 30.0)))


def _over(x: Floats, limit: float | Floats, slope: float) -> Floats:
    """1 up to the limit, then falling."""
    return np.exp(-slope * np.maximum(x - limit, 0.0))


def _sound(f: dict[str, Floats]) -> Floats:
    """Near 1 for ordinary text; lower where it repeats itself, lost its word order, sells, or talks to its judge."""
    units = f["units"]
    # the order of a short text is uncertain: its value is drawn towards the middle of real texts
    known = units / (units + np.where(f["chinese"] > 0, 25.0, 60.0))
    order = 0.05 + 0.95 * _above(f["pairs"] * known + 0.2 * (1 - known), np.where(f["chinese"] > 0, -0.03, 0.0), 20.0)
    chain = 0.4 + 0.6 * _above(f["triples"] * known, -0.045, 50.0)
    repeated = _over(f["repeated"], np.where(f["code"] > 0, 0.2, 0.08), 4.0)
    often = np.where(f["code"] > 0, 0.12, np.where(f["chinese"] > 0, 0.04, 0.07))
    focus = _over(f["top"] - 2.5 / np.maximum(units, 1.0), often, 12.0)
    hollow = _over(_share(f["function"], units), np.where(f["chinese"] > 0, 0.38, 0.6), 6.0)
    cohesive = 0.4 + 0.6 * _above(f["recurring"], np.where(f["chinese"] > 0, 0.15, 0.3), 20.0)
    selling = _over(_share(f["sell"], units), 0.008, 25.0) * _over(_share(f["empty"], units), 0.01, 12.0)
    stuffed = _over(_share(f["teach"] + f["step"], units), 0.3, 8.0)
    broken = _over(_share(f["mojibake"], f["chars"]), 0.001, 60.0) * _over(_share(f["dots"], units), 0.02, 10.0)
    # fragments, lists and tables have more signs than sentences; formulas and program text need them
    marks = np.where((f["code"] + f["math"] + f["chinese"]) > 0, 0.0, _share(f["signs"], units))
    whole = 0.5 + 0.5 * _over(marks, 0.18, 5.0)
    return (
        order
        * whole
        * chain
        * repeated
        * focus
        * cohesive
        * hollow
        * selling
        * stuffed
        * broken
        / (1.0 + 4.0 * f["judge"])
    )


def _size(f: dict[str, Floats]) -> Floats:
    """Grows with the number of different words, not with length: what is repeated adds nothing."""
    return 0.2 + 0.8 * _rise(f["distinct"] * np.minimum(f["variety"], 1.0) ** 2, 250.0)


def _prose(f: dict[str, Floats]) -> Floats:
    share = _share(f["function"], f["units"])
    usual = np.where(f["chinese"] > 0, 0.06, 0.1)
    return np.where(f["code"] > 0, 0.5 + 0.5 * _rise(share, 0.05), _rise(share, usual) ** 2)


def _education(f: dict[str, Floats]) -> Floats:
    teach = _rise(_share(f["teach"], f["units"]), 0.025)
    examples = _rise(_share(f["examples"], f["lines"]), 0.08) * (f["code"] > 0)
    return (0.35 * teach + 0.2 * examples + 0.45 * _prose(f)) * _size(f)


def _reasoning(f: dict[str, Floats]) -> Floats:
    steps = _rise(_share(f["step"], f["units"]), 0.03)
    formal = _rise(_share(f["formulas"], f["chars"]), 0.012)
    flow = _rise(_share(f["flow"], f["lines"]), 0.15)
    # signs of formulas in prose are mostly addresses and commands
    working = np.where(f["code"] > 0, 0.5 * formal + 0.5 * flow, np.where(f["math"] > 0, formal, _prose(f)))
    return (0.4 * steps + 0.4 * working + 0.2 * _prose(f)) * (0.25 + 0.75 * _size(f))


def _clarity(f: dict[str, Floats]) -> Floats:
    """Clean, and easy to read: short words and sentences (the measures of the automated readability index, 1967)."""
    clean = np.exp(-15.0 * _share(f["links"], f["units"])) * _over(_share(f["signs"], f["units"]), 0.6, 2.0)
    sentence = f["units"] / np.maximum(f["ends"], 1.0)
    long_words = np.where(f["chinese"] > 0, 4.7, f["letters_a_word"])
    index = 4.71 * long_words + 0.5 * np.minimum(sentence, 60.0) - 21.43
    easy = 1.0 - _above(index, 14.0, 0.2)
    figures = np.clip(1.0 - 3.0 * np.maximum(_share(f["digits"], f["chars"]) - 0.12, 0.0), 0.0, 1.0)
    balanced = np.where(f["code"] > 0, np.exp(-20.0 * _share(f["unbalanced"], f["units"])), 1.0)
    lines = np.where(f["code"] > 0, _share(f["distinct_lines"], f["lines"]), 1.0)
    return (
        clean
        * figures
        * lines
        * (0.3 + 0.7 * np.where(f["code"] > 0, 0.7, easy))
        * (0.5 + 0.5 * _prose(f))
        * (0.4 + 0.6 * _size(f))
        * balanced
    )


def _density(f: dict[str, Floats]) -> Floats:
    packed = np.clip(f["variety"], 0.0, 1.2) / 1.2
    figures = np.clip(1.0 - 2.0 * np.maximum(_share(f["digits"], f["chars"]) - 0.12, 0.0), 0.0, 1.0)
    return packed * figures * (0.5 + 0.5 * _prose(f)) * (0.1 + 0.9 * _size(f))
