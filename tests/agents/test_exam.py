"""Exams: who may play a role, and when a newcomer counts as at least as good."""

from collections.abc import Sequence
from typing import Any

import pytest

from coevo.agents.backends.offline import OfflineChat
from coevo.agents.calibration import built_in
from coevo.agents.chat import Choice, Completion, Message, S
from coevo.agents.exam import BAR, Marks, compare, examine, examine_scorer, tasks
from coevo.agents.scorer import Scorer
from coevo.tiers.errors import AgentError

DOMAINS = ("code", "en", "math", "zh")
GOOD = {t.strip() for t in [*(p.good for p in built_in().gold), *(c.better for c in built_in().canaries)]}


class Model:
    """Answers by what it was asked, rightly or with nothing useful."""

    url = "openai:m@http://localhost/v1"

    def __init__(self, able: bool) -> None:
        self.able = able

    def complete(self, messages: Sequence[Message], schema: type[S]) -> Completion[S]:
        if not self.able:
            raise AgentError("no JSON")
        said = messages[-1]["content"]
        return Completion(
            schema.model_validate(self._edits(said) if schema.__name__ == "EditProgram" else self._facts(said))
        )

    def _edits(self, said: str) -> dict[str, Any]:
        lines = [line.partition(": ") for line in said.splitlines()]
        bad = [t for task in tasks().editor for t in task.gone]
        bad += ["Licensed under", "with the License"]
        wrong = [int(n) for n, _, text in lines if n.isdecimal() and any(b in text for b in bad)]
        return {"edits": [{"op": "remove", "first": n, "last": n} for n in wrong], "reason": "debris"}

    def _facts(self, said: str) -> dict[str, Any]:
        task = next(t for t in tasks().organizer if t.text.strip() in said)
        sentences = [s for s in task.text.split("。" if task.domain == "zh" else ". ") if s.strip()]
        kept = [s for s in sentences if not any(u in s for u in task.unstated)]
        return {"facts": [{"subject": s[:4], "relation": "", "value": s[4:]} for s in kept]}

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
        return [Choice((0.9, 0.1) if any(g in p for g in GOOD) == self.able else (0.1, 0.9)) for p in prompts]


@pytest.mark.parametrize("role", ["editor", "verifier", "organizer", "synthesizer"])
def test_every_role_has_tasks_in_every_domain_and_a_model_without_answers_fails_them(role: str) -> None:
    marks = examine(role, Model(able=False), domains=DOMAINS, round=0)
    assert len(marks.marks) == len(getattr(tasks(), role)) and not marks.fit and marks.share < BAR
    if role != "verifier":
        assert {t.domain for t in getattr(tasks(), role)} == set(DOMAINS)


def test_an_editor_that_takes_out_the_debris_passes() -> None:
    marks = examine("editor", Model(able=True), domains=DOMAINS, round=0)
    assert marks.share == 1 and marks.fit and marks.model == Model.url


def test_a_judge_is_marked_pair_by_pair() -> None:
    good, bad = (
        examine_scorer(Scorer(Model(able=a), round=0, rubrics=["clarity"]), built_in(), domains=DOMAINS)
        for a in (True, False)
    )
    assert good.share > 0.95 and bad.share < 0.6 and good.marks.keys() == bad.marks.keys()
    assert compare(bad, good).takes_over and not compare(good, bad).takes_over
    rules = examine_scorer(Scorer(OfflineChat(), round=0), built_in(), domains=("en",))
    assert 0 < rules.share <= 1


def marks(*values: float) -> Marks:
    return Marks(role="editor", model="m", marks={str(i): v for i, v in enumerate(values)})


def test_who_takes_over() -> None:
    same = compare(marks(1, 1, 0, 1), marks(1, 1, 0, 1))
    assert same.takes_over and same.difference == 0 and same.n == 4 and "at least as good" in same.reason
    assert not compare(marks(1, 1, 1, 1), marks(1, 1, 1, 0)).takes_over
    unclear = compare(marks(1, 0, 1, 0), marks(0, 1, 1, 0))  # as many, but other ones: not shown
    assert unclear.difference == 0 and not unclear.takes_over and "not shown" in unclear.reason
    poor = compare(marks(0, 0, 0, 0), marks(0, 0, 0, 1))
    assert not poor.takes_over and "below the bar" in poor.reason
    assert not compare(marks(), marks()).takes_over


def test_a_judge_that_grades_everything_alike_takes_nothing_over() -> None:
    class Alike(Model):
        def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
            return [Choice((0.5, 0.5))] * len(prompts)

    alike = examine_scorer(Scorer(Alike(able=True), round=0, rubrics=["clarity"]), built_in(), domains=DOMAINS)
    assert alike.share == 0.5 and not alike.fit and "of gold pairs" in alike.fault
    bad = Marks(role="scorer", model="m", marks=dict.fromkeys(alike.marks, 0.0))
    assert not compare(bad, alike).takes_over
