"""Rules for prose and mathematics: length, letters, words, symbols, markup, damage (Gopher's and C4's, and our own)."""

import re
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ..config import CleanConfig
from .batch import DATA, QUOTED_CODE, SHORTCODE, TAG, Batch, Mask, Reasons, Rule, beside, is_prose, over, under

FUNCTION_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Gopher's (arXiv 2112.11446, section A.1.1)."""
ENOUGH_WORDS = 50
ENOUGH_LINES = 20
CJK_DENSITY = 3
"""A CJK character says about what three Latin letters do."""
VERSE_DENSITY = 6
"""One of classical Chinese, which leaves out more; told by its having hardly any other letters, and punctuation."""
STATEMENT_DENSITY = 2
"""One of a definition or an exercise in mathematics."""
FEW_BROKEN, BROKEN_LENGTH = 5, 40
"""Teasers are several, and lines of some length on average (characters, a CJK one counting three)."""
TECHNICAL_WORD = 1.6
"""Words of a text about programs may be longer by this factor; those of a list of names are longer still."""
BULLET_LENGTH = 60
"""Points of a list that are longer on average say something."""
FILLED = 2_000
"""One mention of filler in this many characters is about it, more is made of it."""
TAG_WORTH = 8
"""Characters that a tag counts for, whatever its attributes: an address in a link is no markup."""
ADDRESSES = rf"{TAG}|\]\([^)\n]*\)|https?://[^\s<>()]+|\{{\{{[^{{}}\n]*\}}\}}"
"""What is no word of a text: tags, targets of links, addresses, calls of page templates."""
LINK = r"!?\[[^\]\n]*\]\([^)\n]*\)"
STATEMENT = r"(?:\b\pL{2,}\b[^.!?]*?){6}(?:[.!?](?:\s|$)|(?:\\\]|\$)\s*$)"
"""Six words and the end of a sentence, which may be a formula."""
ENGLISH = r"\b(?:the|to|of|and|for|with|using|from|this|see|more|all|is)\b"
"""Words that manuals do with; a tenth of a text is English."""
FORMULA = (
    r"(?s)\$\$.*?\$\$|\\\[.*?\\\]|\$[^$\n]+\$"
    r"|\\begin\{(?:align|equation|array)\*?\}.*?\\end\{(?:align|equation|array)\*?\}"
)
"""Mathematics in a text, which has few letters."""
FILLER = r"(?i)lorem ipsum"
BULLET = r"(?m)^[ \t]*[•●*‣·◦+-][ \t]"
BROKEN = r"(?m)(?:[^ \t\n.…]|[^ \t\n…][ \t]+)(?:\.\.\.|…)[ \t]*$"
HEADING = r"(?m)^[ \t]*#{1,6} "
DAMAGE = (
    r"\x{FFFD}|[\x00-\x08\x0B\x0E-\x1F\x7F]"
    r"|[ÃÂâ][\x{80}-\x{BF}\x{152}-\x{192}\x{2C6}\x{2DC}\x{2013}-\x{203A}\x{20AC}\x{2122}]+|ï¿½"
)
"""Undecodable, control characters, UTF-8 read as Latin-1 or Windows-1252."""


def too_short(batch: Batch, config: CleanConfig) -> Reasons:
    """Too little to learn from."""
    density = np.where(_is_verse(batch), VERSE_DENSITY, CJK_DENSITY)
    length = batch.counts["character"] + (density - 1) * batch.counts["cjk"]
    length = np.where(_is_statement(batch), STATEMENT_DENSITY * length, length)
    return under("too-short", length, config.min_chars, np.ones(len(batch), bool))


def too_long(batch: Batch, config: CleanConfig) -> Reasons:
    """So long that it is no text but a dump."""
    return over("too-long", batch.counts["character"], config.max_chars, np.ones(len(batch), bool))


def damaged(batch: Batch, config: CleanConfig) -> Reasons:
    """Decoding went wrong too often to be mended."""
    return over("encoding-damage", batch.matched(DAMAGE), config.max_damage, np.ones(len(batch), bool))


def few_letters(batch: Batch, config: CleanConfig) -> Reasons:
    """Tables, rulers and numbers."""
    mixed = batch.is_math | batch.is_technical | np.asarray(batch.domain == "zh", bool)
    limits = np.where(mixed, config.min_letters_math, config.min_letters)
    share = batch.counts["letter"] / batch.visible
    reasons = [
        under("few-letters", share, limit, ~batch.is_code & (limits == limit))
        for limit in (config.min_letters, config.min_letters_math)
    ]
    return pc.coalesce(*reasons)


