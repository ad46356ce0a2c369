"""Scorer (L1 -> L2): grades documents under rubrics, by a model's P(yes), by rules, or by the student's own loss."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..prompts import Prompt, of_role
from ..tiers.decision import Action, Decision, Usage
from ..tiers.document import Document
from ..tiers.errors import AgentError, SpendingError
from . import text_features
from .agent import Agent
from .chat import Chat, Choice, UselessAnswer

OPTIONS = (" yes", " no")
STUDENT_RUBRICS = ("student_yes",)
Losses = Callable[[Sequence[str]], Sequence[float]]
"""Mean loss in nats a token of each text; NaN where there is none."""


def judged_rubrics() -> tuple[str, ...]:
    """All rubrics that have a prompt, the student's left out."""
    return tuple(p.rubric for p in of_role("scorer") if p.rubric not in STUDENT_RUBRICS)


class Scorer(Agent):
    """Grades under several rubrics at once: P(yes) / (P(yes) + P(no)) from the model, or measured features offline.

    Source: the ratio of the two answers' probabilities is the LM-Score of AutoMathText (arXiv 2402.07625).
    """

    role = "scorer"
    stage = "score"
    rule = "rule:text-features"

    def __init__(self, chat: Chat, *, round: int, rubrics: Sequence[str] | None = None, batch_size: int = 0) -> None:  # noqa: A002
        """`rubrics`: those to grade under; without it all, or for a `student:` chat only its own."""
        super().__init__(chat, round=round)
        student = chat.url.startswith("student:")
        wanted = tuple(rubrics) if rubrics is not None else (STUDENT_RUBRICS if student else judged_rubrics())
        by_rubric = {p.rubric: p for p in of_role("scorer")}
        self.prompts: tuple[Prompt, ...] = tuple(by_rubric[r] for r in wanted)
        self.batch_size = batch_size or (512 if self.offline else 64 if student else 4)

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """One SCORE decision a document, with its grade under each rubric."""
        return self._by_features(documents) if self.offline else self._by_model(documents)

    def _by_features(self, documents: Sequence[Document]) -> list[Decision]:
        grades = text_features.grade([d.text for d in documents], [d.domain for d in documents])
        wanted = [p.rubric for p in self.prompts]
        missing = [r for r in wanted if r not in grades]
        if missing:
            return [self.nothing(d, f"no rule grades {', '.join(missing)}", error="needs a model") for d in documents]
        return [
            self._graded(d, {r: float(grades[r][i]) for r in wanted}, "measured text features", Usage())
            for i, d in enumerate(documents)
        ]

    def _by_model(self, documents: Sequence[Document]) -> list[Decision]:
        prompts = [p.render({"document": d.text}) for d in documents for p in self.prompts]
        try:
            choices = self.chat.choose(prompts, OPTIONS)
        except SpendingError:
            raise
        except AgentError as error:
            return self._one_by_one(documents, error)
        n = len(self.prompts)
        return [self._judged(d, choices[i * n : (i + 1) * n]) for i, d in enumerate(documents)]

    def _one_by_one(self, documents: Sequence[Document], error: AgentError) -> list[Decision]:
        """One unanswerable document must not cost its neighbours their grades."""
        if len(documents) == 1:
            return [self.failed(documents[0], error)]
        decisions = [d for document in documents for d in self._by_model([document])]
        if isinstance(error, UselessAnswer):  # the joint attempt was paid for as well
            decisions[0] = decisions[0].model_copy(update={"usage": decisions[0].usage + error.usage})
        return decisions

    def _judged(self, document: Document, choices: Sequence[Choice]) -> Decision:
        scores = {p.rubric: yes_share(c) for p, c in zip(self.prompts, choices, strict=True)}
        usage = sum((c.usage for c in choices), Usage())
        if any(np.isnan(s) for s in scores.values()):
            return self.nothing(
                document, "no useful answer", error="neither yes nor no has any probability", usage=usage
            )
        return self._graded(
            document, scores, "P(yes) against P(no)", usage, truncated=max(c.truncated for c in choices)
        )

    def _graded(
        self, document: Document, scores: dict[str, float], how: str, usage: Usage, truncated: int = 0
    ) -> Decision:
        grades = " ".join(f"{r} {s:.2f}" for r, s in scores.items())
        evidence: dict[str, str | int] = {p.rubric: p.ref for p in self.prompts} if not self.offline else {}
        if truncated:
            evidence["truncated_tokens"] = truncated
        one = self.prompts[0] if len(self.prompts) == 1 and not self.offline else None
        return self.decision(
            document, Action.SCORE, f"{grades} ({how})", prompt=one, scores=scores, evidence=evidence, usage=usage
        )


def yes_share(choice: Choice) -> float:
    """P(yes) / (P(yes) + P(no)); NaN where both are zero or no number."""
    yes, no = choice.probabilities
    total = yes + no
    return float(yes / total) if np.isfinite(total) and total > 0 else float("nan")


class LossScorer(Agent):
    """Grades by what the student has still to learn: rubric `student_loss`.

    With a reference model the grade rises with the reducible loss, student's minus reference's (RHO-loss, arXiv
    2206.07137). Without one, high loss may be noise and low loss is known already, so the middle of each domain is
    preferred. Grades are relative to the documents of the same domain in the same call: give all of them at once.
    """

    role = "scorer"
    stage = "score"
    rule = "rule:student-loss"
    batch_size = 1 << 30

    def __init__(self, chat: Chat, *, round: int, student: Losses, reference: Losses | None = None) -> None:  # noqa: A002
        super().__init__(chat, round=round)
        self.student = student
        self.reference = reference

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """One SCORE decision a document; NONE where a loss is no number."""
        texts = [d.text for d in documents]
        student = np.asarray(self.student(texts), dtype=np.float64)
        reference = None if self.reference is None else np.asarray(self.reference(texts), dtype=np.float64)
        grades = np.full(len(documents), np.nan)
        for domain in {d.domain for d in documents}:
            own = np.array([d.domain == domain for d in documents])
            grades[own] = learnable(student[own], None if reference is None else reference[own])
        return [
            self._one(d, float(grades[i]), float(student[i]), None if reference is None else float(reference[i]))
            for i, d in enumerate(documents)
        ]

    def _one(self, document: Document, grade: float, loss: float, reference: float | None) -> Decision:
        if not np.isfinite(grade):
            return self.nothing(document, "not graded", error=f"the loss of this text is {loss}, no finite number")
        evidence = {"loss": loss} if reference is None else {"loss": loss, "reference_loss": reference}
        against = "within its domain" if reference is None else f"against {reference:.2f} of the reference"
        reason = f"student_loss {grade:.2f}: {loss:.2f} nats a token {against}"
        return self.decision(document, Action.SCORE, reason, scores={"student_loss": grade}, evidence=evidence)


def learnable(student: NDArray[np.float64], reference: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """[n] grades in [0, 1] from [n] losses; robust location and scale, NaN in, NaN out."""
    x = student if reference is None else student - reference
    known = x[np.isfinite(x)]
    if not len(known):
        return np.full(len(x), np.nan)
    middle = float(np.median(known))
    scale = max(1.4826 * float(np.median(np.abs(known - middle))), 1e-6)
    z = np.where(np.isfinite(x), np.clip((x - middle) / scale, -30.0, 30.0), np.nan)
    return np.exp(-0.5 * z**2) if reference is None else 1.0 / (1.0 + np.exp(-z))
