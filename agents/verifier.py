"""Verifier (L3 -> L4): solves, executes or compares with the source; what cannot be checked stays unverified."""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from ..prompts import PromptSet
from ..tiers.decision import Action, Decision, Usage
from ..tiers.document import Document
from ..tiers.record import Record
from . import arithmetic_check, exercise, faithful, predict, python_source, questions, symbolic_check
from .agent import Agent
from .arithmetic_check import Unsolved
from .chat import Chat
from .sandbox import Outcome, Sandbox
from .scorer import grade

FAITHFUL = 0.5
"""Least P(yes) of a model that is asked whether a text is faithful to its source."""


class Solution(Record):
    """A model's own answer to a problem."""

    steps: str = Field(max_length=8_000)
    answer: str = Field(min_length=1, max_length=1_000)


@dataclass(frozen=True)
class Finding:
    """What a check came to: `fault` is empty where the document is right."""

    fault: str
    checks: tuple[str, ...]
    votes: str = "1/1"
    share: float = 1.0


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
        prompts: PromptSet | None = None,
    ) -> None:
        """How documents are checked.

        Args:
            chat: the model, asked only where rules do not suffice (problems that none can solve, faithfulness).
            round: the round.
            sources: by id, the documents that those to be verified were made from.
            sandbox: where code is run.
            votes: how many independent solutions of a model must agree with an answer that no rule can check.
            prompts: those of the run; without them the built-in ones.
        """
        super().__init__(chat, round=round, prompts=prompts)
        self.sources = sources
        self.sandbox = sandbox or Sandbox()
        self.votes = votes
        if self.offline:
            self.batch_size = 512

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """One decision a document; all code of the documents is run in one sandbox."""
        claims = {d.id: predict.read(d.text) for d in documents if d.kind == "predict"}
        runnable = {key: claim for key, claim in claims.items() if claim is not None}
        refusal = self.sandbox.refusal() if runnable else ""
        snippets = [_snippet(*claim) for claim in runnable.values()]
        outcomes = dict(zip(runnable, self.sandbox.run(snippets), strict=True)) if runnable and not refusal else {}
        decisions = []
        for document in documents:
            if document.kind == "predict" and refusal:
                decisions.append(self.nothing(document, f"not verified: execution refused: {refusal}"))
            elif document.kind == "predict":
                claim = claims.get(document.id)
                decisions.append(self._executed(document, claim[1] if claim else [], outcomes.get(document.id)))
            else:
                decisions.append(self.attempt(document, lambda d=document: self._checked(d)))  # type: ignore[misc]
        return decisions

    # ---- code

    def _executed(self, document: Document, claims: list[tuple[str, str]], outcome: Outcome | None) -> Decision:
        if outcome is None:
            return self.decision(document, Action.REFUSE, "it holds no code with calls and their values")
        if not outcome.ok:
            return self.decision(document, Action.REFUSE, f"running it failed: {outcome.error[:200]}")
        got = outcome.output.split("\n")[: len(claims)]
        for (asked, stated), value in zip(claims, got, strict=False):
            if not _same_value(stated, value):
                reason = f"{asked} returns {value[:120]}, not {stated[:120]}"
                return self.decision(document, Action.REFUSE, reason, evidence={"executed": len(claims)})
        if len(got) < len(claims):
            return self.decision(document, Action.REFUSE, "running it gave fewer values than it states")
        return self._verified(document, Finding("", (f"{len(claims)} calls executed in the sandbox",)))

    # ---- problems and texts

    def _checked(self, document: Document) -> Decision:
        check = _SOLVERS.get(document.kind)
        if check is None:
            return self._faithful(document)
        try:
            fault, checks = check(document.text)
        except Unsolved as unsolved:
            if self.offline:
                return self.nothing(document, f"not verified: {unsolved}")
            return self._by_consensus(document, str(unsolved))
        return self._verdict(document, Finding(fault, tuple(checks)))

    def _by_consensus(self, document: Document, why: str) -> Decision:
        """Independent solutions of the question alone must all agree with the answer."""
        read = exercise.read(document.text)
        if read is None:
            return self.nothing(document, f"not verified: {why}")
        prompt = self.prompts.get("verify-solve", document.domain)
        agreeing, usage = 0, Usage()
        for attempt in range(1, self.votes + 1):
            answer = self.ask(prompt, Solution, {"document": read.question}, attempt=attempt)
            usage += answer.usage
            agreeing += _same_answer(read.answer, answer.value.answer)
        votes = f"{agreeing}/{self.votes}"
        fault = "" if agreeing == self.votes else f"only {votes} independent solutions agree with the answer"
        finding = Finding(fault, (f"solved {self.votes} times by the model ({why})",), votes, agreeing / self.votes)
        return self._verdict(document, finding, prompt=prompt, usage=usage)

    def _faithful(self, document: Document) -> Decision:
        sources = [self.sources[p] for p in document.parents if p in self.sources]
        if not sources or len(sources) < len(document.parents):
            return self.nothing(document, "not verified: its sources are not at hand")
        source = "\n".join(f"{s.source}\n{s.text}" for s in sources)
        if document.kind == "qa":
            return self._compared(document, _pairs_against(document.text, source), source)
        if document.domain == "code" and python_source.parse(document.text) is None:
            if all(python_source.parse(s.text) is None for s in sources):
                return self.nothing(document, "not verified: it is no Python, nor was its source")
            return self.decision(document, Action.REFUSE, "it is no valid Python any more")
        return self._compared(document, [faithful.Source(source).coverage(document.text)], source)

    def _compared(self, document: Document, found: list[faithful.Coverage], source: str) -> Decision:
        share = min((c.share for c in found), default=0.0)
        verbatim = sum(c.verbatim for c in found)
        checks = (f"{len(found)} passages compared with the source, {verbatim} verbatim",)
        if not found:
            return self.decision(document, Action.REFUSE, "it holds no question with an answer")
        if self.offline or verbatim == len(found):
            return self._verdict(document, Finding(_first_fault(found, faithful.COVERED), checks, share=share))
        fault = _first_fault(found, faithful.PARAPHRASED)
        if fault:
            return self._verdict(document, Finding(fault, checks, share=share))
        prompt = self.prompts.get("verify-faithful", document.domain)
        choice = self.chat.choose([prompt.render({"source": source, "document": document.text})], prompt.options)[0]
        yes = grade(choice, prompt.worths)
        fault = "" if yes >= FAITHFUL else f"the model calls it unfaithful to its source (P(yes) {yes:.2f})"
        finding = Finding(fault, (*checks, f"P(faithful) {yes:.2f}"), share=share)
        return self._verdict(document, finding, prompt=prompt, usage=choice.usage)

    def _verdict(self, document: Document, finding: Finding, **fields: Any) -> Decision:
        if finding.fault:
            evidence = {"checks": list(finding.checks), "votes": finding.votes}
            return self.decision(document, Action.REFUSE, finding.fault, **{"evidence": evidence, **fields})
        return self._verified(document, finding, **fields)

    def _verified(self, document: Document, finding: Finding, **fields: Any) -> Decision:
        evidence = {"checks": list(finding.checks), "votes": finding.votes, "share": finding.share}
        return self.decision(document, Action.VERIFY, "; ".join(finding.checks), **{"evidence": evidence, **fields})


