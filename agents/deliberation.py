"""Deliberation: a model that may look things up before it advises, as a small LangGraph of thinking and reading."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from pydantic import Field

from ..prompts import fence, load
from ..tiers.decision import Usage
from ..tiers.errors import AgentError, InputError, SpendingError
from ..tiers.record import Record
from .advice import Advice, Thought
from .chat import Chat, Message, UselessAnswer

MAX_READ = 4
"""Things read in one step."""
MAX_SHOWN = 6_000
"""Characters of one thing read that are shown."""


@dataclass(frozen=True)
class Tool:
    """Something that may be looked up: what it gives, and how; it changes nothing."""

    gives: str
    read: Callable[[str], str]
    """What there is about something, in words; raises InputError, with what there is, for what there is not."""


class Reading(Record):
    """Something to look up."""

    tool: str
    about: str = Field(default="", max_length=200)


class Step(Record):
    """One step of a model: it reads on, or it advises."""

    thought: str = Field(max_length=2_000)
    readings: tuple[Reading, ...] = Field(default=(), max_length=MAX_READ)
    advice: Advice | None = None


@dataclass(frozen=True)
class Deliberated:
    """The advice in the end, and how it was come by."""

    advice: Advice
    thoughts: tuple[Thought, ...]
    usage: Usage


class _Talk(TypedDict):
    messages: list[Message]
    left: int
    readings: list[Reading]
    thoughts: list[Thought]
    advice: Advice | None


def deliberate(chat: Chat, opening: str, tools: Mapping[str, Tool], steps: int) -> Deliberated:
    """What the model advises after at most `steps` answers, the last of which has to be the advice.

    What it reads comes from documents and is fenced like any other; a tool that it asks for wrongly answers with what
    there is. Nothing is remembered between calls: the answers of a paid model are in its journal.

    Args:
        chat: the model.
        opening: the task, with the table.
        tools: what may be looked up, by name.
        steps: most answers of the model, at least one.

    Raises:
        UselessAnswer: no advice; its usage is that of the whole deliberation.
        SpendingError: the provider refuses for credentials or money.
    """
    desk = _Desk(chat, tools)
    start = _Talk(messages=[Message(role="user", content=opening)], left=steps, readings=[], thoughts=[], advice=None)
    try:
        end = _graph(desk).invoke(start, {"recursion_limit": 2 * steps + 2})
    except SpendingError:
        raise
    except AgentError as error:
        wasted = error.usage if isinstance(error, UselessAnswer) else Usage()
        raise UselessAnswer(str(error), desk.usage + wasted) from error
    return Deliberated(end["advice"], tuple(end["thoughts"]), desk.usage)


class _Desk:
    """Where the model sits: what it thinks costs, what it reads does not."""

    def __init__(self, chat: Chat, tools: Mapping[str, Tool]) -> None:
        self.chat = chat
        self.tools = tools
        self.usage = Usage()

    def think(self, talk: _Talk) -> dict[str, Any]:
        """One answer of the model: a step, or at last the advice."""
        if talk["left"] <= 1 or not self.tools:
            last = self.chat.complete(talk["messages"], Advice)
            self.usage += last.usage
            return {"left": 0, "readings": [], "advice": last.value}
        answer = self.chat.complete(talk["messages"], Step)
        self.usage += answer.usage
        step = answer.value
        readings = [] if step.advice else list(step.readings)
        thought = Thought(thought=step.thought, read=tuple(_named(r) for r in readings))
        return {
            "left": talk["left"] - 1,
            "readings": readings,
            "thoughts": [*talk["thoughts"], thought],
            "advice": step.advice,
            "messages": [*talk["messages"], Message(role="assistant", content=step.model_dump_json())],
        }

    def read(self, talk: _Talk) -> dict[str, Any]:
        """Everything that was asked for, as the next thing said to the model."""
        found = "\n\n".join(f"{_named(r)}:\n{self._looked_up(r)}" for r in talk["readings"])
        left = talk["left"]
        said = load("strategist-read").render(found=found or "Nothing was asked for.", left=left, last=left <= 1)
        return {"messages": [*talk["messages"], Message(role="user", content=said)], "readings": []}

    def _looked_up(self, reading: Reading) -> str:
        tool = self.tools.get(reading.tool)
        if tool is None:
            return f"There is no such thing to read. There are: {', '.join(self.tools)}."
        try:
            return fence(tool.read(reading.about), MAX_SHOWN)
        except InputError as error:
            return f"Not found: {error}"


def _named(reading: Reading) -> str:
    return f"{reading.tool} {reading.about}".strip()


def _graph(desk: _Desk) -> Any:
    from langgraph.graph import END, START, StateGraph

    graph: Any = StateGraph(_Talk)
    graph.add_node("think", desk.think)
    graph.add_node("read", desk.read)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", lambda talk: END if talk["advice"] else "read", ["read", END])
    graph.add_edge("read", "think")
    return graph.compile()


def described(tools: Mapping[str, Tool]) -> str:
    """The tools as they are listed to the model."""
    lines: Sequence[str] = [f"- {name}: {tool.gives}" for name, tool in tools.items()]
    return "\n".join(lines)
