r"""Backslashes: LaTeX that a model wrote into JSON with one backslash where two are needed.

`"\frac{1}{2}\times 4"` is valid JSON, and reads as a form feed, `rac{1}{2}`, a tab and `imes 4`. What was meant is
restored where nothing else can have been meant, and an answer in which it stays open is refused. Line breaks and tabs
that are real stay as they are: a letter alone after a line break (`\nu`, or a new line that begins with u) decides
nothing outside a formula.
"""

import re
from dataclasses import dataclass, field
from typing import Any

LETTERS = {"\b": "b", "\f": "f", "\t": "t", "\n": "n", "\r": "r"}
"""Control characters by the letter that JSON writes them with."""
_CERTAIN = {
    "t": "imes heta au anh extbf extit extrm exttt extsf herefore riangle riangleq frac binom ilde wo hickapprox",
    "n": "abla otin eqq leqslant geqslant onumber olimits subseteq supseteq earrow warrow vdash",
    "r": "ho ight ightarrow ightharpoonup ightharpoondown ightleftharpoons angle ceil floor vert Vert brace brack",
}
"""What is left of commands whose first letter was eaten, and begins no line of prose or program."""
_IN_FORMULAS = {
    "t": "an op ag ext",
    "n": "eq eg ot leq geq mid cong sim prec succ less gtr exists parallel rightarrow leftarrow ewline atural",
    "r": "m oot eal ule",
}
"""What may be a word elsewhere, but hardly is one inside a formula."""
_NO_WORDS = {"eq", "eg", "ot", "leq", "geq", "cong"}
_SINGLE = {"t": "o", "n": "u e i", "r": "e"}
"""What may be a variable in a formula."""
_AFTER_CONTROL = re.compile("([\b\f\t\n\r])([A-Za-z]+)")
_FORMULA = re.compile(
    r"\$\$.{1,1500}?\$\$|\\\[.{1,1500}?\\\]|\\begin\{(?P<env>\w{1,20}\*?)\}.{1,1500}?\\end\{(?P=env)\}"
    # as pandoc reads it: no blank after the first $, none before the second, and no digit after that
    r"|(?P<inline>(?<![\\$])\$(?![ $])(?:[^$\\\n]|\\.|\n(?!\s*\n)){1,400}?(?<![\\\s])\$(?!\d)|\\\(.{1,400}?\\\))",
    re.DOTALL,
)
_COMMAND = re.compile(r"\\[A-Za-z]{2,}|[\^_]\{")
_ESCAPE = re.compile(r'\\(?:(?P<valid>["\\/bfnrt]|u[0-9a-fA-F]{4})|(?P<other>.)|$)', re.DOTALL)
_ROW = re.compile(
    r"\\begin\{(?:[pbvBV]?matrix|aligned|align\*?|cases|array|gathered|split)\}.{0,1500}?\\end\{", re.DOTALL
)
_LOST_ROW = re.compile(r"(?<!\\)\\(?=[\s\d&-])")


class Ambiguous(Exception):
    """A control character that may be half of a command, or what it is."""


def with_doubled_escapes(text: str) -> str:
    """`text` with a second backslash wherever one begins no escape of JSON."""
    return _ESCAPE.sub(lambda m: m[0] if m["valid"] else "\\" + m[0], text)


def restored(value: Any, doubled: bool = False) -> Any:
    """`value` with the commands in its strings restored.

    Args:
        value: what was read from JSON.
        doubled: whether backslashes were doubled to read it, so that the others are suspect.

    Raises:
        Ambiguous: a command may have been meant, or a real line break or tab.
        RecursionError: it is nested too deeply.
    """
    strings = [s for s in _strings(value) if any(c in s for c in LETTERS) or "\\" in s]
    if not any(c in s for s in strings for c in LETTERS):
        return value
    suspect = doubled or any(_certain(m) for s in strings for m in _AFTER_CONTROL.finditer(s))
    return _mapped(value, _Repair(suspect, any(map(_COMMAND.search, strings))).text)


