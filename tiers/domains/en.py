"""English web text: claimed by its small words; pages are judged by the published web rules."""

from ..filters.web import RULES
from .pack import Pack


def claim(text: str, language: str, source: str) -> float:
    """English."""
    return 0.4 if language == "en" else 0.0


PACK = Pack("en", "English web", claim, RULES)
