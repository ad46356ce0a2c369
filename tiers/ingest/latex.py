"""The text of a LaTeX file: its body without preamble and comments, mathematics and verbatim text untouched."""

import re
from functools import lru_cache

VERBATIM = (
    "verbatim", "Verbatim", "BVerbatim", "LVerbatim", "SaveVerbatim", "spverbatim", "lstlisting", "minted", "alltt",
    "filecontents", "pycode", "pyblock", "sageblock", "sagesilent", "tcblisting", "codelisting",
)  # fmt: skip
"""Environments of LaTeX and of its common packages in which `%` is a character like any other."""
DEFINED = re.compile(
    r"\\(?:lstnewenvironment|newtcblisting|DefineVerbatimEnvironment|RecustomVerbatimEnvironment|newverbatim)\s*"
    r"(?:\[[^\]]*\])?\s*\{(\w+)\*?\}|\\newminted\s*\[(\w+)\]"
)
"""How a file defines more such environments."""
TOKENS = r"""
    (?P<comment>(?P<own>^[ \t]*)?%[^\n]*(?(own)\n?))
  | \\begin\s*\{(?P<env>NAMES)\*?\}.*?(?:\\end\s*\{(?P=env)\*?\}|\Z)
  | (?P<hidden>\\begin\s*\{comment\}.*?(?:\\end\s*\{comment\}|\Z))
  | (?P<start>\\begin\s*\{document\})
  | (?P<stop>\\end\s*\{document\})
  | \\(?:verb|lstinline|mintinline|Verb|code)(?![a-zA-Z])\*?(?:\[[^\]\n]*\])?(?:\{\w+\}(?=[^\s]))?
      (?:\{[^{}\n]*\}|(?P<mark>[^\s\w{*])[^\n]*?(?P=mark))
  | \\(?:url|href|nolinkurl|path|hyperlink|burl)\*?\s*(?:\[[^\]\n]*\])?\s*\{(?:[^{}\\\n]|\\.|\{[^{}\n]*\})*\}
  | \\.
"""


def latex_body(source: str) -> str:
    """What a LaTeX file says, as LaTeX; a file without preamble (a chapter, a section) is its own body."""
    parts: list[str] = []
    position = 0
    for token in _tokens(_verbatim_names(source)).finditer(source):
        parts.append(source[position : token.start()])
        position = token.end()
        if token["start"]:
            parts.clear()  # what stands before it is the preamble
        elif token["stop"]:
            break
        elif token["comment"] is None and token["hidden"] is None:
            parts.append(token[0])
    else:
        parts.append(source[position:])
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip() + "\n"


def _verbatim_names(source: str) -> tuple[str, ...]:
    """Names of the environments that are verbatim in this file."""
    return (*VERBATIM, *sorted({match[1] or f"{match[2]}" for match in DEFINED.finditer(source)}))


@lru_cache(maxsize=64)
def _tokens(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(TOKENS.replace("NAMES", "|".join(map(re.escape, names))), re.X | re.S | re.M)
