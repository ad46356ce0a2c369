"""Scorer (L1 -> L2): grades documents under rubrics, by a model's P(yes), by rules, or by the student's own loss."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..prompts import Prompt, PromptSet
from ..tiers.decision import Action, Decision, Usage
from ..tiers.document import Document
from ..tiers.errors import AgentError, SpendingError
from . import text_grades
from .agent import Agent
from .audit import Audit
from .chat import Chat, Choice, UselessAnswer

STUDENT_RUBRICS = ("student_yes",)
Losses = Callable[[Sequence[str]], Sequence[float]]
"""Mean loss in nats a token of each text; NaN where there is none."""


def judged_rubrics() -> tuple[str, ...]:
    """The rubrics that are graded under unless others are named: those that rules can measure too."""
    return tuple(sorted(text_grades.RUBRICS))


class Scorer(Agent):
    """Grades under several rubrics at once, by what a model answers with or, offline, by measured features.

    A rubric is asked by options. Of two, a good and a bad one, the grade is P(good) / (P(good) + P(bad)), the LM-Score
    of AutoMathText (arXiv 2402.07625); of a row of numbers it is the expected number, scaled to [0, 1].
    """

    role = "scorer"
    stage = "score"
    rule = "rule:text-features"

    def __init__(
        self,
        chat: Chat,
        *,
        round: int,  # noqa: A002
        rubrics: Sequence[str] | None = None,
        batch_size: int = 0,
        audit: Audit | None = None,
        prompts: PromptSet | None = None,
    ) -> None:
        """What is judged.

        Args:
            chat: the model.
            round: the round.
            rubrics: those to grade under; without it the usual ones, or for a `student:` chat only its own.
            batch_size: documents judged at a time; 0 is what suits the model.
            audit: which documents the model has to give reasons for; only models that can write are asked.
            prompts: those of the run; without them the built-in ones.

        Raises:
            KeyError: a rubric has no prompt.
        """
        super().__init__(chat, round=round, prompts=prompts)
        student = chat.url.startswith("student:")
        self.rubrics = tuple(rubrics) if rubrics is not None else STUDENT_RUBRICS if student else judged_rubrics()
        by_rubric = {p.rubric: p.purpose for p in self.prompts.of_role(self.role)}
        self._purposes = tuple(by_rubric[r] for r in self.rubrics)
        self.audit = None if self.offline or student else audit
        self.batch_size = batch_size or (512 if self.offline else 64 if student else 4)

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """One SCORE decision a document, with its grade under each rubric."""
        return self._by_features(documents) if self.offline else self._by_model(documents)

    def _by_features(self, documents: Sequence[Document]) -> list[Decision]:
        grades, reasons = text_grades.grade([d.text for d in documents], [d.domain for d in documents])
        missing = [r for r in self.rubrics if r not in grades]
        if missing:
            return [self.nothing(d, f"no rule grades {', '.join(missing)}", error="needs a model") for d in documents]
        return [
            self.nothing(d, f"not graded: {reasons[i]}")
            if reasons[i]
            else self._graded(d, {r: float(grades[r][i]) for r in self.rubrics}, "measured text features")
            for i, d in enumerate(documents)
        ]

    def asked(self, document: Document) -> list[Prompt]:
        """The prompts under which `document` is judged: of the rubrics that are meant for its domain."""
        found = [self.prompts.get(purpose, document.domain) for purpose in self._purposes]
        return [p for p in found if not p.domains or document.domain in p.domains]

    def _by_model(self, documents: Sequence[Document]) -> list[Decision]:
        asked = [(d, p) for d in documents for p in self.asked(d)]
        try:
            choices = iter(self._choices(asked))
        except SpendingError:
            raise
        except AgentError as error:
            return self._one_by_one(documents, error)
        return [self._judged(d, {p: next(choices) for p in self.asked(d)}) for d in documents]

    def _choices(self, asked: Sequence[tuple[Document, Prompt]]) -> list[Choice]:
        """What the model answers with, prompts with the same options together."""
        by_options: dict[tuple[str, ...], list[int]] = {}
        for i, (_, prompt) in enumerate(asked):
            by_options.setdefault(prompt.options, []).append(i)
        found: dict[int, Choice] = {}
        for options, places in by_options.items():
            said = [asked[i][1].render({"document": asked[i][0].text}) for i in places]
            found.update(zip(places, self.chat.choose(said, options), strict=True))
        return [found[i] for i in range(len(asked))]

    def _one_by_one(self, documents: Sequence[Document], error: AgentError) -> list[Decision]:
        """One unanswerable document must not cost its neighbours their grades."""
        if len(documents) == 1:
            return [self.failed(documents[0], error)]
        decisions = [d for document in documents for d in self._by_model([document])]
        if isinstance(error, UselessAnswer):  # the joint attempt was paid for as well
            decisions[0] = decisions[0].model_copy(update={"usage": decisions[0].usage + error.usage})
        return decisions

    def _judged(self, document: Document, choices: dict[Prompt, Choice]) -> Decision:
        if not choices:
            return self.nothing(document, f"none of the rubrics is meant for {document.domain}")
        scores = {p.rubric: grade(c, p.worths) for p, c in choices.items()}
        usage = sum((c.usage for c in choices.values()), Usage())
        silent = [p for p in choices if np.isnan(scores[p.rubric])]
        if silent:
            error = f"{silent[0].rubric}: none of {'/'.join(o.strip() for o in silent[0].options)} has any probability"
            return self.nothing(document, "no useful answer", error=error, usage=usage)
        evidence: dict[str, Any] = {p.rubric: p.ref for p in choices}
        truncated = max(c.truncated for c in choices.values())
        if truncated:
            evidence["truncated_tokens"] = truncated
        how = " and ".join(dict.fromkeys(_how(p) for p in choices))
        if self.audit and self.audit.draws(document):
            words, told, cost = self.audit.ask(self, document, {p: scores[p.rubric] for p in choices})
            how, evidence, usage = f"{how}; {words}", evidence | told, usage + cost
        one = next(iter(choices)) if len(choices) == 1 else None
        return self._graded(document, scores, how, prompt=one, evidence=evidence, usage=usage)

    def _graded(self, document: Document, scores: dict[str, float], how: str, **fields: Any) -> Decision:
        grades = " ".join(f"{r} {s:.2f}" for r, s in scores.items())
        return self.decision(document, Action.SCORE, f"{grades} ({how})", scores=scores, **fields)


def grade(choice: Choice, worths: Sequence[float]) -> float:
    """The expected worth of what is answered with; NaN where no option has any probability, or one is no number."""
    total = sum(choice.probabilities)
    if not np.isfinite(total) or total <= 0:
        return float("nan")
    return sum(w * p for w, p in zip(worths, choice.probabilities, strict=True)) / total


def _how(prompt: Prompt) -> str:
    first, *others = (o.strip() for o in prompt.options)
    return f"P({first}) against P({others[0]})" if len(others) == 1 else f"expected grade of {first} to {others[-1]}"


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
