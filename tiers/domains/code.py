"""Program text: claimed by the look of its lines; vendored, minified and empty files are refused."""

import re

from ..filters.program import RULES
from .pack import Pack

LINE = re.compile(
    r"""(?m)^[ \t]*(?:
        (?:def|class|import|from|return|elif|else:|try:|except|with|for|while|if|func|fn|impl|package|use|let|const|var|
           public|private|protected|static|void|int|struct|enum|namespace|using|function|export|async|match|case)\b.*[:;{(,)]
        | .*[;{}]
        | \#\s*(?:include|define|ifdef|ifndef|endif|pragma)\b.*
        | import\s[\w., *]+ | from\s[\w.]+\simport\s.*
        | (?://|/\*|\*/?|\#!).*
        | [\w.\[\]"']+\s*[-+*/|&]?=\s*\S.*
        | @\w[\w.]*(?:\(.*\))?
    )[ \t]*$""",
    re.X,
)
MIN_LINES = 3
MOSTLY = 0.45


def claim(text: str, language: str, source: str) -> float:
    """Share of the written lines that are statements, from `MOSTLY` on; prose about code stays below."""
    written = sum(bool(line.strip()) for line in text.split("\n"))
    share = len(LINE.findall(text)) / max(written, 1)
    return min(share, 1.0) if written >= MIN_LINES and share >= MOSTLY else 0.0


PACK = Pack("code", "program text", claim, RULES)
