"""Whether answers are compared rightly, and how far arithmetic by rule can be trusted, on published sets.

`--data` holds bench/math, bench/zh and quality/ (JSONL, packed). The reference answers of each set are rewritten in
ways that change nothing (recall of `same_answer`), changed in one place, and put against answers of other items (false
equals). Worked solutions, right ones, wrong ones and right ones with one number changed, are judged by rule.
"""

import argparse
import gzip
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from coevo.agents.arithmetic_check import check
from coevo.agents.calculation import Unsolved
from coevo.tiers.answers import same_answer

ANSWERS = (
    "math/gsm8k.test", "math/asdiv.test", "math/mawps.test", "math/math500.test", "math/math.train_prm800k_part",
    "math/college_math.test", "math/olympiadbench_en.test", "math/minerva_ocw.test", "math/aqua_rat.test",
    "math/agieval_math.test", "zh/cmath.test", "zh/mgsm_zh.test", "zh/gaokao_bench.subjective",
)  # fmt: skip
LONGEST = 120
_DIGIT = re.compile(r"\d")
_HAN_DIGITS = "零一二三四五六七八九"


def rows(path: Path) -> list[dict[str, Any]]:
    """Objects of a packed JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def references(path: Path) -> list[str]:
    """The short reference answers of a set, texts of choices for those with choices."""
    texts = []
    for row in rows(path):
        answer = row["answer"]
        if "choices" in row:
            answer = row["choices"][answer if isinstance(answer, int) else answer[0]]
        answer = str(answer[0] if isinstance(answer, list) else answer).strip()
        if answer and len(answer) <= LONGEST and "\n" not in answer:
            texts.append(answer)
    return texts


def number(text: str) -> Fraction | None:
    """A plain number, read without the code under test."""
    return Fraction(text.replace(",", "")) if re.fullmatch(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?", text) else None


def rewritings(text: str) -> Iterator[tuple[str, str]]:
    """Harmless ways of writing `text`, each with its name."""
    yield "sentence", f"The answer is {text}."
    yield "Chinese sentence", f"答案：{text}。"
    if "$" not in text:
        yield "box", f"\\boxed{{{text}}}"
        yield "spaces", re.sub(r"([+=(),])", r" \1 ", text) if not re.search(r"\d,\d{3}", text) else f"  {text} "
    if "\\" in text and "$" not in text:
        yield "dollars", f"${text}$"
    if "\\frac" in text:
        yield "dfrac", text.replace("\\frac", "\\dfrac")
    if "(" in text and "\\left" not in text and "\\text" not in text and "\\" in text:
        yield "left and right", text.replace("(", "\\left(").replace(")", "\\right)")
    if re.search(r"\^2(?!\d)", text):
        yield "superscript", re.sub(r"\^2(?!\d)", "²", text)
    yield "full width", "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isdigit() else c for c in text)
    yield "minus sign", text.replace("-", "\u2212")
    yield from numeric_rewritings(number(text))


def numeric_rewritings(value: Fraction | None) -> Iterator[tuple[str, str]]:
    """Ways of writing a number."""
    if value is None:
        return
    yield "name", f"x = {float(value)!r}" if abs(value) < 10**12 else f"x = {value}"
    yield "fraction", f"\\frac{{{3 * value.numerator}}}{{{3 * value.denominator}}}"
    yield "currency", f"${value.numerator}.00" if value.denominator == 1 else f"${float(value)}"
    if value.denominator == 1:
        yield "thousands", f"{value.numerator:,}"
        yield "decimal", f"{value.numerator}.0"
        if value >= 0:
            yield "Chinese digits", "".join(_HAN_DIGITS[int(d)] for d in str(value.numerator))


def changes(text: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Answers that are wrong by one digit, the sign or a power, where `text` is mathematics."""
    places = [m.start() for m in _DIGIT.finditer(text)]
    if not places or re.search(r"[A-Za-z]{3,}", re.sub(r"\\[A-Za-z]+", "", text)):
        return
    at = rng.choice(places)
    yield "digit", text[:at] + str((int(text[at]) + rng.randrange(1, 9)) % 10) + text[at + 1 :]
    value = number(text)
    if value:
        yield "sign", f"-{text}" if value > 0 else text[1:]
        if abs(value) != 1:
            yield "power", f"{text}²"
        yield "percent", f"{text}%"
        yield "times a thousand", f"{value * 1000}"


