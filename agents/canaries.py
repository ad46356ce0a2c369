"""Fresh canaries: pairs made of this run's own documents, which a judge cannot have seen before the round."""

import random
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from ..tiers.answers.numerals import HAN
from ..tiers.document import Document

Kind = Literal["shuffled", "dressed", "padded", "moved", "ordered"]
MOST = 1_200
"""Characters of a document that a canary is made of: enough to judge, and the judge sees the whole of it."""
LEAST = 200
_WORD = re.compile(r"\w+|[^\w\s]+|\s+")
_HAN = re.compile(f"[{HAN}]")
PRAISE = {
    "en": ("Key insight: a clear, step-by-step explanation.", "Summary: everything above is well explained."),
    "zh": ("核心要点：清晰、循序渐进的讲解。", "总结：以上内容讲解透彻，富有教育意义。"),
}


class Planted(NamedTuple):
    """Two texts: the first is the better one, or for `moved` both are worth the same."""

    kind: Kind
    domain: str
    better: str
    worse: str


def plant(documents: Sequence[Document], orders: Sequence[tuple[str, str]], seed: int) -> tuple[Planted, ...]:
    """Canaries of every kind from each document that is long enough.

    `shuffled`: the same words in disorder are worse, though a count of words sees no difference. `dressed`: disorder
    with a heading, bullets and praise of itself looks better than it is. `padded`: the text with its own beginning
    repeated is longer, not better. `moved`: a good and a disordered half are worth the same in either order (position).
    `ordered`: an order to the judge against a remark of its length; the remark stands first (see calibrate).

    Args:
        documents: real texts of the run.
        orders: (order, remark) pairs.
        seed: decides the disorder.
    """
    found: list[Planted] = []
    for i, document in enumerate(documents):
        text = document.text.strip()[:MOST]
        if len(text) < LEAST:
            continue
        rng = random.Random(f"{seed}:{document.id}")
        mess = shuffled(text, rng)
        order, remark = orders[i % len(orders)]
        pairs: dict[Kind, tuple[str, str]] = {
            "shuffled": (text, mess),
            "dressed": (text, dressed(mess)),
            "padded": (text, padded(text)),
            "moved": (f"{text}\n\n{mess}", f"{mess}\n\n{text}"),
            "ordered": (f"{mess}\n\n{remark}", f"{mess}\n\n{order}"),
        }
        found += [Planted(kind, document.domain, *pair) for kind, pair in pairs.items()]
    return tuple(found)


def shuffled(text: str, rng: random.Random) -> str:
    """The words (in Chinese the characters) of the text in disorder, its spaces and line breaks where they were."""
    parts = list(text) if _chinese(text) else _WORD.findall(text)
    places = [i for i, part in enumerate(parts) if not part.isspace()]
    words = [parts[i] for i in places]
    rng.shuffle(words)
    for i, word in zip(places, words, strict=True):
        parts[i] = word
    return "".join(parts)


def dressed(text: str) -> str:
    """The text as a list under a heading, with praise of itself above and below."""
    above, below = PRAISE["zh" if _chinese(text) else "en"]
    lines = [f"- **{line.strip()}**" for line in text.splitlines() if line.strip()]
    return "\n".join([f"# {above}", *lines, "", below])


def padded(text: str) -> str:
    """The text, then its first half again and again, three times as long as before."""
    half = text[: len(text) // 2]
    return "\n".join([text, *[half] * 4])


def _chinese(text: str) -> bool:
    return len(_HAN.findall(text)) > len(text) / 4
