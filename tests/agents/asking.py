"""Asking the server of server.py through the `openai:` backend."""

from contextlib import closing
from typing import Any

from coevo.agents.backends import open_chat
from coevo.agents.backends.openai import OpenAIChat
from coevo.agents.chat import Message
from coevo.tiers.record import Record

from . import server as play
from .server import Server, Step

KEY = "sk-very-secret"


class Verdict(Record):
    keep: bool
    reason: str


GOOD = '{"keep": true, "reason": "clear"}'
ASK = [Message(role="user", content="Keep it?")]


def answer(content: Any = GOOD, **more: Any) -> Step:
    return play.answer(content, **more)


def chat(server: Server, **options: Any) -> OpenAIChat:
    waits: list[float] = options.pop("waits", [])
    options = {"retries": 2, "timeout_seconds": 5.0, "sleep": waits.append, **options}
    opened = open_chat(f"openai:{options.pop('model', 'm')}@{server.base}", **options)
    assert isinstance(opened, OpenAIChat)
    return opened


def ask(server: Server, *steps: Step, **options: Any) -> Any:
    server.steps = list(steps)
    with closing(chat(server, **options)) as model:
        return model.complete(ASK, Verdict)