def compare(name: str, texts: list[str], most: int, rng: random.Random) -> dict[str, Any]:
    """One set: harmless rewritings, planted changes, and answers of other items; prints what was missed."""
    counts: Counter[str] = Counter()
    for text in texts[:most]:
        for kind, other in rewritings(text):
            counts["rewritten"] += 1
            if same_answer(text, other) and same_answer(other, text):
                counts["equal"] += 1
            else:
                print(f"  missed ({kind}): {text!r} {other!r}")
        for kind, other in changes(text, rng):
            counts["changed"] += 1
            if same_answer(text, other):
                counts["changed equal"] += 1
                print(f"  equal ({kind}): {text!r} {other!r}")
        other = rng.choice(texts)
        if plain(other) != plain(text):
            counts["others"] += 1
            if same_answer(text, other):
                counts["others equal"] += 1
                print(f"  equal (other item): {text!r} {other!r}")
    told = f"{counts['equal']:6} of {counts['rewritten']:6} rewritings equal"
    print(f"{name:32} {told}, {counts['changed equal']:4} of {counts['changed']:6} changed ones equal, "
          f"{counts['others equal']:3} of {counts['others']:5} others equal")  # fmt: skip
    return dict(counts)


def plain(text: str) -> str:
    """A form in which answers that are the same text are the same."""
    return re.sub(r"[\s$]|\.0+$|\\left|\\right", "", text)


def half(identity: str) -> int:
    """0 for the half of the items that rules are developed on, 1 for the half that is reported."""
    return hashlib.sha256(identity.encode()).digest()[0] % 2


def answers(data: Path, most: int) -> None:
    """The comparison of answers, a line and a JSON line a set."""
    lines = []
    for name in ANSWERS:
        counts = compare(name, references(data / "bench" / f"{name}.jsonl.gz"), most, random.Random(name))
        lines.append({"name": f"answers/{name}", **counts})
    for line in lines:
        print(json.dumps(line))


def document(question: str, steps: str, answer: str) -> str:
    """A document as the verifier sees it."""
    return f"Question: {' '.join(question.split())}\nSolution: {steps.strip()}\nAnswer: {answer}\n"


def verdict(text: str) -> str:
    """What the rule says of a document."""
    try:
        fault, _ = check(text)
    except Unsolved:
        return "abstains"
    return "refuses" if fault else "accepts"


def planted(solution: str, rng: random.Random) -> str:
    """`solution` with one number changed."""
    places = list(re.finditer(r"\d+", solution))
    if not places:
        return ""
    place = rng.choice(places)
    return solution[: place.start()] + str(int(place[0]) + rng.choice((1, 2, 3, 5, 10))) + solution[place.end() :]


def human_solutions(data: Path) -> Iterator[tuple[str, str, bool]]:
    """GSM8K: identity, document, whether it is right; as written, with one number changed, with another's answer."""
    rng = random.Random(0)
    for split in ("train", "test"):
        for row in rows(data / "bench" / "math" / f"gsm8k.{split}.jsonl.gz"):
            steps = row["solution"].rpartition("####")[0]
            yield row["id"], document(row["question"], steps, row["answer"]), True
            yield row["id"], document(row["question"], planted(steps, rng), row["answer"]), False


def model_solutions(data: Path) -> Iterator[tuple[str, str, bool]]:
    """Solutions of models to GSM8K questions, right where their final answer is."""
    for row in rows(data / "quality" / "gsm8k_solutions_correctness.jsonl.gz"):
        steps, _, answer = row["solution"].rpartition("\nA:")
        yield row["question"], document(row["question"], steps, answer.strip()), row["correct"]