def _strings(value: Any) -> Any:
    """All strings in a value, without recursion."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _mapped(inner, change) for name, inner in value.items()}
    return [_mapped(inner, change) for inner in value] if isinstance(value, list) else value


def _certain(match: re.Match[str]) -> bool:
    """Whether a command lost its backslash here, whatever stands around it."""
    control, rest = match.groups()
    braced = rest == "ext" and match.string[match.end() : match.end() + 1] == "{"
    return control in "\b\f" or rest in _SETS[LETTERS[control]][0] or (control == "\t" and braced)


_SETS = {n: tuple(set(t.get(n, "").split()) for t in (_CERTAIN, _IN_FORMULAS, _SINGLE)) for n in LETTERS.values()}


@dataclass
class _Repair:
    """One answer's strings, one after the other."""

    suspect: bool
    """Whether a command lost its backslash for certain somewhere in the answer."""
    escaped: bool
    """Whether some command kept it: without a suspicion line breaks are then real."""
    formulas: list[tuple[int, int, bool]] = field(default_factory=list)
    """Beginning, end and whether it stands in a line, of the formulas in the string at hand."""

    def text(self, text: str) -> str:
        """The string with its commands restored. Raises Ambiguous."""
        if not any(c in text for c in LETTERS):
            return text
        sure = _AFTER_CONTROL.sub(lambda m: _command(m) if _certain(m) else m[0], text)
        stray = re.search("[\b\f]", sure)
        if stray:
            raise Ambiguous(_double(stray[0]))
        self.formulas = [(*m.span(), m["inline"] is not None) for m in _FORMULA.finditer(sure)]
        whole = _AFTER_CONTROL.sub(self._open, sure)
        if self.suspect and any(_LOST_ROW.search(m[0]) for m in _ROW.finditer(whole)):
            raise Ambiguous("it holds a single backslash in a matrix; a row of LaTeX ends in four backslashes in JSON")
        return whole

    def _open(self, match: re.Match[str]) -> str:
        """What is meant where it depends on what stands around it."""
        control, rest = match.groups()
        _, in_formulas, single = _SETS[LETTERS[control]]
        if rest not in in_formulas | single:
            return match[0]
        place = next(((a, inline) for a, b, inline in self.formulas if a <= match.start() < b), None)
        if place is None:
            return self._outside(match, rest in _NO_WORDS, rest in single)
        begins, inline = place
        line_begins = match.string[match.start() - 1] in "\n\t"
        if control == "\t" and line_begins and not inline:
            return match[0]  # an indented line of a displayed formula
        opened = match.string[begins : match.start()] in ("$", "\\(")
        if rest in in_formulas or (inline and (opened or self.suspect or control != "\n")):
            return _command(match)
        if self.suspect or (inline and not self.escaped):
            raise Ambiguous(_double(control))
        return match[0]

    def _outside(self, match: re.Match[str], no_word: bool, single: bool) -> str:
        """Outside of marked formulas: in prose, in a program, or in a string that is a formula as a whole."""
        text = match.string
        begins = match.start() == 0 and not self.formulas and not re.search("[\n\t\r]", text[1:])
        after_blank = match.start() > 0 and text[match.start() - 1] in " =+-*/(){},"
        if self.suspect and (begins or (no_word and after_blank)):
            return _command(match)
        open_letter = single and after_blank and (self.suspect or not self.escaped)
        if open_letter or (no_word and after_blank) or (begins and len(text) < 80):
            raise Ambiguous(_double(match[1]))
        return match[0]


def _command(match: re.Match[str]) -> str:
    return f"\\{LETTERS[match[1]]}{match[2]}"


def _double(control: str) -> str:
    names = {"\b": "backspace", "\f": "form feed", "\t": "tab", "\n": "line break", "\r": "carriage return"}
    return (
        f"it holds a {names[control]} where a command of LaTeX may be meant; a backslash is written twice in JSON, "
        rf"\\{LETTERS[control]}... for a command"
    )
