"""The main text of an HTML page, by trafilatura."""

import logging
from functools import cache
from typing import Any

MIN_CHARS = 40


def main_text(html: str) -> tuple[str | None, str]:
    """The text a reader came for, without navigation and scripts.

    Returns:
        The text and "", or None and the reason.
    """
    extract, reason = _extractor()
    if extract is None:
        return None, reason
    try:
        text = extract(html, include_comments=False, include_tables=True)
    except (ValueError, RecursionError) as error:  # lxml refuses control characters and absurd nesting
        return None, f"html: cannot be parsed ({type(error).__name__})"
    if not text or len(text) < MIN_CHARS:
        return None, f"html: no main text ({len(text or '')} characters < {MIN_CHARS})"
    return str(text), ""


@cache
def _extractor() -> tuple[Any, str]:
    """`extract` of trafilatura, or None and what to do about it.

    Old pips overlook a dependency of trafilatura's (lxml_html_clean); a page is then quarantined with that reason, and
    sources without pages still work.
    """
    try:
        from trafilatura import extract
    except ImportError as error:
        return None, f"html: trafilatura cannot be imported ({str(error).splitlines()[0]}): pip install lxml_html_clean"
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it logs every odd page; the reason is in our table
    return extract, ""
