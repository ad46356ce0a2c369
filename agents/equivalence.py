"""Equivalence: whether two answers state the same result, as numbers, as expressions, in LaTeX or as words."""

import atexit
import json
import re
import subprocess
import sys
import threading
import unicodedata
from fractions import Fraction
from pathlib import Path

from . import arithmetic_check, numerals, symbolic_check
from .arithmetic_check import Unsolved

DRIVER = Path(__file__).with_name("equivalence_driver.py")
LONGEST = 2_000
MAX_CHARS = 300
SECONDS = 8.0
"""For one comparison in LaTeX; the first one takes its start besides."""
START_SECONDS = 60.0
_DRESS = re.compile(
    r"^\s*(?:\\boxed\{(?P<boxed>.*)\}|\$\$?(?P<dollars>[^$]*)\$\$?|\\[(\[](?P<brackets>.*)\\[)\]])\s*[.\u3002]?\s*$",
    re.DOTALL,
)
_NAMED = re.compile(
    r"^\s*(?:(?:the\s+)?answer(?:\s+is)?\s*[:=]?|答案(?:是|为)?\s*[:=]?|答\s*:|解得|[a-z]\s*=(?!=))\s*(?=\S)",
    re.IGNORECASE,
)
_OR = re.compile(r"\s+or\s+|\s*或\s*")
_UNIT = re.compile(
    r"(?<=[\d零一二三四五六七八九十百千万亿])\s*"
    r"(?:个|只|条|本|次|人|元|块|米|千米|厘米|平方米|千克|克|吨|度|天|岁|页|%|percent)$"
)
_PROSE = re.compile(rf"[A-Za-z]{{3,}}|[{numerals.HAN}]{{2,}}")


def same_answer(stated: str, got: str) -> bool:
    r"""Whether two answers state the same result.

    Exact numbers (Chinese numerals too), then expressions in x, then LaTeX by math-verify in a process of its own with
    limits, then texts without case, spacing and dress (`\boxed`, dollar signs, `x =`).
    """
    if max(len(stated), len(got)) > LONGEST:
        return _plain(stated) == _plain(got)
    one, other = bare(stated), bare(got)
    if not one or not other:
        return False
    several = [_OR.split(a) for a in (one, other)]
    if max(map(len, several)) > 1:
        return _same_sets(*several)
    if _plain(one) == _plain(other):
        return True
    numbers = [number(a) for a in (one, other)]
    if numbers[0] is not None and numbers[1] is not None:
        return numbers[0] == numbers[1]
    try:
        return symbolic_check.same(symbolic_check.expression(one), symbolic_check.expression(other))
    except (Unsolved, RecursionError):
        return not (prose(one) or prose(other)) and _WORKER.same(one, other)


def _same_sets(one: list[str], other: list[str]) -> bool:
    """Whether each answer has its like among the others, and none is left over."""
    left = list(other)
    for answer in one:
        match = next((a for a in left if same_answer(answer, a)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def bare(answer: str) -> str:
    """An answer without what is put around a result: box, dollar signs, a name before it, a full stop behind it."""
    text = unicodedata.normalize("NFKC", answer).strip()
    for _ in range(4):
        dressed = _DRESS.match(text)
        inner = next((g for g in dressed.groups() if g is not None), text) if dressed else text
        inner = _NAMED.sub("", inner, count=1).strip().strip("`").rstrip(".\u3002").strip()
        if inner == text:
            break
        text = inner
    return text


def number(answer: str) -> tuple[Fraction, Fraction] | None:
    """The number that a bare answer states, with the remainder if it states one; None where it states none."""
    text = _UNIT.sub("", answer.replace(",", "") if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", answer) else answer)
    try:
        value, rest = arithmetic_check.claimed(text)
    except Unsolved:
        chinese = numerals.value(text)
        return None if chinese is None else (chinese, Fraction(0))
    return value, rest or Fraction(0)


def prose(answer: str) -> bool:
    """Whether an answer is words rather than mathematics."""
    return bool(_PROSE.search(re.sub(r"\\[A-Za-z]+|\b(?:sin|cos|tan|log|exp|sqrt|and)\b", " ", answer)))


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text).strip("`.").casefold()


class _Worker:
    """One process that compares answers in LaTeX; it is killed when a comparison takes too long, and started anew."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def same(self, one: str, other: str) -> bool:
        if max(len(one), len(other)) > MAX_CHARS:
            return False
        with self._lock:
            fresh = self._process is None or self._process.poll() is not None
            process = self._started() if fresh else self._process
            assert process is not None and process.stdin is not None and process.stdout is not None
            timer = threading.Timer(SECONDS + (START_SECONDS if fresh else 0), process.kill)
            timer.start()
            try:
                process.stdin.write(json.dumps([one, other]) + "\n")
                process.stdin.flush()
                said = process.stdout.readline()
            except OSError:
                said = ""  # it was killed: two answers that cannot be compared in time are not the same
            finally:
                timer.cancel()
            if not said:
                self._ended(process)
            return said.strip() == "true"

    def _started(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(DRIVER)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )  # fmt: skip
        return self._process

    def _ended(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate()
        self._process = None

    def close(self) -> None:
        """Ends the process, if there is one."""
        if self._process is not None:
            self._ended(self._process)


_WORKER = _Worker()
atexit.register(_WORKER.close)
