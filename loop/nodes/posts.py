"""Posts: who was found to play which role in a round."""

from ...agents.exam import Verdict
from ...tiers.record import Record
from ..context import RunContext


class Post(Record):
    """Who plays a role in a round, and why."""

    role: str
    model: str
    fit: bool
    """Whether it acts at all."""
    reason: str
    verdict: Verdict | None = None
    """The newest model's attempt to take over, if it may try."""


def posts(context: RunContext, number: int) -> dict[str, Post]:
    """Who was found to play which role in a round; a role that nobody asked about yet is missing."""
    return {p.role: p for p in map(Post.model_validate, context.db.meta(f"posts-{number}", []))}


def scorer_of(context: RunContext, number: int) -> str:
    """URL of the model that judges in a round."""
    post = posts(context, number).get("scorer")
    return post.model if post else context.config.agents.scorer