def short_words(batch: Batch, config: CleanConfig) -> Reasons:
    """Fragments, or letters spaced out; CJK has no spaces to count by."""
    return under("short-words", _word_length(batch), config.min_word, _is_prose(batch))


def long_words(batch: Batch, config: CleanConfig) -> Reasons:
    """Lists of identifiers, encoded data; addresses are no words, but in this machine's change logs made of them."""
    length = _word_length(batch)
    prose, technical = _is_prose(batch), batch.is_technical & ~batch.quotes_code & ~batch.is_math & ~batch.is_cjk
    applies = (prose & (length > config.max_word)) | (technical & (length > TECHNICAL_WORD * config.max_word))
    asked = applies & ~batch.is_local
    length = np.where(asked, batch.measured(asked, _word_length_without_addresses), length)
    applies &= prose | (length > TECHNICAL_WORD * config.max_word)
    return over("long-words", length, config.max_word, applies)


def link_list(batch: Batch, config: CleanConfig) -> Reasons:
    """Markdown that is little but links: tables of contents, collections of addresses."""
    applies = ~batch.is_code & ~batch.is_local & (batch.matches(LINK) >= ENOUGH_LINES)
    share = batch.measured(applies, lambda part: part.matched(LINK))
    return over("link-list", share, config.max_links, applies)


def other_script(batch: Batch, config: CleanConfig) -> Reasons:
    """Written in other letters than English is."""
    foreign = _multibyte(batch) > config.max_other_script * (batch.counts["letter"] - _multibyte(batch))
    applies = _is_english(batch) & foreign  # of the others no regular expression need be asked
    share = batch.measured(applies, lambda p: 1 - p.matches(r"\p{Latin}") / np.maximum(p.matches(r"\pL"), 1))
    return over("other-script", share, config.max_other_script, applies)


def word_list(batch: Batch, config: CleanConfig) -> Reasons:
    """One word a line, line after line: stop lists, vocabularies, tables of names."""
    single = batch.matches(r"(?m)^[ \t]*[^ \t\n]+[ \t]*$")
    applies = _is_prose(batch) & (single >= ENOUGH_LINES)
    return over("word-list", single / _lines(batch), config.max_single_words, applies)


def foreign(batch: Batch, config: CleanConfig) -> Reasons:
    """Long enough to be English, without its function words; no rule for other domains and scripts."""
    lower = pc.utf8_lower(batch.text)
    found = sum(
        pc.match_substring_regex(lower, rf"\b{word}\b").to_numpy(zero_copy_only=False).astype(int)
        for word in FUNCTION_WORDS
    )
    applies = _is_english(batch) & ~batch.is_cjk & (batch.words >= ENOUGH_WORDS)
    for i in np.flatnonzero(applies & batch.is_technical & (found < config.min_function_words)):
        applies[i] = _is_foreign(batch.text[i].as_py())
    return under("few-function-words", found, config.min_function_words, applies)


def _is_foreign(text: str) -> bool:
    """Whether what stands around the code in a text is told to be of another language; manuals say little."""
    from ..ingest.language import language

    prose = re.sub(QUOTED_CODE.replace(r"\z", r"\Z"), " ", text)
    english = len(re.findall(ENGLISH, prose.lower()))
    return english < 0.1 * len(prose.split()) and language(prose).code not in ("en", "")


def symbols(batch: Batch, config: CleanConfig) -> Reasons:
    """Hashes and ellipses in place of words; the hashes of headings, addresses and entities are not."""
    applies = _is_prose(batch) & (batch.matches(r"#|\.\.\.|…") > config.max_symbols * batch.words)
    return over("many-symbols", batch.measured(applies, _symbol_share), config.max_symbols, applies)


def bullets(batch: Batch, config: CleanConfig) -> Reasons:
    """Nothing but a list of short points; a change log and a list of instructions are read."""
    share = batch.matches(BULLET) / _lines(batch)
    applies = ~batch.is_code & (share > config.max_bullet_lines)
    return over("many-bullets", share, config.max_bullet_lines, applies & (_mean_length(batch, BULLET) < BULLET_LENGTH))


def ellipses(batch: Batch, config: CleanConfig) -> Reasons:
    """Lines that break off, as teasers do; `...` that continues a doctest is none, and `……` ends a Chinese sentence."""
    broken = batch.matches(BROKEN)
    share = broken / np.maximum(batch.matches(r"(?m)^.*[^\s].*$"), 1)
    applies = ~batch.is_code & (broken >= FEW_BROKEN) & (share > config.max_ellipsis_lines)
    return over(
        "broken-off-lines", share, config.max_ellipsis_lines, applies & (_mean_length(batch, BROKEN) >= BROKEN_LENGTH)
    )


