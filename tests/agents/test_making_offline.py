"""What the synthesizer writes by rules, and what the verifier finds in it."""

import re
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from coevo.agents.editor import Editor
from coevo.agents.sandbox import Outcome, Program, Sandbox
from coevo.agents.synthesizer import Synthesizer
from coevo.agents.verifier import Verifier
from coevo.tiers.decision import Action, Decision
from coevo.tiers.document import Document

from .offline import CODE, GOOD, MATH, OFFLINE, README, document, made

SOURCES = [
    document(MATH, "math"),
    document(CODE, "code", "source", "stdlib/tools/clamp.py"),
    document(
        "Return the clamped value of x. The result lies between the two limits given.",
        "en",
        "docstring",
        "stdlib/clip.py#clip",
    ),
    document(
        "A monoid is a set with an associative operation and a neutral element. " + GOOD,
        "en",
        source="stdlib/monoid.txt",
    ),
]
BY_ID = {d.id: d for d in SOURCES}
WANTED = {"math": 60, "code": 12, "en": 4}


def synthesized(seed: int = 1, **options: object) -> list[Decision]:
    return Synthesizer(OFFLINE, round=1, seed=seed, wanted=WANTED, **options).batch(SOURCES)  # type: ignore[arg-type]


def verify(documents: Sequence[Document], sandbox: Sandbox | None = None) -> list[Decision]:
    return Verifier(OFFLINE, round=1, sources=BY_ID, sandbox=sandbox).batch(documents)


needs_sandbox = pytest.mark.skipif(bool(Sandbox().refusal()), reason=Sandbox().refusal() or "-")


def test_synthesis_is_sourced_deterministic_and_as_much_as_wanted() -> None:
    decisions = synthesized()
    assert decisions == synthesized() != synthesized(seed=2)
    count = Counter(d.domain for d in decisions)
    assert count["math"] == 60 and count["code"] >= 6 and count["en"] >= 2
    assert {d.kind for d in decisions} == {"arithmetic", "symbolic", "qa", "predict"}
    assert all(d.action is Action.CREATE and d.sources and set(d.sources) <= set(BY_ID) for d in decisions)
    assert len({d.made for d in decisions}) == len(decisions)
    assert not {d.made for d in decisions} & {d.made for d in synthesized(held=[str(d.made) for d in decisions])}


def test_a_thousand_and_a_half_problems_take_a_second_or_two() -> None:
    began = time.process_time()
    decisions = Synthesizer(OFFLINE, round=1, seed=1, wanted={"math": 1500}).batch(
        [document(f"{MATH} {i}", "math") for i in range(40)]
    )
    assert len(decisions) == 1500
    assert time.process_time() - began < 5.0


def test_problems_that_benchmarks_ask_are_not_written() -> None:
    def reserved(left: int, op: str, right: int) -> bool:
        return (left + right) % 4 == 0

    for decision in synthesized(reserved=reserved):
        for a, op, b in re.findall(r"(?<![\d.])(?=(\d+) ([-+*/]) (\d+))", str(decision.text)):
            assert (op in "+-" and min(int(a), int(b)) < 10) or not reserved(int(a), op, int(b))


@needs_sandbox
def test_everything_made_by_rules_is_verified() -> None:
    documents = [made(d) for d in synthesized()]
    decisions = verify(documents)
    assert [(d.doc, d.action) for d in decisions] == [(d.id, Action.VERIFY) for d in documents]
    assert {d.agent for d in decisions} == {"rule:verification"} and all(d.evidence["checks"] for d in decisions)


