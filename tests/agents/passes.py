"""A small curation pass over a server: a scorer and an editor, through the pool, over documents that want an edit."""

from collections.abc import Sequence
from typing import Any

from coevo.agents import pool
from coevo.agents.chat import Chat
from coevo.agents.editor import Editor
from coevo.agents.scorer import Scorer
from coevo.tiers.decision import Decision, Usage
from coevo.tiers.document import Document, document_id
from coevo.tiers.tier import Tier

from .server import Handler, answer, yes

RUBRICS = ("education", "clarity")
PROGRAM = '{"edits": [{"op": "remove", "first": 1, "last": 1}], "reason": "navigation"}'


def documents(count: int) -> list[Document]:
    """Texts whose first line is navigation."""
    texts = [
        f"Home | About | Login\nPump {i} lifts {i + 3} litres a minute when its valve stands open."
        for i in range(count)
    ]
    return [Document(id=document_id(t, "s"), text=t, domain="en", tier=Tier.L2, source="s") for t in texts]


def well(handler: Handler) -> None:
    """The right answer to whatever the two roles ask."""
    (yes(0.8) if handler.body.get("logprobs") else answer(PROGRAM))(handler)


def curate(chat: Chat, texts: Sequence[Document], **options: Any) -> list[Decision]:
    """A score and an edit decision about each text."""
    roles: list[pool.Role] = [Scorer(chat, round=1, rubrics=RUBRICS), Editor(chat, round=1)]
    return [decision for role in roles for decision in pool.run(role, texts, **options)]


def free(decisions: Sequence[Decision]) -> list[Decision]:
    """Decisions without what they cost and who answered."""
    return [d.model_copy(update={"usage": Usage(), "model": ""}) for d in decisions]
