"""Mathematics: claimed by formulas and the words of proofs, in any language; LaTeX must balance."""

import re

from ..filters.latex import RULES
from .pack import Pack

FORMULA = re.compile(r"\\[a-zA-Z]+|\$[^$\n]{1,200}\$|[∑∫∏√∞≤≥≠∈∀∃⊂∪∩→⇒∂∇ℝℤℕℂ]")
WORDS = re.compile(
    r"(?i)\b(?:theorem|lemma|proof|corollary|proposition|equation|integer|polynomial|integral|derivative|matrix|vector|"
    r"prime|modulo|algebra\w*|geometr\w+|topolog\w+|triangle|denominator|numerator|logarithm)s?\b|定理|引理|证明|方程|函数|积分|导数|矩阵|向量"
)
MOSTLY = 0.06


def claim(text: str, language: str, source: str) -> float:
    """Formulas and mathematical words per word, from `MOSTLY` on; four times that is sure."""
    words = len(text.split()) + len(re.findall(r"[\u4e00-\u9fff]", text)) / 2
    density = (len(FORMULA.findall(text)) + len(WORDS.findall(text))) / max(words, 1)
    return min(0.5 + density / (8 * MOSTLY), 0.99) if density >= MOSTLY and words >= 20 else 0.0


PACK = Pack("math", "mathematics", claim, RULES)