@needs_sandbox
def test_a_corrupted_result_is_refused() -> None:
    wrong = []
    for decision in synthesized():
        text = str(decision.text)
        if decision.kind in ("arithmetic", "symbolic"):
            corrupt = re.sub(r"(\d+)(\D*)\Z", lambda m: f"{int(m[1]) + 1}{m[2]}", text)
        elif decision.kind == "predict":
            corrupt = re.sub(r"(Answer: `|\n>>> [^\n]*\n)", lambda m: m[1] + "[0] + ", text)
        else:
            corrupt = re.sub(r"\n(Answer: |A: |\*\*Answer\.\*\* )", r"\n\1Never in 1832, since penguins object. ", text)
        wrong.append(document(corrupt, decision.domain, decision.kind, decision.source, decision.sources))
    decisions = verify(wrong)
    assert [d.kind for d in decisions if d.action is not Action.REFUSE] == []
    assert all(len(d.reason) > 10 for d in decisions)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Question: What is 12 + 30?\nSolution: 12 + 30 = 41.\nAnswer: 42", "'12 + 30 = 41' does not hold"),
        ("Question: What is 12 + 30?\nSolution: Easy.\nAnswer: 43", "the question gives 42"),
        ("Sums:\n1 + 1 = 2\n2 + 2 = 5", "'2 + 2 = 5' does not hold"),
        (
            "Q: Ada has 5 eggs and buys 3 more. How many are left?\nWorking: 5 + 3 = 8.\nAnswer: 9",
            "the question gives 8",
        ),
        ("Q: Divide 17 by 5 with remainder.\nWorking: 5 * 3 = 15.\nAnswer: 3 remainder 1", "3 remainder 2"),
    ],
)
def test_wrong_arithmetic_is_named(text: str, reason: str) -> None:
    decision = verify([document(text, "math", "arithmetic")])[0]
    assert decision.action is Action.REFUSE and reason in decision.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Question: Differentiate f(x) = 3x^2.\nAnswer: 6", "the derivative is 6*x"),
        ("Question: Factor 4x^2 + 8x.\nAnswer: 4(x^2 + 2x)", "can be factored further"),
        ("Question: Expand (x + 1)(x + 2).\nAnswer: (x + 1)(x + 2)", "brackets are left"),
        ("Question: Solve x^2 = 4 for x.\nAnswer: x = 2", "2 real solutions, not 1"),
        ("Question: Integrate f(x) = 2x.\nAnswer: x^2", "constant of integration"),
    ],
)
def test_wrong_algebra_is_named(text: str, reason: str) -> None:
    decision = verify([document(text, "math", "symbolic")])[0]
    assert decision.action is Action.REFUSE and reason in decision.reason


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("arithmetic", "Question: How heavy is a cloud?\nSolution: Very.\nAnswer: 5"),
        ("arithmetic", "no question at all"),
        ("symbolic", "Question: Expand ((x + 1)^12 + x)^12.\nAnswer: 1"),
        ("symbolic", "Question: Differentiate f(x) = 9^9^9^9.\nAnswer: 1"),
        ("symbolic", "Question: Differentiate f(x) = __import__('os').\nAnswer: 1"),
        ("qa", "Question: What is a monad?\nAnswer: A monoid."),
    ],
)
def test_what_cannot_be_checked_stays_unverified(kind: str, text: str) -> None:
    decision = verify([document(text, "math", kind)])[0]
    assert decision.action is Action.NONE and decision.reason.startswith("not verified")


def test_without_a_sandbox_code_stays_unverified() -> None:
    class Absent(Sandbox):
        def refusal(self) -> str:
            return "bubblewrap (bwrap) is not installed"

        def run(self, programs: Sequence[Program]) -> list[Outcome]:
            raise AssertionError("executed without a sandbox")

    predictions = [made(d) for d in synthesized() if d.kind == "predict"]
    assert predictions
    for decision in verify(predictions, Absent()):
        assert decision.action is Action.NONE and "execution refused: bubblewrap" in decision.reason


def test_edits_are_held_against_their_source() -> None:
    source = document(README)
    edited = made(Editor(OFFLINE, round=1)(source)[0])
    faithful = Verifier(OFFLINE, round=1, sources={source.id: source})(edited)[0]
    assert faithful.action is Action.VERIFY
    changed = document(edited.text.replace("3 steps", "4711 steps"), parents=[source.id])
    refused = Verifier(OFFLINE, round=1, sources={source.id: source})(changed)[0]
    assert refused.action is Action.REFUSE and "4711" in refused.reason
