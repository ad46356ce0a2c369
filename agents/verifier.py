"""Verifier (L3 -> L4): solves, executes or compares with the source; what cannot be checked stays unverified."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..prompts import PromptSet
from ..tiers.decision import Action, Decision
from ..tiers.document import Document
from . import arithmetic_check, executed, exercise, faithful, python_source, questions, repair, symbolic_check, textbook
from .agent import Agent
from .calculation import Unsolved
from .chat import Chat
from .comments import code_lines
from .consensus import Consensus
from .drafts import without_enumeration
from .exercise import Exercise
from .finding import Finding, votes_of
from .kinds import KINDS
from .sandbox import Outcome, Sandbox
from .scorer import grade
from .tally import Tally

FAITHFUL = 0.5
"""Least P(yes) of a model that is asked whether a text is faithful to its source."""
TOLD_ANEW = 0.35
"""Least share of content words of a dialogue or rewriting, whose sentences are its own, that its source holds."""
TOLD_IN_OWN_WORDS = ("dialogue", "rewrite", "textbook")
CHINESE = 0.7
"""In Chinese these shares are smaller: pairs of characters also change where two known words meet anew."""


class Verifier(Agent):
    """VERIFY with evidence (checks, votes), REFUSE with the fault, or NONE with why nothing could be checked."""

    role = "verifier"
    stage = "verify"
    rule = "rule:verification"

    def __init__(
        self,
        chat: Chat,
        *,
        round: int,  # noqa: A002
        sources: Mapping[str, Document],
        sandbox: Sandbox | None = None,
        votes: int = 2,
        second: Chat | None = None,
        prompts: PromptSet | None = None,
    ) -> None:
        """How documents are checked.

        Args:
            chat: the model, asked only where rules do not suffice (problems that none can solve, faithfulness).
            round: the round.
            sources: by id, the documents that those to be verified were made from.
            sandbox: where code is run.
            votes: how many independent solutions of a model must agree with an answer that no rule can check.
            second: another model, which must agree with the first wherever a model is asked.
            prompts: those of the run; without them the built-in ones.
        """
        super().__init__(chat, round=round, prompts=prompts)
        self.sources = sources
        self.sandbox = sandbox or Sandbox()
        self.others = () if second is None else (second,)
        self.consensus = Consensus(self, self.others, votes)
        if self.offline:
            self.batch_size = 512

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """One decision a document; all code of the documents is run in one sandbox."""
        programs = {d.id: executed.programs(d) for d in documents if d.kind in executed.KINDS}
        to_run = [program for own in programs.values() for program in own]
        refusal = self.sandbox.refusal() if to_run else ""
        outcomes = iter(self.sandbox.run(to_run)) if to_run and not refusal else iter(())
        decisions = []
        for document in documents:
            if document.kind not in executed.KINDS:
                decisions.append(self.attempt(document, lambda d=document: self._checked(d)))  # type: ignore[misc]
            elif refusal:
                decisions.append(self.nothing(document, f"not verified: execution refused: {refusal}"))
            else:
                decisions.append(self._executed(document, [next(outcomes) for _ in programs[document.id]]))
        return decisions

    def _executed(self, document: Document, outcomes: Sequence[Outcome]) -> Decision:
        try:
            return self._verdict(document, executed.finding(document, outcomes))
        except executed.Undecided as error:
            return self.nothing(document, f"not verified: {error}")

    def _checked(self, document: Document) -> Decision:
        if document.kind in ("repair", "textbook"):
            return self._repaired(document) if document.kind == "repair" else self._taught(document)
        if document.kind not in _SOLVERS:
            return self._faithful(document)
        unsolved = ""
        for check in (_SOLVERS if self.offline else _SOLVERS_BEFORE_A_MODEL)[document.kind]:
            try:
                fault, checks = check(document.text)
            except Unsolved as error:
                unsolved = str(error)
            else:
                return self._verdict(document, Finding(fault, tuple(checks)))
        read = exercise.read(document.text)
        if self.offline or read is None:
            return self.nothing(document, f"not verified: {unsolved}")
        return self._solved_again(document, [read], Tally(), (f"no rule solves it: {unsolved}",))

    def _solved_again(
        self,
        document: Document,
        asked: Sequence[Exercise],
        tally: Tally,
        checks: tuple[str, ...] = (),
        before: Sequence[str] = (),
    ) -> Decision:
        """Independent solutions of each question alone must agree with its answer; `before` are votes cast earlier."""
        prompt = self.prompts.get("verify-solve", document.domain)
        findings: list[Finding] = []
        for problem in asked:
            findings.append(self.consensus.about(problem.question, problem.answer, document.domain, tally))
            if findings[-1].fault:
                break
        found, solutions = findings[-1], [said for each in findings for said in each.told["solutions"]]
        votes = votes_of([*before, *(each.votes for each in findings)])
        told = Finding(
            found.fault, (*checks, *found.checks), f"{sum(votes)}/{len(votes)}", found.share, {"solutions": solutions}
        )
        return self._verdict(document, told, prompt=prompt, usage=tally.usage)

    def _repaired(self, document: Document) -> Decision:
        source = self._source(document)
        if source is None:
            return self.nothing(document, "not verified: its sources are not at hand")
        fault = repair.changed(source.text, document.text)
        return self._verdict(document, Finding(fault, ("the same letters and figures as its source",)))

    def _taught(self, document: Document) -> Decision:
        """A section of a textbook: what it explains is held against its source, its exercises are solved again."""
        asked = textbook.exercises(document.text)
        if not asked or not all(e.answer for e in asked):
            return self.decision(document, Action.REFUSE, "it holds no exercise with an answer")
        if self.offline:
            return self.nothing(document, "not verified: its exercises need a model that solves them")
        explained = self._faithful(document)
        if explained.action is not Action.VERIFY:
            return explained
        told = explained.evidence["checks"]
        checks = tuple(told) if isinstance(told, list) else ()
        votes = [str(explained.evidence["votes"])]
        return self._solved_again(document, asked, Tally(explained.usage), checks, votes)

    def _source(self, document: Document) -> Document | None:
        """The only source of `document`, where it is at hand."""
        return self.sources.get(document.parents[0]) if len(document.parents) == 1 else None

    def _faithful(self, document: Document) -> Decision:
        sources = [self.sources[p] for p in document.parents if p in self.sources]
        if not sources or len(sources) < len(document.parents):
            return self.nothing(document, "not verified: its sources are not at hand")
        source = "\n".join(f"{s.source}\n{s.text}" for s in sources)
        if document.kind == "qa":
            return self._compared(document, _pairs_against(document.text, source), source)
        told_anew = document.kind in TOLD_IN_OWN_WORDS
        if document.domain == "code" and not told_anew and python_source.parse(document.text) is None:
            if any(python_source.parse(s.text) is not None for s in sources):
                return self.decision(document, Action.REFUSE, "it is no valid Python any more")
            if self.offline:
                return self.nothing(document, "not verified: it is no Python, nor was its source")
            if [line for s in sources for line in code_lines(s.text)] != code_lines(document.text):
                return self.decision(document, Action.REFUSE, "lines that are no comments are not those of its source")
        stated = KINDS[document.kind].stated if document.kind in KINDS else None
        said = stated(document.text) if stated else document.text
        found = faithful.Source(source).coverage(without_enumeration(said) if told_anew else said)
        return self._compared(document, [found], source, told_anew=told_anew)

    def _compared(
        self, document: Document, found: list[faithful.Coverage], source: str, *, told_anew: bool = False
    ) -> Decision:
        share = min((c.share for c in found), default=0.0)
        verbatim = sum(c.verbatim for c in found)
        checks = (f"{len(found)} passages compared with the source, {verbatim} verbatim",)
        if not found:
            return self.decision(document, Action.REFUSE, "it holds no question with an answer")
        if verbatim == len(found) or (self.offline and not told_anew):
            return self._verdict(document, Finding(_first_fault(found, faithful.COVERED), checks, share=share))
        if self.offline:
            return self.nothing(document, "not verified: sentences of its own need a model that compares them")
        least = TOLD_ANEW if told_anew else faithful.PARAPHRASED
        if document.domain == "zh":
            least *= CHINESE
        fault = _first_fault(found, least, negation=not told_anew)
        if fault:
            return self._verdict(document, Finding(fault, checks, share=share))
        return self._judged_faithful(document, source, checks, share)

    def _judged_faithful(self, document: Document, source: str, checks: tuple[str, ...], share: float) -> Decision:
        """Each model's P(yes) that the text says only what its source says."""
        prompt = self.prompts.get("verify-faithful", document.domain)
        said = prompt.render({"source": source, "document": document.text})
        tally, votes, fault = Tally(), list[float](), ""
        for chat in (self.chat, *self.others):
            votes.append(grade(tally.pay(lambda c=chat: c.choose([said], prompt.options)[0]), prompt.worths))  # type: ignore[misc]
            if not votes[-1] >= FAITHFUL:
                fault = f"{chat.url} calls it unfaithful to its source (P(yes) {votes[-1]:.2f})"
                break
        told = ", ".join(f"{v:.2f}" for v in votes)
        yes = sum(v >= FAITHFUL for v in votes)
        finding = Finding(fault, (*checks, f"P(faithful) {told}"), f"{yes}/{len(votes)}", share)
        return self._verdict(document, finding, prompt=prompt, usage=tally.usage)

    def _verdict(self, document: Document, finding: Finding, **fields: Any) -> Decision:
        evidence: dict[str, Any] = {
            "checks": list(finding.checks),
            "votes": finding.votes or f"{int(not finding.fault)}/1",
        }
        if finding.fault:
            return self.decision(document, Action.REFUSE, finding.fault, evidence=evidence | finding.told, **fields)
        evidence |= {"share": finding.share, **finding.told}
        return self.decision(document, Action.VERIFY, "; ".join(finding.checks), evidence=evidence, **fields)


