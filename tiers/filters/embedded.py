"""Files that are written into a text as base64: their bytes are taken out, what they were stays."""

import re

SUSPECT = r";base64,[A-Za-z0-9+/%]{64}"
"""RE2: a text without it has none."""
PACKED = re.compile(r"(\bdata:[\w.+-]+/[\w.+-]+)(?:;[\w.+-]+=[\w.+-]+)*;base64,[A-Za-z0-9+/=%]{64,}")


def without_files(text: str) -> tuple[str, int]:
    """The text in which `data:image/png;base64,...` is `data:image/png`, and how many there were."""
    return PACKED.subn(r"\1", text)