_NO_NAME = re.compile(r"[^\w.]+")
_SOLVERS: dict[str, Callable[[str], tuple[str, list[str]]]] = {
    "arithmetic": arithmetic_check.check,
    "symbolic": symbolic_check.check,
}


def _snippet(code: str, claims: Sequence[tuple[str, str]]) -> str:
    """A program that prints each call's value, one a line."""
    shown = "".join(f"print(repr({asked}).replace(chr(10), ' '))\n" for asked, _ in claims)
    return f"{code}\n\n{shown}"


def _same_value(stated: str, got: str) -> bool:
    """Whether two texts write the same value (sets and dicts in any order)."""
    if stated.strip() == got.strip():
        return True
    try:
        one, other = ast.literal_eval(stated.strip()[:2_000]), ast.literal_eval(got.strip()[:2_000])
        return type(one) is type(other) and bool(one == other)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def _same_answer(stated: str, got: str) -> bool:
    """Whether two answers agree: as numbers, as expressions, or as texts without case and spacing."""
    try:
        return arithmetic_check.claimed(stated) == arithmetic_check.claimed(re.sub(r"^x\s*=\s*", "", got.strip()))
    except Unsolved:
        plain = [re.sub(r"\s+", "", a).strip("`.").casefold() for a in (stated, got)]
        if plain[0] == plain[1]:
            return True
    try:
        return symbolic_check.same(symbolic_check.expression(stated), symbolic_check.expression(got))
    except (Unsolved, RecursionError):
        return False


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


def _first_fault(found: Sequence[faithful.Coverage], least: float) -> str:
    return next((fault for c in found if (fault := c.fault(least))), "")