_NO_NAME = re.compile(r"[^\w.]+")


_Check = Callable[[str], tuple[str, list[str]]]
_SOLVERS: dict[str, tuple[_Check, ...]] = {
    "arithmetic": (arithmetic_check.check,),
    "symbolic": (symbolic_check.check,),
    "problem": (symbolic_check.check, arithmetic_check.check),
}
"""Rules by kind, where no model can be asked."""
_answer_alone = partial(arithmetic_check.check, working=False)
_SOLVERS_BEFORE_A_MODEL: dict[str, tuple[_Check, ...]] = {
    "arithmetic": (_answer_alone,),
    "symbolic": (symbolic_check.check,),
    "problem": (symbolic_check.check, _answer_alone),
}
"""Rules by kind, where what they leave open is for a model: a false equation of the working alone refuses nothing."""


def _pairs_against(text: str, source: str) -> list[faithful.Coverage]:
    """Each answer against the source, and each name that a question quotes."""
    known, names = faithful.Source(source), faithful.Source(_NO_NAME.sub(" ", source))
    found = []
    for pair in questions.read(text):
        if not pair.answer:
            return []
        code = re.fullmatch(r"```\w*\n(.*?)\n```", pair.answer, re.DOTALL)
        found.append(known.coverage(code[1] if code else pair.answer))
        quoted = re.findall(r"`([^`\n]{1,200})`", pair.question)
        found += [names.coverage(_NO_NAME.sub(" ", name)) for name in quoted]
    return found


def _first_fault(found: Sequence[faithful.Coverage], least: float, *, negation: bool = True) -> str:
    return next((fault for c in found if (fault := c.fault(least, negation=negation))), "")
