"""Thinking: an answer without what the model thought aloud before it, whatever marks its thoughts."""

import re

_NAMES = (
    "think|thinking|thought|thoughts|reasoning|reason|reflection|scratchpad|analysis|internal_monologue|inner_monologue"
)
_MARKS = re.compile(
    rf"(?P<open><\s*(?:\w+:)?(?:{_NAMES})(?:\s[^<>]*)?>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>"
    r"|<\|channel>thought|<unused94>|<\|think\|>|<\|thinking\|>)"
    rf"|(?P<close><\s*/\s*(?:\w+:)?(?:{_NAMES})\s*>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>"
    r"|<channel\|>|<unused95>|<\|/think\|>|<\|/thinking\|>)",
    re.IGNORECASE,
)
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>(.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)", re.S
)
_BARE_CHANNEL = re.compile(r'\s*analysis(?=[A-Z"{\'])')
_BARE_FINAL = "assistantfinal"


def without_thinking(text: str) -> tuple[str, bool]:
    """What remains of `text`, and whether it broke off, or was lost, inside the thinking.

    Blocks may be nested or follow one another. A closing mark without an opening one ends a thought that began in the
    prompt. After an opening mark that is never closed everything is thought.

    >>> without_thinking("<think>1 or 2?</think>2")
    ('2', False)
    >>> without_thinking("1 or 2?</think>2")
    ('2', False)
    >>> without_thinking("<think>1 or 2?")
    ('', True)
    """
    if "<|channel|>" in text:
        return _final_channel(text)
    if _BARE_CHANNEL.match(text):  # the same with its marks left out by the server
        _, final, answer = text.rpartition(_BARE_FINAL)
        return (answer, False) if final else ("", True)
    kept: list[str] = []
    depth, end = 0, 0
    for mark in _MARKS.finditer(text):
        if depth == 0:
            kept.append(text[end : mark.start()])
        if mark["open"]:
            depth += 1
        elif depth:
            depth -= 1
        else:
            kept.clear()
        end = mark.end()
    if depth == 0:
        kept.append(text[end:])
    answer = "".join(kept)
    return ("", True) if depth else (answer, False)


def _final_channel(text: str) -> tuple[str, bool]:
    """The last message on the channel `final` of the Harmony format (gpt-oss)."""
    finals = [body for name, body in _CHANNEL.findall(text) if name == "final"]
    return (finals[-1], False) if finals else ("", True)