def markup(batch: Batch, config: CleanConfig) -> Reasons:
    """HTML that nobody extracted; what is quoted as code is no markup."""
    applies = ~batch.is_code & (batch.matched(TAG) > config.max_markup)
    return over("markup", batch.measured(applies, _markup_share), config.max_markup, applies)


def lorem_ipsum(batch: Batch, config: CleanConfig) -> Reasons:
    """Filler of page templates (C4, arXiv 1910.10683)."""
    mentions = batch.matches(FILLER)
    outside_code = batch.measured(
        (mentions > 0) & ~batch.is_local,
        lambda part: part.with_text(pc.replace_substring_regex(part.text, QUOTED_CODE, "")).matches(FILLER),
    )
    length = batch.counts["character"] + (CJK_DENSITY - 1) * batch.counts["cjk"]
    much = outside_code * (outside_code * FILLED >= length)  # texts may speak of it
    return over("lorem-ipsum", np.where(batch.is_local, mentions, much), 0, ~batch.is_code)


def _is_prose(batch: Batch) -> Any:
    """[n] neither code nor mathematics nor CJK nor about code."""
    return ~batch.is_code & ~batch.is_math & ~batch.is_cjk & ~batch.is_technical


def _is_english(batch: Batch) -> Any:
    """[n] prose that should be English."""
    return ~batch.is_code & np.asarray(batch.domain == "en", bool)


def _multibyte(batch: Batch) -> Any:
    """[n] bytes that continue a character, so at least as many as there are characters beyond ASCII."""
    return np.asarray(pc.binary_length(batch.text).to_numpy(zero_copy_only=False)) - batch.counts["character"]


def _word_length(batch: Batch) -> Any:
    return np.asarray(batch.visible / batch.words)


def _word_length_without_addresses(batch: Batch) -> Any:
    return _word_length(batch.with_text(pc.replace_substring_regex(batch.text, f"{QUOTED_CODE}|{ADDRESSES}", " ")))


def _symbol_share(batch: Batch) -> Any:
    plain = batch.with_text(pc.replace_substring_regex(batch.text, rf"{HEADING}|&#\w+;|[/(]#\w", " "))
    return plain.matches(r"#|\.\.\.|…") / batch.words


def _markup_share(batch: Batch) -> Any:
    plain = pc.replace_substring_regex(batch.text, QUOTED_CODE, "")
    left = pc.utf8_length(pc.replace_substring_regex(plain, TAG, "")).to_numpy(zero_copy_only=False)
    tags = TAG_WORTH * batch.with_text(plain).matches(TAG)
    left = left + (CJK_DENSITY - 1) * batch.counts["cjk"]
    return tags / np.maximum(tags + left, 1)


def _is_verse(batch: Batch) -> Mask:
    pure = batch.counts["han"] >= 0.7 * batch.visible
    marks = batch.measured(pure, lambda part: part.matches(r"[，。！？；、]"))
    return np.asarray(pure & (marks >= 2), bool)


def _is_statement(batch: Batch) -> Mask:
    """[n] whether a text of mathematics holds a formula and a sentence of words."""
    asked = batch.is_math & ~batch.is_local & ~np.isin(batch.kind, ["html", "docstring"])
    sentences = batch.measured(asked, lambda part: part.matches(STATEMENT))
    return np.asarray(
        (sentences > 0) & (batch.measured(asked, lambda part: part.matches(r"\$|\\[a-zA-Z(\[]")) > 0), bool
    )


def _mean_length(batch: Batch, pattern: str) -> Any:
    """[n] characters of the mean line that holds a match, a CJK one counting three."""
    lines = batch.lines
    matching = lines.matching(pattern)
    wide = pc.count_substring_regex(lines.text, r"\p{Han}").to_numpy(zero_copy_only=False)
    lengths = lines.lengths + (CJK_DENSITY - 1) * wide
    number = np.maximum(np.bincount(lines.rows, weights=matching, minlength=len(batch)), 1)
    return np.bincount(lines.rows, weights=lengths * matching, minlength=len(batch)) / number


def beside_data(rule: Rule) -> Rule:
    """The rule, but calls of templates, tags, keys and long numbers in a text are no part of it."""
    return beside(rule, f"{SHORTCODE}|{TAG}|{DATA}", is_prose)


def _lines(batch: Batch) -> Any:
    return np.asarray(batch.counts["line"] + 1)


RULES = (
    too_short,
    too_long,
    damaged,
    beside(beside_data(few_letters), FORMULA, is_prose, share=0.1),
    short_words,
    beside_data(long_words),
    link_list,
    other_script,
    beside_data(word_list),
    foreign,
    beside_data(symbols),
    bullets,
    ellipses,
    markup,
    lorem_ipsum,
)
