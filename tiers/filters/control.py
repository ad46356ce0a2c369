"""Control characters in prose: what terminals and printers made of them is read, the rest is taken out."""

import re

CHARACTERS = r"\x00-\x08\x0B\x0E-\x1F\x7F"
SUSPECT = f"[{CHARACTERS}]"
"""RE2: a text without any has nothing to mend."""
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78cDEHM])")
"""Sequences of ECMA-48: colours, movements of the cursor, titles of windows."""
OVERSTRUCK = re.compile(r"_\x08+([^\x08\n])|([^\x08\n])(?:\x08\2)+|([^\x08\n])\x08_")
"""Underlined or bold, as manuals are printed."""
CONTROL = re.compile(f"[{CHARACTERS}]+")
MOST = 0.10
"""Share of control characters from which a text is no text but bytes of something else."""


def without_controls(text: str) -> tuple[str, int]:
    """The text without control characters, and how many places there were; as it is where they are too many."""
    readable, escapes = ESCAPES.subn("", text)
    readable, overstruck = OVERSTRUCK.subn(r"\1\2\3", readable)
    left = sum(map(len, CONTROL.findall(readable)))
    if left > MOST * len(readable):
        return text, 0
    readable, places = CONTROL.subn(_in_its_place, readable)
    return readable, escapes + overstruck + places


def _in_its_place(match: re.Match[str]) -> str:
    """A vertical tab ends a line; the separators of ASCII stand between words."""
    if "\x0b" in match[0]:
        return "\n"
    return " " if any(c in "\x1c\x1d\x1e\x1f" for c in match[0]) else ""
