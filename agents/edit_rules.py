"""Edit rules: what can be seen to be boilerplate, navigation, debris or broken encoding without a model."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from .edit_program import EditProgram, Remove, Replace, lines_of

MAX_LINE = 2_000
"""Longer lines are left alone: rules are about lines that people wrote."""

_LICENCE = re.compile(
    r"copyright|\(c\) ?\d{4}|licen[cs]ed? |all rights reserved|spdx-|permission is hereby granted"
    r"|redistribution and use|without warrant|as is\"|express or implied|merchantability|notice and this"
    r"|free software foundation|psf license",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"^\W*(?:this file (?:was|is) )?(?:automatically |auto-?)?generated (?:by|from|using|with|file|on)\b"
    r"|^\W*do not edit\b|^\W*(?:created|built) (?:with|by) \w[\w .-]{0,30}(?:bot|generator|cookiecutter|sphinx)",
    re.IGNORECASE,
)
_EDITOR = re.compile(
    r"^[#\s/*]*(?:-\*-.*-\*-|vim?: ?(?:set )?\w|local variables:|end:$|(?:pylint|flake8|isort|fmt|yapf|mypy): ?\w)",
    re.IGNORECASE,
)
_BADGE = re.compile(
    r"shields\.io|badge(?:s|\.svg|\.fury|/)|/badge\b|travis-ci|codecov\.io|coveralls\.io|readthedocs\.org/projects"
    r"|app\.veyor|pepy\.tech|actions/workflows|img\.shields|zenodo\.org/badge|gitter\.im",
    re.IGNORECASE,
)
_NAVIGATION = re.compile(
    r"^\W*(?:skip to (?:main )?content|table of contents|back to (?:top|home|index)|edit (?:this page|on github)"
    r"|on this page|previous(?: page)? ?[|\u00bb\u00b7-] ?next.*|next ?[|\u00b7] ?previous.*"
    r"|(?:home|docs|index) ?[|\u00bb\u203a>] ?.{1,120}|toggle (?:navigation|menu)|main menu"
    r"|jump to (?:navigation|search|content).{0,40}|search this site|sitemap|print this page"
    r"|share (?:this|on).{0,40}|read more|view (?:page )?source|you are here:?.{0,120})\W*$",
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"\b(?:(?:we|this (?:web)?site) uses? cookies|accept (?:all )?cookies|cookie (?:policy|settings|preferences)"
    r"|privacy policy ?[|\u00b7]|subscribe to (?:our|the) newsletter|log ?in ?[|/·] ?(?:register|sign up)"
    r"|follow us on|terms of (?:use|service) ?[|·]|enable javascript|your browser does not support)",
    re.IGNORECASE,
)
_DIRECTIVE = re.compile(
    r"^\s*\.\. (?:(?:currentmodule|module|highlight|index|contents|toctree|sectionauthor|moduleauthor"
    r"|_[\w .-]{1,80}):(?: |:|$)|$)"
)
_ROLE = re.compile(r":(?:py:)?(?:class|func|meth|mod|attr|exc|obj|data|const|ref|term|doc):`[~!]?\.?([^`<>\n]{1,120})`")
_LINK_LINE = re.compile(
    r"^\s*(?:[-*+•]\s*)?(?:\[[^\]\n]{0,100}\]\([^)\s]{1,300}\)"
    r"|<?https?://\S{1,300}>?|\*?\[[^\]\n]{1,100}\]: ?\S{1,300})[\s|,.;]*$"
)
_LINKED = re.compile(
    r"\[?!?\[[^\]\n]{0,120}\]|\([^)\n]{0,300}\)|<[^>\n]{0,400}>|https?://\S{1,400}"
    r"|\.\. (?:image|figure|\|.{1,60}\| image)::"
)
"""What a badge consists of; what is left of a line without it is prose."""
_COMMENT = re.compile(r"^\s*(?:#(?!!|(?:include|define|undef|ifn?def|endif|pragma)\b)|//|;;|--(?!-)|\*|/\*|%)")
_IMAGE_OPTION = re.compile(r"^\s+:(?:target|alt|align|height|width|scale):")
DAMAGED = re.compile(
    r"Ã[\x80-\xff]|â€|Â[\xa0-\xbf]|[\x00-\x08\x0b\x0c\x0e-\x1f\u200b\u200e\u2060\ufeff\ue000-\uf8ff]|&(?:amp|lt|gt|quot|nbsp|#\d{2,4});"
)


@dataclass
class Draft:
    """What the rules want of each line: a line number (from 0) maps to None (it goes) or to its new text."""

    lines: list[str]
    code: bool
    changes: dict[int, str | None] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)
    """Lines that each rule touched."""

    def current(self, index: int) -> str | None:
        """Line `index` as the rules so far leave it; None when it is gone."""
        return self.changes.get(index, self.lines[index])

    def change(self, rule: str, index: int, new: str | None) -> None:
        """Line `index` becomes `new` or goes (None), unless it is gone already."""
        if self.current(index) not in (None, new):
            self.changes[index] = new
            self.rules[rule] = self.rules.get(rule, 0) + 1

    def remove(self, rule: str, indexes: Iterable[int]) -> None:
        """These lines go."""
        for i in indexes:
            self.change(rule, i, None)

    def program(self) -> EditProgram:
        """The same as a program: neighbouring removals are one step."""
        edits: list[Remove | Replace] = []
        for i in sorted(self.changes):
            new, n = self.changes[i], i + 1
            last = edits[-1] if edits else None
            if new is not None:
                edits.append(Replace(op="replace", first=n, last=n, text=new))
            elif isinstance(last, Remove) and last.last == i:
                edits[-1] = Remove(op="remove", first=last.first, last=n)
            else:
                edits.append(Remove(op="remove", first=n, last=n))
        named = ", ".join(f"{rule} ({n} line{'s' * (n > 1)})" for rule, n in self.rules.items())
        return EditProgram(edits=tuple(edits[:500]), reason=named)


Rule = Callable[[Draft], None]


def draft(text: str, *, code: bool, rules: Sequence[Rule]) -> Draft:
    """What `rules`, in their order, want of `text`."""
    made = Draft(lines_of(text), code)
    for rule in rules:
        rule(made)
    return made


def _blocks(d: Draft, belongs: Callable[[str], bool]) -> list[range]:
    """Runs of neighbouring lines that `belongs`."""
    runs, start = [], None
    for i, line in enumerate([*d.lines, None]):
        inside = line is not None and len(line) <= MAX_LINE and belongs(line)
        if inside and start is None:
            start = i
        elif not inside and start is not None:
            runs.append(range(start, i))
            start = None
    return runs


def licence(d: Draft) -> None:
    """Comment blocks, and outside code paragraphs, that are licence texts or copyright notices."""
    for block in _blocks(d, lambda s: bool(_COMMENT.match(s) if d.code else s.strip())):
        text = "\n".join(d.lines[i] for i in block)[:6_000]
        hits = len(_LICENCE.findall(text))
        # One mention may be the subject of a text; a notice is short, or says it again and again.
        short = len(text) < 160 and re.match(
            r"\W*(?:copyright|\(c\)|©|licen[cs]ed? |all rights|spdx-)", text, re.IGNORECASE
        )
        if (short and hits) or (hits >= 3 and len(text) < 700 * hits) or (d.code and hits and block.start < 8):
            d.remove("licence", block)


def generated(d: Draft) -> None:
    """Lines that say `generated by` or `do not edit`; in code only comments, in mathematics no modules and ideals."""
    found = _matching(d, _GENERATED, comment=d.code)
    d.remove("generated", (i for i in found if d.code or "$" not in d.lines[i]))


def editor_lines(d: Draft) -> None:
    """Coding cookies, modelines and linter switches that stand alone on a line."""
    d.remove("editor-line", _matching(d, _EDITOR, comment=True))


def badges(d: Draft) -> None:
    """Lines of badges in READMEs, with the options of an image directive below them."""
    for i in _matching(d, _BADGE, comment=False) if not d.code else []:
        line = d.lines[i]
        prose = _LINKED.sub("", line)
        if sum(map(str.isalpha, prose)) < 25:
            below = i + 1
            while below < len(d.lines) and _IMAGE_OPTION.match(d.lines[below][:200]):
                below += 1
            d.remove("badge", range(i, below))


def navigation(d: Draft) -> None:
    """Menus, breadcrumbs, pagers and consent lines of web pages."""
    if d.code:
        return
    d.remove("navigation", _matching(d, _NAVIGATION, comment=False))
    d.remove("consent", (i for i in _matching(d, _CONSENT, comment=False) if len(d.lines[i]) < 300))
    for i, line in enumerate(d.lines):
        parts = [p.strip() for p in re.split(r"[>\u203a\u00bb|\u00b7\u2022]", line[:400])] if len(line) < 200 else []
        crumbs = [p for p in parts if p and len(p) < 30 and p[0].isupper() and not re.search(r"[.!?=`()\d\"'$\\]", p)]
        if len(crumbs) >= 4 and len(crumbs) == len(parts):
            d.change("navigation", i, None)


def link_farm(d: Draft) -> None:
    """Four or more lines in a row that are nothing but links."""
    if not d.code:
        for block in _blocks(d, lambda s: bool(_LINK_LINE.match(s))):
            if len(block) >= 4:
                d.remove("link-farm", block)


def markup(d: Draft) -> None:
    """Directives and roles of documentation tools that carry no text of their own."""
    if d.code:
        return
    for i, line in enumerate(d.lines):
        if len(line) <= MAX_LINE and (":" in line or ".." in line):
            d.change("markup", i, None if _DIRECTIVE.match(line) else _ROLE.sub(r"\1", line))


def encoding(d: Draft) -> None:
    """Text decoded with the wrong table, control and invisible characters, character references outside HTML."""
    import ftfy

    # In a page's own markup a character reference is as it should be.
    html = any("</" in line[:MAX_LINE] for line in d.lines)
    config = ftfy.TextFixerConfig(
        unescape_html=False if html else "auto",
        uncurl_quotes=False,
        fix_character_width=False,
        fix_latin_ligatures=False,
        explain=False,
    )
    for i in range(len(d.lines)):
        line = d.current(i)
        if line is not None and len(line) <= MAX_LINE and DAMAGED.search(line):
            fixed = ftfy.fix_text(line, config).replace("\n", " ")
            d.change("encoding", i, re.sub("[\u200b\u200e\u2060\ufeff\ue000-\uf8ff]", "", fixed))


def white_space(d: Draft) -> None:
    """Trailing blanks, and blank lines beyond two in a row (beyond one outside code)."""
    blank, most = 0, 2 if d.code else 1
    for i in range(len(d.lines)):
        line = d.current(i)
        if line is None:
            continue
        blank = 0 if line.strip() else blank + 1
        if blank > most:
            d.change("white-space", i, None)
        elif line != line.rstrip():
            d.change("white-space", i, line.rstrip())


def _matching(d: Draft, pattern: re.Pattern[str], *, comment: bool) -> list[int]:
    return [
        i
        for i, line in enumerate(d.lines)
        if len(line) <= MAX_LINE and (not comment or _COMMENT.match(line)) and pattern.search(line)
    ]


SAFE: tuple[Rule, ...] = (licence, generated, editor_lines, badges, navigation, link_farm, markup)
"""Rules that touch whole lines or markup."""
ALL: tuple[Rule, ...] = (*SAFE, encoding, white_space)
"""SAFE and those that may touch the inside of a string literal."""
