"""Chinese web text: claimed by its script; judged by its own punctuation and characters, not by spaces."""

from ..filters.chinese import RULES
from ..filters.web import url
from .pack import Pack


def claim(text: str, language: str, source: str) -> float:
    """Chinese, and not Japanese."""
    return 0.4 if language == "zh" else 0.0


PACK = Pack("zh", "Chinese web", claim, (url, *RULES))