def wrong_solutions(data: Path) -> Iterator[tuple[str, str, bool]]:
    """Solutions that people found wrong (MR-GSM8K)."""
    for row in rows(data / "quality" / "mr_gsm8k_wrong_solutions.jsonl.gz"):
        steps = "\n".join(row["steps"])
        yield row["id"], document(row["question"], steps, steps.rpartition("#### ")[2].partition("\n")[0]), False


def interval(successes: int, n: int) -> str:
    """A share in percent with its 95 % interval (Wilson, 1927) and n."""
    if not n:
        return "n = 0"
    share, z2 = successes / n, 1.96**2
    middle, half_width = share + z2 / (2 * n), 1.96 * (share * (1 - share) / n + z2 / (4 * n * n)) ** 0.5
    low, high = ((middle - half_width) / (1 + z2 / n), (middle + half_width) / (1 + z2 / n))
    return f"{100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f}, n = {n})"


def word_problems(data: Path) -> Iterator[tuple[str, str, bool]]:
    """ASDiv, MAWPS, CMATH and MGSM (Chinese): the question with its answer, and with a changed answer."""
    rng = random.Random(0)
    for name in ("math/asdiv.test", "math/mawps.test", "zh/cmath.test", "zh/cmath.dev", "zh/mgsm_zh.test"):
        for row in rows(data / "bench" / f"{name}.jsonl.gz"):
            answer = str(row["answer"]).partition(" (")[0]
            value = number(answer)
            if value is not None:
                yield row["id"], document(row["question"], row.get("formula", ""), answer), True
                changed = value + rng.choice((1, 2, 10, -1))
                yield row["id"], document(row["question"], "", str(changed)), False


def sums(data: Path) -> Iterator[tuple[str, str, bool]]:
    """Sums (basic_arithmetic), each with its right answer and with three wrong ones."""
    for row in rows(data / "bench" / "math" / "basic_arithmetic.validation.jsonl.gz"):
        for label, answer in zip(row["choices"]["label"], row["choices"]["text"], strict=True):
            yield row["id"], document(row["question"], "", answer), label == row["answerKey"]


SOLUTIONS = (sums, human_solutions, model_solutions, wrong_solutions, word_problems)


def arithmetic(data: Path, most: int) -> None:
    """Precision both ways and coverage of arithmetic by rule on the half that is reported."""
    lines = []
    for source in SOLUTIONS:
        counts: Counter[str] = Counter()
        for identity, text, right in source(data):
            if half(identity):
                said = verdict(text)
                counts[f"{said} {'right' if right else 'wrong'}"] += 1
                if said == ("refuses" if right else "accepts"):
                    print(f"  {said} a {'right' if right else 'wrong'} one: {check(text)} {text[:300]!r}")
        lines.append({"name": f"arithmetic/{source.__name__}", **counts})
        accepted, refused = (counts[f"{said} right"] + counts[f"{said} wrong"] for said in ("accepts", "refuses"))
        print(
            f"{source.__name__:16} coverage {interval(accepted + refused, counts.total())}\n"
            f"{'':16} accepts: {interval(counts['accepts right'], accepted)} right; "
            f"refuses: {interval(counts['refuses wrong'], refused)} wrong"
        )
    for line in lines:
        print(json.dumps(line))


PARTS: dict[str, Callable[[Path, int], None]] = {"answers": answers, "arithmetic": arithmetic}


def main() -> None:
    """Print tables, misses, and JSON lines."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds bench/ and quality/")
    parser.add_argument("--part", choices=sorted(PARTS), action="append", help="what to measure; without it everything")
    parser.add_argument("--most", type=int, default=400, help="answers of each set")
    given = parser.parse_args()
    for part in given.part or PARTS:
        PARTS[part](given.data, given.most)


if __name__ == "__main__":
    main()
