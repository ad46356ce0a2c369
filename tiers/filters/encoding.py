"""Text that was decoded wrongly: repaired line by line by ftfy where that makes it better, else left as it is."""

import re

QUOTES_IT = re.compile(
    r"(?i)mojibake|\bftfy\b|\bencod(?:ing|ed)|\bcodecs?\b|\bunicode|utf-?8|latin-?1|cp-?125\d|乱码|编码"
)
"""A text about encodings shows damage on purpose: it stays as it is."""
SUSPECT = (
    r"[\x{C2}-\x{F4}][\x{80}-\x{BF}\x{152}\x{153}\x{160}\x{161}\x{178}\x{17D}\x{17E}\x{192}\x{2C6}\x{2DC}"
    r"\x{2013}\x{2014}\x{2018}-\x{201E}\x{2020}-\x{2022}\x{2026}\x{2030}\x{2039}\x{203A}\x{20AC}\x{2122}]|[\x{80}-\x{9F}]"
)
"""RE2: a first byte of UTF-8 and a later one, both read as Latin-1 or Windows-1252; or a C1 control character. A text
without any need not be looked at."""
LONGEST_LINE = 20_000


def repaired(text: str) -> tuple[str, int]:
    """The text with its wrongly decoded lines put right, and how many they were.

    ftfy's heuristic decides about each line (https://ftfy.readthedocs.io, `fix_encoding`); on top of that a repair must
    leave less than half of the signs of damage and no character that stands for a lost one.

    Args:
        text: any; what does not match `SUSPECT` comes back as it is.
    """
    if QUOTES_IT.search(text):
        return text, 0
    lines = text.split("\n")
    made = [_line(line) for line in lines]
    changed = sum(a != b for a, b in zip(lines, made, strict=True))
    return ("\n".join(made), changed) if changed else (text, 0)


def _line(line: str) -> str:
    from ftfy import TextFixerConfig, fix_encoding
    from ftfy.badness import badness

    before = 0 if line.isascii() or len(line) > LONGEST_LINE else badness(line)
    if not before:
        return line
    made = str(fix_encoding(line, config=TextFixerConfig(replace_lossy_sequences=False, restore_byte_a0=False)))
    better = 2 * badness(made) < before and made.count("\ufffd") <= line.count("\ufffd")
    return made if better and "\n" not in made and "\r" not in made else line
