"""Texts as a comparison of quotations reads them: case, layout, encoding tricks and spelling variants are folded away.

After Unicode's compatibility decomposition (UAX 15) and its confusable characters (UTS 39), of which the Cyrillic and
Greek letters that look like Latin ones are folded. What is folded alike on both sides compares equal, so a letter of a
Russian text may become a Latin one: nothing else reads the folded text.
"""

import html
import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

_CYRILLIC = ("авекмнорстухіјѕһԁԛԝґү", "abekmhopctyxijshdqwry")
_GREEK = ("αβεζηικμνορστυχωγς", "abeznikmvopctuxwyc")
_GREEK_CAPITALS = ("ΑΒΕΖΗΙΚΜΝΟΡΣΤΥΧΓϹ", "abezhikmnopctyxrc")
_OTHERS = ("ıȷɑɡɩʏᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢօոսհցΙ", "ijagiyacdejkmoptuvwzonuhgi")
_LOOK = str.maketrans(
    "".join(p[0] for p in (_CYRILLIC, _GREEK, _OTHERS)), "".join(p[1] for p in (_CYRILLIC, _GREEK, _OTHERS))
)
_CAPITAL = str.maketrans(*_GREEK_CAPITALS)

_ALIKE = r"[\x{0131}\x{0237}\x{0250}-\x{02AF}\x{0370}-\x{058F}\x{1D00}-\x{1D2B}]"
"""Blocks that hold letters which look like Latin ones."""
_ENTITY = r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);"
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_RAISED = r"([\x{00B2}\x{00B3}\x{00B9}\x{2070}-\x{209C}]+)"
_INVISIBLE = r"[\p{Cf}\x{034F}\x{115F}\x{1160}\x{180B}-\x{180F}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{E0100}-\x{E01EF}]+"


def folded(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """[n] the texts in small letters, where words are letters and digits in a row and all else is ASCII.

    Folded are HTML entities and JSON escapes, compatibility forms (full-width, ligatures, mathematical letters),
    accents, characters without width, look-alikes, hyphens within words and at line ends, and separators of thousands.

    Args:
        texts: [n] strings; null counts as empty.
    """
    flat = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    plain = flat.cast(pa.large_string()).fill_null("")
    plain = _where(plain, _ENTITY, lambda part: _each(part, html.unescape))
    plain = _where(plain, r"\\u[0-9a-fA-F]{4}", lambda part: _each(part, _unescaped))
    plain = _where(plain, r"[^\x00-\x7f]", _ascii_where_possible)
    plain = pc.utf8_lower(plain)
    plain = _where(plain, r"\\[nrt]", lambda part: pc.replace_substring_regex(part, r"\\+[nrt]", " "))
    plain = pc.replace_substring_regex(plain, r"(\pL)-(?:[ \t]*\r?\n\s*)?\b", r"\1")
    return _where(plain, r"\d,\d{3}\b", _without_thousands)


def _where(texts: pa.Array, pattern: str, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """The texts, those that match a pattern (RE2) changed."""
    matches = pc.match_substring_regex(texts, pattern)
    if not pc.any(matches).as_py():
        return texts
    return pc.replace_with_mask(texts, matches, change(texts.filter(matches)).cast(pa.large_string()))


def _each(texts: pa.Array, change: Callable[[str], str]) -> pa.Array:
    return pa.array([change(text) for text in texts.to_pylist()], pa.large_string())


def _unescaped(text: str) -> str:
    decoded = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _ascii_where_possible(texts: pa.Array) -> pa.Array:
    texts = _where(texts, _RAISED, lambda part: pc.replace_substring_regex(part, _RAISED, r" \1 "))
    texts = pc.replace_substring_regex(texts, _INVISIBLE, "")
    texts = pc.replace_substring_regex(pc.utf8_normalize(texts, form="NFKD"), r"[\x{0300}-\x{036F}]+", "")
    texts = pc.utf8_normalize(texts, form="NFC")
    texts = pc.replace_substring_regex(texts, r"[\x{2010}-\x{2015}\x{2212}]", "-")
    texts = _where(texts, _ALIKE, lambda part: _each(part, _latin))
    texts = _where(texts, f"[{_LIGATURES}]", lambda part: _each(part, _spelled))
    texts = pc.replace_substring_regex(texts, r"[\x{3002}\x{2026}\x{201C}\x{201D}\x{300C}\x{300D}\x{2022}]", ".")
    return pc.replace_substring_regex(texts, r"[^\x00-\x7f\pL\pN]+", " ")


def _latin(text: str) -> str:
    return text.translate(_CAPITAL).lower().translate(_LOOK)


_LIGATURES = "ßẞæÆøØłŁđĐ"
_SPELLED = str.maketrans(dict(zip(_LIGATURES, ("ss", "ss", "ae", "ae", *"oollDd".lower()), strict=True)))


def _spelled(text: str) -> str:
    return text.translate(_SPELLED)


def _without_thousands(texts: pa.Array) -> pa.Array:
    for _ in range(2):  # a match takes the digits that the next separator follows
        texts = pc.replace_substring_regex(texts, r"(\d),(\d{3})\b", r"\1\2")
    return texts
