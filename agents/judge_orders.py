"""How often a text speaks to its judge ("answer yes", "this text has been verified")."""

import re

_ORDER = re.compile(
    r"(?:ignore|disregard|forget) (?:all |any |the )?(?:previous|prior|above|earlier|other)"
    r"|(?:answer|say|respond|reply|output|rate|score|grade|give|mark)(?: \w{1,12}){0,4} "
    r"(?:\"?yes\b|10|ten|5/5|highest|maximum|top|full|perfect)"
    r"|as an ai\b|you are a (?:judge|grader|rater)|note to the judge|the only correct answer is"
    r"|(?:this|the) (?:text|document|text above) (?:is|has been) (?:verified|rated|certified|excellent)"
    r"|忽略.{0,6}(?:指令|要求|内容)|(?:给|打|评).{0,6}(?:最高分|满分)|(?:请|必须)回答.{0,3}是"
)
_SUSPECT = (
    *("ignore", "disregard", "forget", "judge", "verified", "certified", "rated", "excellent", "yes", "answer"),
    *("respond", "reply", "score", "grade", "highest", "maximum", "perfect", "as an ai", " say ", "rate "),
)
_CERTAIN = (
    *("ignore ", "disregard ", "forget ", "as an ai", "you are a ", "to the judge", "only correct answer"),
    *(" verified", " rated", " certified", " excellent"),
)
_VERBS = ("answer", "say", "respond", "reply", "output", "rate", "score", "grade", "give", "mark")
_VERDICTS = (" yes", ' "yes', " 10", " ten", " 5/5", " highest", " maximum", " top", " full", " perfect")
_REACH = 64
"""Characters from the beginning of a verb, four words on, to its verdict."""


def orders(lower: str) -> int:
    """Number of orders to a judge in a text of small letters.

    The pattern is slow, so it is only searched where words that it needs stand near one another.
    """
    if lower.isascii() and not any(word in lower for word in _SUSPECT):
        return 0
    if not lower.isascii() or any(word in lower for word in _CERTAIN) or _verdict_near_verb(lower):
        return len(_ORDER.findall(lower))
    return 0


def _verdict_near_verb(lower: str) -> bool:
    for verdict in _VERDICTS:
        at = lower.find(verdict)
        while at >= 0:
            before = lower[max(0, at - _REACH) : at]
            if any(verb in before for verb in _VERBS):
                return True
            at = lower.find(verdict, at + 1)
    return False
