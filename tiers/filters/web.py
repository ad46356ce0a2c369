"""Rules for pages of the web: their address, and of the published ones those that hold for pages with code in them."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import CleanConfig
from .batch import Batch, Mask, Reasons, Rule, over, under
from .published import POLICY, fineweb_lines, fineweb_newlines, gopher_letters, gopher_lines, gopher_symbols

URL = re.compile(r"https?://[^\s#]+", re.I)
ADULT = re.compile(
    r"(?:^|[^a-z])(?:porn\w*|xxx|sex(?:cam|chat|tube|video)s?|escorts?|hentai|milf|camgirls?|nude|naked|erotic\w*|blowjob)(?:[^a-z]|$)"
)
GAMBLING = re.compile(
    r"(?:^|[^a-z])(?:casinos?|poker|slots?online|betting|sportsbook|jackpot|bet365|judi|togel)(?:[^a-z]|$)"
)
ADDRESS = re.compile(r"^(?:\d{1,3}\.){3}\d{1,3}$")
FILES = re.compile(r"\.(?:jpe?g|png|gif|svg|css|js|zip|gz|exe|mp[34]|pdf|ico|woff2?)$")


def url_fault(url: str) -> str | None:
    """Why a page of this address is not wanted, or None."""
    parts = urlsplit(url.lower())
    host, rest = parts.hostname or "", f"{parts.hostname or ''} {parts.path}"
    if ADDRESS.match(host):
        return f"url-address: {host} is no name"
    for name, words in (("adult", ADULT), ("gambling", GAMBLING)):
        found = words.search(rest)
        if found:
            return f"url-{name}: {found[0].strip('-._/ ')} in its address"
    return f"url-file: {parts.path[-20:]} is no page" if FILES.search(parts.path) else None


def url(batch: Batch, config: CleanConfig) -> Reasons:
    """An address that promises nothing to learn from."""
    found = (URL.search(source) for source in batch.source)
    return pa.array([url_fault(match[0]) if match else None for match in found], pa.string())


def policy(batch: Batch, config: CleanConfig) -> Reasons:
    """A page that is its policy or its cookie banner: C4 drops such lines, this a page of them."""
    lines = batch.lines
    return over("policy-page", lines.share(lines.matching(POLICY)), 0.3, pages(batch))


def few_words(batch: Batch, config: CleanConfig) -> Reasons:
    """A page of less than this says nothing by itself (Gopher asks for 50 words)."""
    return under("few-words", batch.words, 50, pages(batch) & ~batch.is_cjk)


def pages(batch: Batch) -> Mask:
    """[n] whether a text was extracted from a page."""
    return np.asarray(batch.kind == "html", bool)


def for_pages(rule: Rule) -> Rule:
    """The rule for texts that were extracted from pages; Markdown, manuals and verse are set out in other ways."""

    def made(batch: Batch, config: CleanConfig) -> Reasons:
        return pc.if_else(pa.array(pages(batch)), rule(batch, config), pa.scalar(None, pa.string()))

    return made


PUBLISHED: tuple[Callable[[Batch, CleanConfig], Reasons], ...] = (
    gopher_symbols,
    gopher_lines,
    gopher_letters,
    fineweb_lines,
    fineweb_newlines,
)
RULES: tuple[Rule, ...] = (url, few_words, policy, *(for_pages(rule) for rule in PUBLISHED))
