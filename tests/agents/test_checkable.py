"""A prediction is verified only where all of it is read and its values are the same on every machine and day."""

import pytest

from coevo.agents import checkable, executed
from coevo.agents.sandbox import Limits, Sandbox
from coevo.tiers.document import Document

from .offline import document as offline_document

REFUSAL = Sandbox().refusal()
PLUS = "def f(x):\n    return x + 1"


def document(code: str, rest: str) -> Document:
    """A prediction with this code and these claims."""
    text = f"Look at this.\n\n```python\n{code}\n```\n\n{rest}\n"
    return offline_document(text, "code", "predict")


ASKED = "Question: What is `f(1)`?\nAnswer: `2`"
READ = [
    ASKED,
    f"{ASKED}\n\nQuestion: What is `f(5)`?\nFive and one.\nAnswer: `6`",
    "```pycon\n>>> f(1)\n2\n>>> f(5)\n6\n```",
    "What does `f(1)` return?\n\nOne and one.\nAnswer: `2`",
]
UNREAD = [
    f"{ASKED}\n\nQuestion: What is `f(5)`?\nAnswer: 7",
    f"{ASKED}\n\nQuestion: What does f(5) return?\nAnswer: `7`",
    f"{ASKED}\n\nQuestion: What is `f(5)`?\n" + "think\n" * 14 + "Answer: `7`",
    f"{ASKED}\n\n\u95ee\u9898\uff1a`f(5)`\n\u7b54\u6848\uff1a`7`",
    ">>> f(1)\n2\n>>> f(5)\n\n7",
    ">>> f(1)\n2\n>>> f(5)",
    ">>> f(1)\n2\n7\n",
    f"{ASKED}\n\n>>> f(5)\n7 is it\n\n>>> f(6)",
    f"Now:\n\n```python\ndef f(x):\n    return 9\n```\n\n{ASKED}",
    f"{ASKED}\n" + "x" * checkable.LONGEST,
]


@pytest.mark.parametrize("rest", READ)
def test_a_text_whose_claims_are_all_read(rest: str) -> None:
    assert not checkable.unread(document(PLUS, rest).text)


@pytest.mark.parametrize("rest", UNREAD)
def test_a_text_with_a_claim_that_is_not_read_is_left_undecided(rest: str) -> None:
    unread = document(PLUS, rest)
    assert checkable.unread(unread.text) and not executed.programs(unread)
    with pytest.raises(executed.Undecided):
        executed.finding(unread, ())


CHANGING = {
    "hash(x) % 1": "0",
    "id(x) % 1": "0",
    "__import__('os').getcwd()": "'/'",
    "sys.platform": "'linux'",
    "os.getcwd()": "'/'",
    "time.localtime().tm_year > 2000": "True",
    "datetime.date.today().year > 2000": "True",
    "random.randint(7, 7)": "7",
    "len(math.__file__) > 0": "True",
}
CHOSEN_BY_HASH = ("list({'a', 'b'})[0]", "{'a', 'b'}.pop()", "''.join(set('ab'))[0]", "next(iter(frozenset('ab')))")


@pytest.mark.skipif(bool(REFUSAL), reason=REFUSAL or "the sandbox works")
def test_what_another_machine_or_day_may_return_is_neither_verified_nor_refused() -> None:
    imports = "import datetime, math, os, random, sys, time\n"
    cases = [
        document(f"{imports if '.' in e else ''}def f(x):\n    return {e}", f"Question: What is `f(1)`?\nAnswer: `{v}`")
        for e, v in CHANGING.items()
    ]
    cases += [
        document(f"def f(x):\n    return {e}", f"Question: What is `f(1)`?\nAnswer: `{v!r}`")
        for e in CHOSEN_BY_HASH
        for v in "ab"
    ]
    for case in cases:
        outcomes = Sandbox(Limits(seconds=5.0)).run(executed.programs(case))
        with pytest.raises(executed.Undecided):
            executed.finding(case, outcomes)


ASKING = ("f(1)", "f(0) + f(-1) + 1", "len([f(1), 0])")
NOT_ASKING = ("2", "2 if True else f(1)", "2 or f(1)")


@pytest.mark.skipif(bool(REFUSAL), reason=REFUSAL or "the sandbox works")
@pytest.mark.parametrize(("call", "verified"), [*((c, True) for c in ASKING), *((c, False) for c in NOT_ASKING)])
def test_a_claim_asks_the_code(call: str, verified: bool) -> None:
    case = document(PLUS, f"Question: What is `{call}`?\nAnswer: `2`")
    outcomes = Sandbox(Limits(seconds=5.0)).run(executed.programs(case))
    if verified:
        assert not executed.finding(case, outcomes).fault
    else:
        with pytest.raises(executed.Undecided):
            executed.finding(case, outcomes)
