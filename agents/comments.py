"""Comments of source code in languages that no parser of ours reads: which lines say what is done, and which do not."""

import re

_DIRECTIVE = (
    r"#(?:include|define|undef|if|ifdef|ifndef|elif|else|endif|pragma|error|warning|line|import|region|endregion|using"
    r"|nullable)\b|#\s+(?:include\s*[<\"]|define\s+[A-Z_]|undef\s+\w|ifn?def\s+\w|endif\s*$|pragma\s)"
)
_HASH = re.compile(rf"(?!{_DIRECTIVE})#(?![!\[])")
"""A comment of a script, and no preprocessor's directive, no first line of a script and no attribute of Rust."""
_WHOLE = re.compile(r"//|--\s|;;|;\s|--$|\"\"\"$|'''$")


def code_lines(text: str) -> list[str]:
    """The lines of `text` that are neither blank nor a comment from end to end.

    Block comments are those of C, when they begin and end at an end of a line: a comment that shares a line with code
    makes that line code. Where this errs, it calls a comment code.
    """
    found: list[str] = []
    inside = False
    for line in text.split("\n"):
        bare = line.strip()
        if inside:
            inside = "*/" not in bare
            if not inside and not bare.endswith("*/"):
                found.append(line)
        elif bare.startswith("/*"):
            rest = bare[2:]
            inside = "*/" not in rest
            if not inside and not (rest.endswith("*/") and rest.count("*/") == 1):
                found.append(line)
        elif bare and not _HASH.match(bare) and not _WHOLE.match(bare):
            found.append(line)
    return found
