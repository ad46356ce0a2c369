"""The judges' trust: every rubric is calibrated each round on gold and canaries before its scores count."""

from collections.abc import Callable, Sequence

from ...agents.calibration import Calibration
from ...agents.calibration import calibrate as calibrate_judge
from ...agents.scorer import STUDENT_RUBRICS, judged_rubrics
from ...prompts import built_in
from ...tiers.decision import Decision
from ...tiers.document import Document
from ..context import RunContext

Answers = Callable[[list[Document]], list[Decision]]
Judged = Callable[[list[Document], Sequence[str]], list[Decision]]
"""Decisions about documents under some rubrics, whoever judges under them."""


def calibrate(context: RunContext, number: int, judged: Judged) -> list[str]:
    """Measure the trust of every rubric in use and write it down; returns the trusted ones."""
    used = rubrics_in_use(context)
    answers = _Remembered(lambda documents: judged(documents, used))
    found = [calibrate_judge(answers.under(r), r, domains=context.config.domains) for r in used]
    context.db.set_meta(f"calibration-{number}", {c.rubric: c.model_dump(mode="json") for c in found})
    for c in found:
        if c.trust == 0 and number == 0:
            context.event(number, "curate", "info", f"rubric {c.rubric} has no weight: {c.reason}")
    if number == 0:
        whole = sum(c.trust for c in found)
        context.db.insert("rubrics", [_row(context, c, c.trust / whole if whole else 0.0) for c in found])
    return [c.rubric for c in found if c.trust > 0]


def working_weights(context: RunContext, number: int) -> dict[str, float]:
    """Weights by rubric, those of rubrics that failed this round's calibration set to zero."""
    weights = {r["rubric"]: r["weight"] for r in context.db.rows("rubrics", round=max(0, number - 1))}
    return {r: weights.get(r, 0.0) if c.trust > 0 else 0.0 for r, c in calibrations(context, number).items()}


def calibrations(context: RunContext, number: int) -> dict[str, Calibration]:
    """What a round's calibration found, by rubric."""
    told = context.db.meta(f"calibration-{number}", {})
    return {rubric: Calibration.model_validate(c) for rubric, c in told.items()}


def rubrics_in_use(context: RunContext) -> tuple[str, ...]:
    """Rubrics of the configured scorer, and of the student where it judges."""
    student = (*STUDENT_RUBRICS, "student_loss")
    if context.config.agents.scorer.startswith("student:"):
        return student
    return (*judged_rubrics(), *(student if context.config.curation.student_judges else ()))


def prompt_of(context: RunContext, rubric: str) -> str:
    """`name@digest` of a rubric's prompt, or who grades by rule."""
    by_rubric = {p.rubric: p.ref for p in built_in().of_role("scorer")}
    if rubric == "student_loss":
        return "rule:student-loss"
    ruled = context.config.agents.scorer == "offline:" and rubric not in STUDENT_RUBRICS
    return "rule:text-features" if ruled else by_rubric.get(rubric, "")


class _Remembered:
    """All rubrics' grades of the gold texts, asked for once."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._grades: dict[tuple[str, str], float] | None = None

    def under(self, rubric: str) -> Callable[[Sequence[Document]], list[float]]:
        """A judge that grades under one rubric; a text without a grade counts as no number."""

        def judge(documents: Sequence[Document]) -> list[float]:
            if self._grades is None:
                distinct = list({d.id: d for d in documents}.values())
                self._grades = {(d.doc, r): s for d in self._answers(distinct) for r, s in d.scores.items()}
            return [self._grades.get((d.id, rubric), float("nan")) for d in documents]

        return judge


def _row(context: RunContext, calibration: Calibration, weight: float) -> dict[str, object]:
    return {
        "round": 0,
        "rubric": calibration.rubric,
        "prompt": prompt_of(context, calibration.rubric),
        "weight": weight,
        "trust": calibration.trust,
        "reason": f"no evidence yet; {calibration.reason}",
    }
