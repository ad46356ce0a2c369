"""How what a model wrote is checked: run, solved again by one or two models, held against its source."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from coevo.agents import pool
from coevo.agents.backends import open_chat
from coevo.agents.code_task import CodeTask
from coevo.agents.code_task import write as write_task
from coevo.agents.mutants import mutants
from coevo.agents.sandbox import Sandbox
from coevo.agents.textbook import Textbook, TextbookExercise
from coevo.agents.textbook import write as write_textbook
from coevo.agents.verifier import Verifier
from coevo.tiers.decision import Action, Decision
from coevo.tiers.document import Document, document_id
from coevo.tiers.tier import Tier

from .model_server import serving

SANDBOX = pytest.mark.skipif(bool(Sandbox().refusal()), reason=Sandbox().refusal() or "-")
SOURCE = Document(
    id="5" * 16,
    text="A lichen is a partnership of a fungus and an alga. The fungus gives shelter, the alga makes sugar of light.",
    domain="en",
    tier=Tier.L2,
    source="notes/lichen",
)
Answers = Callable[[str, str], Any]


def made(text: str, kind: str, domain: str = "en") -> Document:
    return Document(
        id=document_id(text, kind),
        text=text,
        domain=domain,
        tier=Tier.L3,
        source="synth:x",
        kind=kind,
        parents=(SOURCE.id,),
    )


@contextmanager
def verifier(
    first: Answers, second: Answers | None = None, *, source: Document = SOURCE, **options: Any
) -> Iterator[Verifier]:
    with ExitStack() as stack:
        chats = [
            open_chat(stack.enter_context(serving(answers)).url.replace("m@", f"{name}@"), retries=0)
            for name, answers in (("first", first), ("second", second))
            if answers
        ]
        other = chats[1] if second else None
        yield Verifier(chats[0], round=1, sources={source.id: source}, second=other, **options)


def verdict(document: Document, *answers: Answers, **options: Any) -> Decision:
    with verifier(*answers, **options) as role:
        decided = pool.run(role, [document])
    assert len(decided) == 1
    return decided[0]


def nobody(said: str, form: str) -> Any:
    raise AssertionError(f"nobody should be asked, but {form} was")


# ---- tasks

TASK = CodeTask(
    task="Write clamp(x, low, high), which returns x, or the nearer end where x lies outside.",
    analysis="",
    solution="def clamp(x, low, high):\n    if x < low:\n        return low\n    return high if x > high else x",
    tests="\n".join(f"assert clamp({x}, 0, 3) == {y}" for x, y in ((5, 3), (-1, 0), (2, 2), (0, 0))),
)


@SANDBOX
@pytest.mark.parametrize(
    ("change", "action", "reason"),
    [
        ({}, Action.VERIFY, "passes its 4 assertions in the sandbox; "),
        (
            {"tests": TASK.tests.replace("== 3", "== 4", 1)},
            Action.REFUSE,
            "its solution fails its tests: AssertionError",
        ),
        (
            {"tests": "assert clamp(5, 0, 3) is not ...\nassert clamp(1, 0, 3) is not ..."},
            Action.REFUSE,
            "pass even when the function does nothing",
        ),
        (
            {"tests": "assert clamp(1, 0, 3) is not None\nassert clamp(2, 0, 3) is not None"},
            Action.REFUSE,
            "its tests are too weak: only",
        ),
        ({"solution": "def clamp(x, low, high):\n    while True: pass"}, Action.REFUSE, "fails its tests: "),
        ({"solution": "import os\ndef clamp(x, low, high):\n    return os.listdir('/home')"}, Action.REFUSE, "fails"),
    ],
)
def test_a_task_has_to_pass_its_tests_and_its_tests_to_fail_broken_solutions(
    change: dict[str, str], action: Action, reason: str
) -> None:
    decision = verdict(made(write_task(TASK.model_copy(update=change)), "task", "code"), nobody)
    assert decision.action is action and reason in decision.reason, decision.reason
    assert decision.usage.calls == 0 and decision.evidence["checks"]


SEVEN = "\n    def __repr__(self): return '7'\ndef f(x):\n    return R()"


@SANDBOX
@pytest.mark.parametrize(
    ("code", "claims", "action", "reason"),
    [
        ("def f(x):\n    return x + 1", "f(1) = 2, f(2) = 3", Action.VERIFY, "2 calls executed"),
        ("print(7)\ndef f(x):\n    return x + 1", "f(1) = 7", Action.REFUSE, "f(1) returns 2, not 7"),
        ("print(7)\ndef f(x):\n    return x + 1", "f(1) = 2", Action.VERIFY, "1 calls executed"),
        ("def f(x):\n    print(7)\n    return x + 1", "f(1) = 7, f(2) = 2", Action.REFUSE, "f(1) returns 2, not 7"),
        ("repr = lambda v: '7'\ndef f(x):\n    return x + 1", "f(1) = 7", Action.REFUSE, "f(1) returns 2, not 7"),
        (
            "import builtins\nbuiltins.repr = lambda v: '7'\ndef f(x):\n    return x + 1",
            "f(1) = 7",
            Action.REFUSE,
            "returns 2",
        ),
        (
            "class R:\n    def __repr__(self): return '7'\ndef f(x):\n    return R()",
            "f(1) = 7",
            Action.NONE,
            "no plain data",
        ),
        (
            "class R(int):\n    def __repr__(self): return '7'\ndef f(x):\n    return R(x)",
            "f(1) = 7",
            Action.NONE,
            "no plain",
        ),
        (
            "import os\nprint(7, flush=True)\ndef f(x):\n    os._exit(0)",
            "f(1) = 7",
            Action.REFUSE,
            "left before its end",
        ),
        ("import os\ndef f(x):\n    os.write(1, b'7')\n    return 2", "f(1) = 7", Action.REFUSE, "running it failed"),
        ("def f(x):\n    return [x]", "f(1) = [1.0]", Action.REFUSE, "f(1) returns [1], not [1.0]"),
        ("def f(x):\n    return {x: {3, 2}}", "f(1) = {1: {2, 3}}", Action.VERIFY, "1 calls executed"),
        ("def f(x):\n    return {x, True}", "f(1) = {True}", Action.REFUSE, "f(1) returns {1}, not {True}"),
        ("def f(x):\n    return float('nan')", "f(1) = nan", Action.VERIFY, "1 calls executed"),
        ("def f(x):\n    return 9 ** 9999", "f(1) = 9", Action.REFUSE, "more digits than Python writes"),
    ],
)
def test_a_prediction_is_held_against_the_value_and_not_against_output(
    code: str, claims: str, action: Action, reason: str
) -> None:
    pairs = (claim.split(" = ") for claim in claims.split(", f"))
    asked = "\n\n".join(f"Question: What is `f{call.removeprefix('f')}`?\nAnswer: `{value}`" for call, value in pairs)
    decision = verdict(made(f"```python\n{code}\n```\n\n{asked}\n", "predict", "code"), nobody)
    assert decision.action is action and reason in decision.reason, decision.reason


@SANDBOX
@pytest.mark.parametrize(
    ("change", "action", "reason"),
    [
        ({"tests": f"import os\nos._exit(0)\n{TASK.tests}"}, Action.NONE, "not verified: the tests import os"),
        ({"solution": f"import os\nos._exit(0)\n{TASK.solution}"}, Action.REFUSE, "left before its end"),
        ({"tests": f"clamp = lambda *a: 3\n{TASK.tests}"}, Action.REFUSE, "the tests define clamp themselves"),
        (
            {"solution": "class R:\n    def __eq__(self, o): return True\ndef clamp(x, low, high):\n    return R()"},
            Action.NONE,
            "not verified: the tests compare an object of the solution",
        ),
    ],
)
def test_a_task_cannot_talk_its_way_past_its_tests(change: dict[str, str], action: Action, reason: str) -> None:
    decision = verdict(made(write_task(TASK.model_copy(update=change)), "task", "code"), nobody)
    assert decision.action is action and reason in decision.reason, decision.reason


def test_mutants_are_other_programs_and_the_first_does_nothing() -> None:
    found = mutants(TASK.solution, 5)
    assert len(found) == len(set(found)) >= 4 and "return" not in found[0]
    assert all(compile(code, "m", "exec") for code in found) and TASK.solution not in found
    assert mutants("not python at all (", 8) == [] and mutants("x = y", 8) in ([], ["x = y"])


# ---- solved again

PROBLEM = made(
    "Question: What is the speed of Ada?\nSolution: It is found.\nAnswer: $\\frac{7}{2}$\n", "problem", "math"
)


def solving(*answers: str) -> Answers:
    given = iter(answers)
    return lambda said, form: {"steps": "s", "answer": next(given)}


@pytest.mark.parametrize(
    ("answers", "votes", "action", "told"),
    [
        (("3.5", "7/2"), 2, Action.VERIFY, "2/2"),
        (("3.5", "4"), 2, Action.REFUSE, "1/2"),
        (("4",), 2, Action.REFUSE, "0/1"),
        (("3.5", "4", "3.5"), 3, Action.VERIFY, "2/3"),
        (("4", "4"), 3, Action.REFUSE, "0/2"),
        (("3.5", "3.5"), 3, Action.VERIFY, "2/2"),
    ],
)
def test_solutions_are_asked_for_until_the_outcome_is_settled(
    answers: tuple[str, ...], votes: int, action: Action, told: str
) -> None:
    decision = verdict(PROBLEM, solving(*answers), votes=votes)
    assert decision.action is action and decision.evidence["votes"] == told
    assert decision.usage.calls == len(answers)
    solutions = decision.evidence["solutions"]
    assert isinstance(solutions, list) and [a in s for a, s in zip(answers, solutions, strict=True)]
    assert "no rule solves it" in str(decision.evidence["checks"])


def test_a_second_model_has_to_agree() -> None:
    both = verdict(PROBLEM, solving("3.5", "3.5"), solving("7/2", "3.50"))
    assert both.action is Action.VERIFY and both.evidence["votes"] == "4/4" and both.usage.calls == 4
    assert "solved again by 2 models" in both.reason and "openai:second@" in str(both.evidence["solutions"])
    one = verdict(PROBLEM, solving("3.5", "3.5"), solving("7"))
    assert one.action is Action.REFUSE and "only 2 of 3" in one.reason and "openai:second@" in one.reason


def test_what_was_paid_before_a_failure_is_counted() -> None:
    given = iter([{"steps": "s", "answer": "3.5"}, "no json", "still no json"])
    decision = verdict(PROBLEM, lambda said, form: next(given))
    assert decision.action is Action.NONE and decision.error and decision.usage.calls == 3


def test_answers_in_words_are_compared_by_the_model() -> None:
    words = made(
        "Question: Who makes the sugar?\nSolution: Light is needed.\nAnswer: the green alga\n", "problem", "math"
    )

    def answers(yes: float) -> Answers:
        return lambda said, form: (
            {" yes": yes, " no": 1 - yes} if form == "choose" else {"steps": "", "answer": "an alga"}
        )

    same = verdict(words, answers(0.9))
    assert (
        same.action is Action.VERIFY and "P(the same) 0.90" in str(same.evidence["solutions"]) and same.usage.calls == 4
    )
    assert verdict(words, answers(0.1)).action is Action.REFUSE


# ---- against the source

DIALOGUE = (
    "Ada: What is a lichen, and is it not one plant?\n\nBen: No, it is a partnership of a fungus and an alga.\n\n"
    "Ada: Who does what?\n\nBen: The fungus gives shelter, and the alga makes sugar.\n"
)


def faithful(*shares: float) -> Answers:
    given = iter(shares)
    return lambda said, form: {" yes": (p := next(given)), " no": 1 - p}


@pytest.mark.parametrize("kind", ["dialogue", "rewrite"])
def test_what_is_told_anew_is_judged_by_every_model(kind: str) -> None:
    good = verdict(made(DIALOGUE, kind), faithful(0.9), faithful(0.8))
    assert good.action is Action.VERIFY and "P(faithful) 0.90, 0.80" in good.reason and good.evidence["votes"] == "2/2"
    doubted = verdict(made(DIALOGUE, kind), faithful(0.9), faithful(0.2))
    assert doubted.action is Action.REFUSE and "openai:second@" in doubted.reason and "0.20" in doubted.reason
    invented = verdict(made(DIALOGUE.replace("sugar", "sugar since 1867"), kind), nobody)
    assert invented.action is Action.REFUSE and "1867" in invented.reason
    foreign = verdict(made("Ada: Bonjour, comment allez-vous?\n\nBen: Je vais bien, merci.\n", kind), nobody)
    assert foreign.action is Action.REFUSE and "of its words stand in the source" in foreign.reason
    assert (
        Verifier(open_chat("offline:"), round=1, sources={SOURCE.id: SOURCE})(made(DIALOGUE, kind))[0].action
        is Action.NONE
    )


BOOK = Textbook(
    title="Lichens",
    explanation="A lichen is a partnership: the fungus gives shelter, and the alga makes sugar of light.",
    exercises=(
        TextbookExercise(question="A lichen has 2 partners; how many have 3 lichens?", steps="2 * 3 = 6", answer="6"),
        TextbookExercise(question="And 5 lichens?", steps="2 * 5 = 10", answer="10"),
    ),
)


def test_a_textbook_is_held_against_its_source_and_its_exercises_solved_again() -> None:
    def answers(said: str, form: str) -> Any:
        if form == "choose":
            return {" yes": 0.9, " no": 0.1}
        return {"steps": "", "answer": "6" if "3 lichens" in said else "10"}

    text = write_textbook(BOOK)
    good = verdict(made(text, "textbook"), answers)
    assert good.action is Action.VERIFY and good.usage.calls == 5 and len(good.evidence["solutions"]) == 4  # type: ignore[arg-type]
    wrong = verdict(made(text.replace("Answer: 10", "Answer: 11"), "textbook"), answers)
    assert wrong.action is Action.REFUSE and "'11'" in wrong.reason and wrong.usage.calls == 4
    lying = verdict(made(text.replace("shelter", "shelter for 4711 years"), "textbook"), nobody)
    assert lying.action is Action.REFUSE and "4711" in lying.reason
    assert verdict(made("# Lichens\n\nNo exercise.\n", "textbook"), nobody).action is Action.REFUSE


def test_a_repair_is_compared_letter_by_letter() -> None:
    broken = SOURCE.model_copy(update={"text": "SchÃ¶ne BÃ¼cher kosten 12 Euro."})
    for text, action in (
        ("Schöne Bücher kosten 12 Euro.", Action.VERIFY),
        ("Schöne Bücher kosten 21 Euro.", Action.REFUSE),
    ):
        assert verdict(made(text, "repair"), nobody, source=broken).action is action
    orphan = made("x", "repair").model_copy(update={"parents": ()})
    assert verdict(orphan, nobody).action is Action.NONE


C = "/* Copyright */\n#include <a.h>\nint f() { return 1; }\n"


def test_edited_code_of_another_language_keeps_its_lines() -> None:
    source = SOURCE.model_copy(update={"text": C, "domain": "code"})
    kept = verdict(made(C.partition("\n")[2], "text", "code"), faithful(0.9), source=source)
    assert kept.action is Action.VERIFY
    lost = verdict(made(C.replace("#include <a.h>\n", ""), "text", "code"), nobody, source=source)
    assert lost.action is Action.REFUSE and "no comments" in lost.reason
