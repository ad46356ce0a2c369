"""Writing: what a model is asked for when a document of some kind is to be written, and the texts that it gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..prompts import Prompt
from ..tiers.document import Document
from ..tiers.index import Hit
from . import repair, textbook
from .chat import S
from .citing import citing, said_of
from .edit_guards import EditRefused
from .edit_program import EditProgram
from .editor import number_lines
from .faithful import flat
from .kinds import KINDS
from .tally import Tally
from .textbook import Knowledge, KnowledgePoint

if TYPE_CHECKING:
    from .agent import Agent


@dataclass
class Writing:
    """What came of asking: the texts, the passages that they rest on, what was left out and why, and the cost."""

    prompt: Prompt
    style: str
    texts: list[str] = field(default_factory=list)
    rests_on: list[str] = field(default_factory=list)
    offered: str = ""
    """How many facts were shown beside the source, and in which words."""
    cites: tuple[str, ...] = ()
    """Ids that the answer names as those of facts it used."""
    left_out: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    @property
    def name(self) -> str:
        """What was to be written, in words."""
        return f"{self.prompt.kind} ({self.style})" if self.style else self.prompt.kind


def write(
    agent: "Agent",
    document: Document,
    prompt: Prompt,
    *,
    style: str,
    seed: int,
    count: int,
    facts: Sequence[Hit] = (),
) -> Writing:
    """What the model of `agent` writes of `document` under `prompt`, with `facts` that it may use beside it.

    Raises:
        UselessAnswer: one of its answers is of no use; what all of them cost is counted.
        AgentError: the model does not answer.
    """
    written = Writing(prompt, style)
    if prompt.kind == "repair":
        _repair(agent, document, written)
        return written
    shown = document.text
    if prompt.kind == "textbook":
        points = _knowledge(agent, document, written)
        if not points:
            return written
        shown, written.rests_on = textbook.passages(points), [flat(p.quote)[:200] for p in points]
    kind = KINDS[prompt.kind]
    wanted = {name: v for name, v in {"seed": seed, "count": count}.items() if name in prompt.variables}
    more, words = said_of(facts, agent.prompts, document.domain)
    form = citing(kind.answer) if facts else kind.answer
    answer: Any = _asked(agent, written, prompt, form, shown, style=style, more=more, **wanted)
    if facts:
        written.offered, written.cites = f"{len(facts)} by {words}", answer.cites
    written.texts = list(kind.texts(answer, document.domain))
    return written


def _asked(agent: "Agent", written: Writing, prompt: Prompt, schema: type[S], shown: str, **values: Any) -> S:
    return written.tally.pay(lambda: agent.ask(prompt, schema, {"document": shown}, **values)).value


def _knowledge(agent: "Agent", document: Document, written: Writing) -> list[KnowledgePoint]:
    """What the document teaches, as far as it says so itself."""
    prompt = agent.prompts.get("extract-knowledge", document.domain)
    told = _asked(agent, written, prompt, Knowledge, document.text)
    points = textbook.stated(told, document.text)
    invented = [p.name for p in told.points if p not in points]
    if invented:
        written.left_out.append(
            f"knowledge that the document does not state in the words quoted: {', '.join(invented)}"
        )
    return points


def _repair(agent: "Agent", document: Document, written: Writing) -> None:
    numbered, shown = number_lines(document.text, written.prompt.limit)
    program = _asked(agent, written, written.prompt, EditProgram, numbered)
    if not program.edits:
        return
    try:
        text = repair.repaired(program, document.text, shown)
    except EditRefused as refused:
        written.left_out.append(str(refused))
        return
    if text == document.text:
        written.left_out.append("the program changes nothing")
    else:
        written.texts, written.rests_on = [text], [f"{repair.damage(document.text)}: {program.reason[:200]}"]
