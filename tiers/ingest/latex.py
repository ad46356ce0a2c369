"""The text of a LaTeX file: its body without preamble and comments, mathematics untouched."""

import re

BODY = re.compile(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", re.S)
COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
COMMENT_LINE = re.compile(r"(?m)^[ \t]*%[^\n]*\n?")
HIDDEN = re.compile(r"\\begin\s*\{comment\}.*?\\end\s*\{comment\}", re.S)
VERBATIM = re.compile(r"(\\begin\s*\{(verbatim|lstlisting|minted)\*?\}.*?\\end\s*\{\2\*?\})", re.S)


def latex_body(source: str) -> str:
    """What a LaTeX file says, as LaTeX; a file without preamble (a chapter, a section) is its own body."""
    found = BODY.search(source)
    text = HIDDEN.sub("", found[1] if found else source)
    parts = VERBATIM.split(text)  # text, verbatim, its name, text, ...
    kept = [_uncommented(p) if i % 3 == 0 else p for i, p in enumerate(parts) if i % 3 != 2]
    return re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip() + "\n"


def _uncommented(text: str) -> str:
    return COMMENT.sub(r"\1", COMMENT_LINE.sub("", text))
