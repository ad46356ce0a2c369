"""Exam: whether a model can play a role, from small tasks with known outcomes in every domain."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from ..tiers.decision import Action, Decision
from ..tiers.document import Document, document_id
from ..tiers.errors import AgentError
from ..tiers.record import Record
from ..tiers.tier import Tier
from . import pool
from .calibration import Gold, calibrate, gold_pairs
from .chat import Chat
from .editor import Editor
from .organizer import Organizer
from .scorer import Scorer
from .synthesizer import Synthesizer
from .verifier import Verifier

BAR = 0.5
"""Share of its tasks that a model must do rightly to play the role at all."""
MARGIN = 0.1
"""By how much a newcomer's share may be lower, at the lower end of the interval, to count as at least as good."""


class EditorTask(Record):
    """What an edit must take out, and what it must leave."""

    domain: str
    text: str
    gone: tuple[str, ...]
    kept: tuple[str, ...]

    def passed(self, decided: Decision) -> bool:
        """Whether the debris is gone and the rest is there."""
        text = decided.text or self.text
        return not any(g in text for g in self.gone) and all(k in text for k in self.kept)


class VerifierTask(Record):
    """Something written from a source, rightly or not."""

    domain: str
    source: str
    text: str
    right: bool

    def passed(self, decided: Decision) -> bool:
        """Whether the right one is verified and the wrong one refused."""
        return decided.action is (Action.VERIFY if self.right else Action.REFUSE)


class OrganizerTask(Record):
    """What must be found among a text's facts, and what is none."""

    domain: str
    text: str
    stated: tuple[str, ...]
    unstated: tuple[str, ...]

    def passed(self, decided: Decision) -> bool:
        """Whether all that is stated is among the facts, and no opinion."""
        facts = " ".join(str(f) for f in np.atleast_1d(decided.evidence.get("facts") or []))
        return all(s in facts for s in self.stated) and not any(u in facts for u in self.unstated)


class SynthesizerTask(Record):
    """A text to write from; what is not grounded in it the synthesizer itself refuses."""

    domain: str
    text: str

    def passed(self, decided: Decision) -> bool:
        """Whether anything came of it."""
        return decided.action is Action.CREATE


class Tasks(Record):
    """All tasks by role."""

    editor: tuple[EditorTask, ...]
    verifier: tuple[VerifierTask, ...]
    organizer: tuple[OrganizerTask, ...]
    synthesizer: tuple[SynthesizerTask, ...]


Task = EditorTask | VerifierTask | OrganizerTask | SynthesizerTask


class Marks(Record):
    """How a model did: one mark a task, 0 or 1."""

    role: str
    model: str
    marks: dict[str, float]
    """By task; the names are the same for everybody, so that two models can be compared task by task."""
    fault: str = ""
    """Why it is not fit whatever its marks."""
    error: str = ""
    """The first failure of a call, where one failed."""

    @property
    def share(self) -> float:
        """Tasks done rightly."""
        return float(np.mean([*self.marks.values()])) if self.marks else 0.0

    @property
    def fit(self) -> bool:
        """Whether the model may play the role."""
        return self.share >= BAR and not self.fault


class Verdict(Record):
    """A newcomer beside the one who plays the role now, task by task."""

    role: str
    incumbent: str
    newcomer: str
    n: int
    difference: float
    """Newcomer's share less the incumbent's."""
    low: float
    """95 % interval, paired by task."""
    high: float
    takes_over: bool
    reason: str


@cache
def tasks() -> Tasks:
    """The tasks in `exam.yaml`."""
    text = (Path(__file__).parent / "exam.yaml").read_text(encoding="utf-8")
    return Tasks.model_validate(yaml.safe_load(text))


def examine(role: str, chat: Chat, *, domains: Sequence[str], round: int, concurrency: int = 8) -> Marks:  # noqa: A002
    """The marks of a model in a role, on the tasks of some domains.

    Raises:
        KeyError: there is no exam for the role.
        ServerError: no call was answered, so that nothing is known about the model.
    """
    chosen: list[Task] = [t for t in getattr(tasks(), role) if t.domain in domains]
    documents = [_document(t.text, t.domain, _KINDS.get(role, "text")) for t in chosen]
    sources = {_source(t).id: _source(t) for t in chosen if isinstance(t, VerifierTask)}
    if role == "verifier":
        documents = [
            d.model_copy(update={"parents": (_source(t).id,), "tier": Tier.L3})
            for d, t in zip(documents, chosen, strict=True)
            if isinstance(t, VerifierTask)
        ]
    decisions = pool.run(_ROLES[role](chat, round, sources), documents, concurrency=concurrency)
    pool.check_answered(decisions, f"the exam of the {role} {chat.url}")
    decided: dict[str, Decision] = {}
    for decision in decisions:
        decided.setdefault(decision.doc, decision)
    passed = {d.id: float(t.passed(decided[d.id])) for d, t in zip(documents, chosen, strict=True)}
    return Marks(role=role, model=chat.url, marks=passed, error=_first_error(decisions))


