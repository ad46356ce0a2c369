"""The role registry: which model plays which role in a round, and whether it has passed the exam for it."""

from functools import partial
from pathlib import Path

from ...agents.backends import is_offline
from ...agents.chat import Chat
from ...agents.exam import BAR, Marks, compare, examine, examine_scorer
from ...agents.scorer import Scorer, judged_rubrics
from ..context import RunContext
from .drive import open_role
from .judges import gold_of
from .posts import Post, posts

EXAMINED = {"editor": "edit", "synthesizer": "synthesize", "verifier": "verify", "organizer": "organize"}
"""Roles with an exam of their own, and the work that it is charged to; judges have their calibration."""

JUDGE, WRITER = "student:", "hf:"
"""The newest accepted model, as one that grades by its probabilities and as one that writes."""


def post_of(context: RunContext, number: int, role: str, student: Path) -> Post:
    """Who plays a role this round: examined when first asked, and written down.

    Rules need no exam: what they do is tested with the code. A model that is below the bar does nothing this round,
    and the newest model plays a role only where it may try and is measured to be at least as good.
    """
    known = posts(context, number)
    if role not in known:
        examined = _scorer_post if role == "scorer" else partial(_post, role=role)
        known[role] = examined(context, number, student)
        _tell(context, number, known[role])
        context.db.set_meta(f"posts-{number}", [p.model_dump(mode="json") for p in known.values()])
    return known[role]


def quota(post: Post, wanted: int) -> int:
    """How many documents a role works on: none where its model failed the exam."""
    return wanted if post.fit else 0


def _tell(context: RunContext, number: int, post: Post) -> None:
    if not post.fit:
        context.event(number, "curate", "warning", f"{post.role} {post.model} does nothing this round: {post.reason}")
    elif post.verdict:
        done = "the newest model takes over" if post.verdict.takes_over else f"{post.model} stays"
        context.event(number, "curate", "info", f"{post.role}: {done}: {post.reason}")


def _post(context: RunContext, number: int, student: Path, role: str) -> Post:
    work = EXAMINED[role]
    chat = open_role(context, number, work, student)
    may_try = role in context.config.agents.takeover and number > 0
    configured: str = getattr(context.config.agents, role)
    if is_offline(chat) and not may_try:
        return Post(role=role, model=configured, fit=True, reason="rules")
    marks = _marks(context, number, role, chat)
    if not may_try:
        return Post(role=role, model=configured, fit=marks.fit, reason=_share(marks))
    newest = open_role(context, number, work, student, url=WRITER)
    return _settled(configured, WRITER, marks, _marks(context, number, role, newest))


def _marks(context: RunContext, number: int, role: str, chat: Chat) -> Marks:
    agents = context.config.agents
    return examine(role, chat, domains=context.config.domains, round=number, concurrency=agents.concurrency)


def _scorer_post(context: RunContext, number: int, student: Path) -> Post:
    agents, gold = context.config.agents, gold_of(context)
    if "scorer" not in agents.takeover or not number:
        return Post(
            role="scorer", model=agents.scorer, fit=True, reason="as configured; its trust is in its calibration"
        )
    chats = [open_role(context, number, "calibrate", student, url=url) for url in (None, JUDGE)]
    marks = [
        examine_scorer(
            Scorer(chat, round=number, rubrics=judged_rubrics()),
            gold,
            domains=context.config.domains,
            concurrency=agents.concurrency,
        )
        for chat in chats
    ]
    return _settled(agents.scorer, JUDGE, *marks)


def _settled(configured: str, newest: str, incumbent: Marks, newcomer: Marks) -> Post:
    verdict = compare(incumbent, newcomer)
    if verdict.takes_over:
        return Post(role=incumbent.role, model=newest, fit=True, reason=verdict.reason, verdict=verdict)
    fit = incumbent.fit or incumbent.role == "scorer" or configured == "offline:"  # judges and rules have other bars
    return Post(role=incumbent.role, model=configured, fit=fit, reason=verdict.reason, verdict=verdict)


def _share(marks: Marks) -> str:
    failed = f"; a call failed: {marks.error}" if marks.error else ""
    return f"did {marks.share:.0%} of {len(marks.marks)} tasks rightly, the bar is {BAR:.0%}{failed}"
