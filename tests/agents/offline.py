"""Texts and helpers for the tests of roles that decide by rules."""

from collections.abc import Sequence

from coevo.agents.backends import open_chat
from coevo.tiers.decision import Decision
from coevo.tiers.document import Document, document_id
from coevo.tiers.tier import Tier

OFFLINE = open_chat("offline:")


def document(
    text: str, domain: str = "en", kind: str = "text", source: str = "s/x.py", parents: Sequence[str] = ()
) -> Document:
    key = document_id(text, source)
    return Document(id=key, text=text, domain=domain, tier=Tier.L2, source=source, kind=kind, parents=tuple(parents))


def made(decision: Decision) -> Document:
    assert decision.made and decision.text and decision.tier is not None
    assert decision.made == document_id(decision.text, decision.source)
    return Document(
        id=decision.made,
        text=decision.text,
        domain=decision.domain,
        tier=decision.tier,
        source=decision.source,
        kind=decision.kind,
        parents=decision.sources,
    )


GOOD = """A hash table stores pairs of keys and values. To find a key, its hash is computed and reduced modulo the
number of buckets; because equal keys have equal hashes, only one bucket has to be searched. If two
different keys fall into the same bucket, they are compared one by one, so a good hash function spreads
keys evenly. For example, with 8 buckets the key 42 goes to bucket 2, since 42 leaves remainder 2 when
divided by 8. When the table fills up it is doubled, and every key is placed again; therefore the average
cost of an insertion stays constant."""
MATH = "In 1729 Euler wrote 34 letters; 56 of 230 problems had 7 parts, 12 had 9, and 88 of 145 had 23 or 3 or 5 or 17."
CODE = '''# Copyright (c) 2001 Somebody. All rights reserved.
# Licensed under the terms of the MIT licence, see the file.

import os


def clamp(value, low, high):
    """Return value limited to the range from low to high."""
    if value < low:
        return low
    if value > high:
        return high
    return value


def vowels(word):
    """Count the vowels of a word."""
    return sum(1 for letter in word if letter in "aeiou")


def unsafe(path):
    """Remove a file from the disk."""
    os.remove(path)
    return path
'''
README = f"""[![Build](https://img.shields.io/a.svg)](https://ci.example.com)
[![Version](https://badge.fury.io/py/x.svg)](https://badge.fury.io)

Skip to main content
Home > Docs > Guide > Install
We use cookies to improve your visit.

The library computes Ã©tale covers of curves in 3 steps; see :class:`~x.Cover` for the class that does it.
It needs 2 numbers and gives 1 back, and it is described at length in the next paragraphs of this text.
{GOOD}

{GOOD.replace("hash", "trie")}

- [a](https://a.example)
- [b](https://b.example)
- [c](https://c.example)
- [d](https://d.example)

Copyright 2019 Somebody. All rights reserved.
"""
