"""The judges' trust: every rubric is calibrated each round on gold and canaries before its scores count."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ...agents.backends.url import EVOLVING
from ...agents.calibration import Calibration, Gold, grades_of, read_gold
from ...agents.calibration import built_in as built_in_gold
from ...agents.calibration import calibrate as calibrate_judge
from ...agents.canaries import Planted, plant
from ...agents.drift import Drift
from ...agents.scorer import STUDENT_RUBRICS, judged_rubrics
from ...prompts import built_in
from ...tiers.decision import Decision
from ...tiers.document import Document
from ...tiers.tier import Tier
from ..context import Controls, RunContext
from ..prompt_family import family
from .anchors import drifts
from .drawing import draw
from .posts import scorer_of
from .prompt_family import on_trial, retired

Answers = Callable[[list[Document]], list[Decision]]
Judged = Callable[[list[Document], Sequence[str]], list[Decision]]
"""Decisions about documents under some rubrics, whoever judges under them."""
OF_THE_STUDENT = (*STUDENT_RUBRICS, "student_loss")
"""Rubrics under which the evolving model judges; all others are the configured scorer's."""


def calibrate(context: RunContext, number: int, judged: Judged) -> list[str]:
    """Measure the trust of every rubric in use and write it down; returns the trusted ones."""
    used = rubrics_in_use(context)
    answers = _Remembered(lambda documents: judged(documents, used))
    gold, planted = gold_of(context), fresh_canaries(context, number)
    found = [
        calibrate_judge(
            answers.under(r),
            r,
            domains=context.config.domains,
            gold=gold,
            planted=planted if r not in OF_THE_STUDENT else (),
        )
        for r in used
    ]
    found = with_drift(context, number, found)
    context.db.set_meta(f"calibration-{number}", {c.rubric: c.model_dump(mode="json") for c in found})
    for c in found:
        if c.trust == 0 and number == 0:
            context.event(number, "curate", "info", f"rubric {c.rubric} has no weight: {c.reason}")
    if number == 0:
        whole = sum(c.trust for c in found)
        context.db.insert("rubrics", [_row(context, c, c.trust / whole if whole else 0.0) for c in found])
    return [c.rubric for c in found if c.trust > 0]


def gold_of(context: RunContext) -> Gold:
    """The texts of known worth: the built-in ones, and those of the user's own file.

    Raises:
        InputError: the file is missing or malformed.
    """
    own = context.config.curation.gold
    return built_in_gold() + read_gold(Path(own)) if own else built_in_gold()


def _is_a_model(url: str) -> bool:
    """Whether a model of its own judges: neither rules nor the student by its probabilities."""
    return not url.startswith(("offline:", "student:"))


def fresh_canaries(context: RunContext, number: int) -> tuple[Planted, ...]:
    """Canaries of this round's own documents, where a model judges: rules see no more in them than they ever did."""
    if not _is_a_model(scorer_of(context, number)):
        return ()
    documents = draw(context, number, Tier.L1, context.config.curation.canaries, "canaries")
    orders = [(o.order, o.remark) for o in built_in_gold().orders]
    return plant(documents, orders, context.config.seed * 1000 + number)


def with_drift(context: RunContext, number: int, found: list[Calibration]) -> list[Calibration]:
    """Calibrations, the trust of a rubric that drifted cut to what its order of the anchors still has in common."""
    # the student of the round is another judge each time: it does not drift, it is replaced
    scorer = scorer_of(context, number)
    if not _is_a_model(scorer) or scorer in EVOLVING:
        return found
    judged = [c.rubric for c in found if c.trust > 0 and c.rubric not in OF_THE_STUDENT]
    anchors = context.config.curation.anchors
    measured = drifts(context, number, judged, lambda: draw(context, number, Tier.L1, anchors, "anchors"))
    for d in measured.values():
        if d.verdict in ("drifted", "shifted"):
            context.event(number, "curate", "warning", f"judge under rubric {d.rubric}: {d.reason}")
    return [_less_drift(c, measured.get(c.rubric)) for c in found]


def _less_drift(calibration: Calibration, measured: Drift | None) -> Calibration:
    if measured is None:
        return calibration
    told = {"trust": calibration.trust * measured.kept, "reason": f"{calibration.reason}; {measured.reason}"}
    return calibration.model_copy(update=told)


def working_weights(context: Controls, number: int) -> dict[str, float]:
    """Weights by rubric, those of rubrics that failed this round's calibration set to zero."""
    weights = {r["rubric"]: r["weight"] for r in context.db.rows("rubrics", round=max(0, number - 1))}
    return {r: weights.get(r, 0.0) if c.trust > 0 else 0.0 for r, c in calibrations(context, number).items()}


def calibrations(context: Controls, number: int) -> dict[str, Calibration]:
    """What a round's calibration found, by rubric."""
    told = context.db.meta(f"calibration-{number}", {})
    return {rubric: Calibration.model_validate(c) for rubric, c in told.items()}


def rubrics_in_use(context: Controls) -> tuple[str, ...]:
    """Rubrics of the configured scorer, and of the student where it judges."""
    if context.config.agents.scorer.startswith("student:"):
        return OF_THE_STUDENT
    of_model = context.config.curation.rubrics or judged_rubrics()
    judged = (*of_model, *on_trial(context), *(OF_THE_STUDENT if context.config.curation.student_judges else ()))
    gone = retired(context)
    return tuple(r for r in judged if r not in gone)


def prompt_of(context: Controls, rubric: str) -> str:
    """`name@digest` of a rubric's prompt, or who grades by rule."""
    by_rubric = {p.rubric: p.ref for p in built_in().of_role("scorer")}
    by_rubric |= {r: m.prompt for r, m in family(context.db).items() if m.standing != "refused"}
    if rubric == "student_loss":
        return "rule:student-loss"
    ruled = context.config.agents.scorer == "offline:" and rubric not in STUDENT_RUBRICS
    return "rule:text-features" if ruled else by_rubric.get(rubric, "")


class _Remembered:
    """All rubrics' grades of the gold texts, asked for once."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._decisions: list[Decision] | None = None

    def under(self, rubric: str) -> Callable[[Sequence[Document]], list[float]]:
        """A judge that grades under one rubric."""

        def judge(documents: Sequence[Document]) -> list[float]:
            if self._decisions is None:
                self._decisions = self._answers(list({d.id: d for d in documents}.values()))
            return grades_of(self._decisions, rubric, documents)

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