def examine_scorer(scorer: Scorer, gold: Gold, *, domains: Sequence[str], concurrency: int = 8) -> Marks:
    """The marks of a judge: 1 for every pair of known worth that its mean grade orders rightly, 1/2 for a tie.

    A judge that its calibration would not trust (too little of gold known, orders in a text obeyed) is not fit.

    Raises:
        ServerError: no call was answered, so that nothing is known about the judge.
    """
    pairs = gold_pairs(gold, domains)
    documents = list({d.id: d for _, *two in pairs for d in two}.values())
    decided = pool.run(scorer, documents, concurrency=concurrency)
    pool.check_answered(decided, f"the gold texts for the judge {scorer.chat.url}")
    grade = {d.doc: float(np.mean([*d.scores.values()])) for d in decided if d.scores}
    marks: dict[str, float] = {}
    for _, better, worse in (p for p in pairs if p[0] != "order"):
        a, b = grade.get(better.id), grade.get(worse.id)
        marks[f"{better.id}:{worse.id}"] = 0.0 if a is None or b is None else float(a > b) + 0.5 * float(a == b)
    found = calibrate(lambda asked: _mean_grades(grade, asked, decided), "mean", domains=domains, gold=gold)
    fault = "" if found.trust > 0 else found.reason
    return Marks(role="scorer", model=scorer.chat.url, marks=marks, fault=fault, error=_first_error(decided))


def compare(incumbent: Marks, newcomer: Marks) -> Verdict:
    """Whether the newcomer is at least as good: no worse in the mean, and surely not by more than the margin."""
    both = sorted(incumbent.marks.keys() & newcomer.marks.keys())
    d = np.array([newcomer.marks[k] - incumbent.marks[k] for k in both])
    mean = float(d.mean()) if len(d) else 0.0
    reach = 1.96 * float(d.std(ddof=1)) / len(d) ** 0.5 if len(d) > 1 else 1.0
    takes = newcomer.fit and mean >= 0 and mean - reach > -MARGIN
    shares = f"{newcomer.share:.0%} of {len(both)} tasks against {incumbent.share:.0%}"
    said = f"{shares}, difference {mean:+.2f} (95 % {mean - reach:+.2f}..{mean + reach:+.2f})"
    cause = newcomer.fault or newcomer.error
    below = f"below the bar ({cause})" if cause else "below the bar"
    verdict = "at least as good" if takes else below if not newcomer.fit else "not shown to be as good"
    return Verdict(
        role=incumbent.role,
        incumbent=incumbent.model,
        newcomer=newcomer.model,
        n=len(both),
        difference=mean,
        low=mean - reach,
        high=mean + reach,
        takes_over=takes,
        reason=f"{verdict}: {said}",
    )


def _mean_grades(grade: Mapping[str, float], asked: Sequence[Document], decided: Sequence[Decision]) -> list[float]:
    if any(d.id not in grade for d in asked) and _first_error(decided):
        raise AgentError(_first_error(decided))
    return [grade.get(d.id, np.nan) for d in asked]


def _first_error(decisions: Sequence[Decision]) -> str:
    return next((d.error for d in decisions if d.error), "")


_KINDS = {"verifier": "qa"}
_ROLES: Mapping[str, Callable[[Chat, int, Mapping[str, Document]], pool.Role]] = {
    "editor": lambda chat, number, _: Editor(chat, round=number),
    "verifier": lambda chat, number, sources: Verifier(chat, round=number, sources=sources),
    "organizer": lambda chat, number, _: Organizer(chat, round=number),
    "synthesizer": lambda chat, number, _: Synthesizer(chat, round=number, seed=0, wanted={}),
}


def _document(text: str, domain: str, kind: str) -> Document:
    return Document(
        id=document_id(text, "gold:exam"), text=text, domain=domain, tier=Tier.L2, source="gold:exam", kind=kind
    )


def _source(task: VerifierTask) -> Document:
    return _document(task.source, task.domain, "text")
