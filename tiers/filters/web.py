"""Rules for pages of the web: their address, and of the published ones those that hold for pages with code in them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import CleanConfig
from ..errors import InputError
from . import advertising
from .batch import Batch, Reasons, Rule, over, pages, under
from .lines import POLICY
from .published import SHORT_LINE, TERMINAL, fineweb_newlines, gopher_symbols

URL = re.compile(r"https?://[^\s#]+", re.I)
ADDRESS = re.compile(r"^(?:\d{1,3}\.){3}\d{1,3}$")
LISTED = re.compile(r"(?:https?://)?[^\s/.]+(?:\.[^\s/.]+)+(?:/\S*)?")
WORD = r"[^\s|]*[\pL\pN][^\s|]*"
LETTERS = r"[^\s|]*\pL[^\s|]*"
LIST_NUMBER = r"(?m)^[ \t]*\d{1,4}[.)]?[ \t]"
FILES = re.compile(r"\.(?:jpe?g|png|gif|svg|css|js|zip|gz|exe|mp[34]|pdf|ico|woff2?)$")


def url_fault(url: str, blocked: frozenset[str] = frozenset()) -> str | None:
    """Why a page of this address is not wanted, or None.

    Args:
        url: with its scheme.
        blocked: hosts (their subdomains as well) and beginnings of addresses, lower case, without scheme.
    """
    parts = urlsplit(url.lower())
    host = parts.hostname or ""
    if ADDRESS.match(host):
        return f"url-address: {host} is no name"
    listed = next((b for b in _ways_to(host, parts.path) if b in blocked), None) if blocked else None
    if listed:
        return f"url-blocked: {listed} is in clean.block_urls"
    said = re.findall(r"[a-z0-9]+", f"{host.rpartition('.')[0]} {parts.path}")
    for name, words in _listed().items():
        found = words.found(said)
        if found:
            return f"url-{name}: {found} in its address"
    return f"url-file: {parts.path[-20:]} is no page" if FILES.search(parts.path) else None


def _ways_to(host: str, path: str) -> Iterator[str]:
    """The host, the hosts above it, and every folder of the path."""
    labels = host.removeprefix("www.").split(".")
    for i in range(len(labels)):
        yield ".".join(labels[i:])
    folders = path.strip("/").split("/")
    for i in range(1, len(folders) + 1):
        yield f"{host.removeprefix('www.')}/{'/'.join(folders[:i])}"


@dataclass(frozen=True, slots=True)
class Words:
    """One sort of words of `urls.yaml`."""

    words: frozenset[str]
    parts: tuple[str, ...]
    two: frozenset[str]

    def found(self, said: list[str]) -> str | None:
        """The words of an address that are of this sort, as a reader would name them."""
        one = next((w for w in said if w in self.words), None)
        if one is None:
            one = next((p for p in self.parts for w in said if p in w), None)
        several = sorted(self.two.intersection(said)) if one is None else []
        return " and ".join(several[:2]) if len(several) > 1 else one


@cache
def _listed() -> dict[str, Words]:
    import yaml

    read = yaml.safe_load(Path(__file__).with_name("urls.yaml").read_text("utf-8"))
    return {n: Words(frozenset(g["words"]), tuple(g["parts"]), frozenset(g["two"])) for n, g in read.items()}


@cache
def block_list(entries: tuple[str, ...]) -> frozenset[str]:
    """Hosts and beginnings of addresses: as given, or one a line in a file.

    Raises:
        InputError: an entry looks like a file and is none, or is neither a host nor an address.
    """
    found: list[str] = []
    for entry in entries:
        if entry.endswith(".txt"):
            try:
                found += Path(entry).expanduser().read_text("utf-8").split("\n")
            except OSError as error:
                raise InputError(f"clean.block_urls: {entry} cannot be read ({error.strerror})") from error
        else:
            found.append(entry)
    kept = [line for said in found if (line := said.split("#")[0].strip().lower())]
    odd = next((line for line in kept if not LISTED.fullmatch(line)), None)
    if odd:
        raise InputError(f"clean.block_urls: wanted a host, the beginning of an address or a .txt file, got {odd!r}")
    return frozenset(re.sub(r"^https?://", "", line).removeprefix("www.").rstrip("/") for line in kept)


def url(batch: Batch, config: CleanConfig) -> Reasons:
    """An address that promises nothing to learn from."""
    blocked = block_list(config.block_urls)
    found = (URL.search(source) for source in batch.source)
    return pa.array([url_fault(match[0], blocked) if match else None for match in found], pa.string())


def policy(batch: Batch, config: CleanConfig) -> Reasons:
    """A page that is its policy or its cookie banner: C4 drops such lines, this a page of them."""
    lines = batch.lines
    return over("policy-page", lines.share(lines.matching(POLICY)), 0.3, pages(batch))


def page_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """FineWeb's rules for lines, but that those which end in punctuation may hold 12 % of the characters instead."""
    lines, every = batch.lines, pages(batch) & ~batch.is_technical & ~batch.is_statute
    return pc.coalesce(
        under("fineweb-punctuation", lines.ended(TERMINAL), 0.12, every),
        over("fineweb-short-lines", lines.share(lines.lengths <= SHORT_LINE), 0.67, every),
    )


def letters(batch: Batch, config: CleanConfig) -> Reasons:
    """Gopher's rule that 80 % of words hold a letter; borders of tables and the numbers of a list are no words."""
    words = np.maximum(batch.matches(WORD) - batch.matches(LIST_NUMBER), 1)
    share = np.minimum(batch.matches(LETTERS) / words, 1)
    return under("gopher-letters", share, 0.8, pages(batch) & ~batch.is_technical)


def few_words(batch: Batch, config: CleanConfig) -> Reasons:
    """A page of less than this says nothing by itself (Gopher asks for 50 words)."""
    return under("few-words", batch.words, 50, pages(batch) & ~batch.is_cjk)


def for_pages(rule: Rule) -> Rule:
    """The rule for texts that were extracted from pages; Markdown, manuals and verse are set out in other ways."""

    def made(batch: Batch, config: CleanConfig) -> Reasons:
        return pc.if_else(pa.array(pages(batch)), rule(batch, config), pa.scalar(None, pa.string()))

    return made


PUBLISHED: tuple[Callable[[Batch, CleanConfig], Reasons], ...] = (
    gopher_symbols,
    letters,
    page_lines,
    fineweb_newlines,
)
RULES: tuple[Rule, ...] = (url, few_words, policy, advertising.english, *(for_pages(rule) for rule in PUBLISHED))
