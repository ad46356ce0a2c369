"""Which domain a record is of, where nothing but its text says it."""

from dataclasses import dataclass

from ..domains import packs
from .language import language

READ = 20_000


@dataclass(frozen=True, slots=True)
class Identified:
    """What a text looks like."""

    domain: str
    """Name of a domain pack, "" where none claims it."""
    language: str
    """ISO 639-1, "" where it cannot be told."""


def identify(text: str, source: str) -> Identified:
    """Ask every domain pack how much a text is its own; the surest has it, the first of equals.

    Args:
        text: its first `READ` characters are looked at.
        source: its name, for packs that go by suffixes.
    """
    head = text[:READ]
    found = language(head)
    claims = {pack.name: pack.claim(head, found.code, source) for pack in packs().values()}
    domain, most = max(claims.items(), key=lambda item: item[1])
    return Identified(domain if most > 0 else "", found.code)
