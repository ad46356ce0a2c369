"""Words and marks as the published filters count them: close to spaCy's English tokenizer, each different word cut once.

spaCy cuts what stands between white space by itself, and so do we: of a batch only the different pieces are looked at,
which are few. Its rules are affixes, infixes, units and contractions (spacy.lang.punctuation, spacy.lang.en); left out
are emoticons and rare abbreviations.
"""

import re
import string
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..tokens import Tokens, hash_words

OPEN = re.compile(
    r"\.\.+|[…,:;!?¿؟¡()\[\]{}<>_#*&。？！，、；：～·।،۔؛٪§%=—–'\"”“`‘´’‚„»«「」『』（）【】《》〈〉⟦⟧$£€¥]|\+(?!\d)"
)
CLOSE = re.compile(
    r"(?:\.\.+|[…,:;!?¿؟¡()\[\]{}<>_#*&。？！，、；：～·।،۔؛٪'\"”“`‘´’‚„»«「」『』（）【】《》〈〉⟦⟧—–]|['’][sS]|(?<=\d)\+|"
    r"(?<=\d)(?:[$£€¥]|[kdcmµn]?m[²³]?|ha|yd|in|ft|[kmµ]?g|t|lb|oz|m/s|km/h|kmh|mph|hPa|Pa|mbar|[mkgt]b|[MKGT]B|[TGMK%])|"
    r"(?<=[0-9a-zß-öø-ÿ%²\-+'\"”“`‘’)\]}>*_])\.|(?<=[A-ZÀ-ÖØ-Þ]{2})\.)$"
)
INSIDE = re.compile(
    r"(\.\.+|…|(?<=\d)[+\-*^](?=[\d-])|(?<=[a-zß-öø-ÿ'\"”“`‘’])\.(?=[A-ZÀ-ÖØ-Þ'\"”“`‘’])|(?<=[^\W\d_]),(?=[^\W\d_])|"
    r"(?<=[^\W_])(?:---|--|——|[-–—~])(?=[^\W\d_])|(?<=[^\W_])[:<>=/](?=[^\W\d_])|[\u2190-\u21ff\u2500-\u27bf©®°™])"
)
URL = re.compile(
    r"^(?:[a-z][a-z0-9+.-]{1,20}://)?(?:[\w.~%+-]{1,60}@)?(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[a-z0-9\u00a1-\uffff_-]{1,63}\.)+"
    r"[a-z\u00a1-\uffff]{2,18})(?::\d{2,5})?(?:[/?#]\S*)?$",
    re.I,
)
CACHED = 1 << 18
"""Different pieces that are remembered from batch to batch."""
PLAIN = frozenset(string.ascii_letters + ",:;!?)")
SHORTENED = re.compile(r"^(.+?)(n['’]t|['’](?:ll|re|ve|d|m))$", re.I)
"""Contractions: two words."""
JOINED = {"cannot": 3, "gonna": 3, "gotta": 3, "dont": 2, "cant": 2, "didnt": 3, "doesnt": 4, "isnt": 2, "wont": 2}
"""Words that are two, and where the second begins."""
WHOLE = frozenset(
    [
        "Adm.",
        "Ala.",
        "Apr.",
        "Ariz.",
        "Ark.",
        "Aug.",
        "Bros.",
        "C++",
        "Calif.",
        "Co.",
        "Colo.",
        "Conn.",
        "Corp.",
        "D.C.",
        "Dec.",
        "Del.",
        "Dr.",
        "E.G.",
        "E.g.",
        "Feb.",
        "Fla.",
        "Ga.",
        "Gen.",
        "Gov.",
        "I.E.",
        "I.e.",
        "Ia.",
        "Id.",
        "Ill.",
        "Inc.",
        "Ind.",
        "Jan.",
        "Jr.",
        "Jul.",
        "Jun.",
        "Kan.",
        "Kans.",
        "Ky.",
        "La.",
        "Ltd.",
        "Mar.",
        "Mass.",
        "Md.",
        "Messrs.",
        "Mich.",
        "Minn.",
        "Miss.",
        "Mo.",
        "Mont.",
        "Mr.",
        "Mrs.",
        "Ms.",
        "Mt.",
        "N.C.",
        "N.D.",
        "N.H.",
        "N.J.",
        "N.M.",
        "N.Y.",
        "Neb.",
        "Nev.",
        "Nov.",
        "Oct.",
        "Okla.",
        "Ore.",
        "Pa.",
        "Ph.D.",
        "Prof.",
        "Rep.",
        "Rev.",
        "S.C.",
        "Sen.",
        "Sep.",
        "Sept.",
        "St.",
        "Tenn.",
        "Va.",
        "Wash.",
        "Wis.",
        "a.m.",
        "and/or",
        "co.",
        "e.g.",
        "i.e.",
        "p.m.",
        "v.s.",
        "vs.",
        "w/o",
        "'s",
        "'S",
        "’s",
        "’S",
        "''",
        "’’",
        "'em",
        "o'clock",
        "O'clock",
        "ma'am",
    ]
) | {f"{letter}." for letter in "abcdefghijklmnopqrstuvwxyzäöü"}


@lru_cache(maxsize=CACHED)
def cut(piece: str) -> tuple[str, ...]:
    """Words and marks of what stands between two white spaces."""
    if piece.isascii() and piece[:-1].isalpha() and piece.lower() not in JOINED and piece[-1:] in PLAIN:
        return (piece[:-1], piece[-1]) if piece[-1] in ",:;!?)" else (piece,)
    first: list[str] = []
    last: list[str] = []
    while piece not in WHOLE and not _shortened(piece):
        opened, closed = OPEN.match(piece), CLOSE.search(piece)
        if opened and opened.end() < len(piece):
            first.append(opened[0])
            piece = piece[opened.end() :]
        elif closed and closed.start() > 0:
            last.append(closed[0])
            piece = piece[: closed.start()]
        else:
            break
    middle = [piece] if piece in WHOLE or URL.match(piece) else _shortened(piece) or INSIDE.split(piece)
    return (*first, *filter(None, middle), *reversed(last))


def _shortened(piece: str) -> list[str]:
    """The two words of a contraction, [] where it is none."""
    found = SHORTENED.match(piece) if "'" in piece or "’" in piece else None
    if found and found[1].replace("'", "").isalpha():
        return [found[1], found[2]]
    at = JOINED.get(piece.lower())
    return [piece[:at], piece[at:]] if at else []


def words_and_marks(texts: pa.Array) -> Tokens:
    """Words and punctuation marks of n texts (large strings), with their case."""
    lists = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(texts))
    encoded = lists.flatten().dictionary_encode()
    pieces = [cut(p) for p in encoded.dictionary.to_pylist()]
    sizes = np.fromiter(map(len, pieces), np.int64, len(pieces))
    flat = pa.array([w for p in pieces for w in p], pa.large_string())
    starts = np.concatenate([[0], np.cumsum(sizes)])
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    chosen = _spread(starts[codes], sizes[codes])
    ends = np.concatenate([[0], np.cumsum(sizes[codes])])[_edges(lists)]
    return Tokens(flat.take(pa.array(chosen)), hash_words(flat)[chosen], ends)


def _edges(lists: pa.Array) -> Any:
    return np.concatenate([[0], np.cumsum(pc.list_value_length(lists).to_numpy(zero_copy_only=False))]).astype(np.int64)


def _spread(starts: Any, sizes: Any) -> Any:
    """All positions of ranges that begin at `starts`, one after another."""
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if len(sizes) else np.zeros(0, np.int64)
    return np.repeat(starts - offsets, sizes) + np.arange(int(sizes.sum()))
