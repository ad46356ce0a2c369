"""The prompt family of a run: which rubrics are not as built in, where they came from, what became of them."""

from typing import Literal

from ..agents.screening import Screened
from ..tiers.record import Record
from .run_db import RunDB

Standing = Literal["trial", "retired", "refused"]
KEY = "prompt-family"


class Member(Record):
    """A rubric that is not as it was built in: a new one, or one that was retired."""

    rubric: str
    prompt: str = ""
    """`name@digest`; empty where no prompt could be made."""
    parent: str = ""
    question: str = ""
    origin: str = ""
    round: int
    """When it was proposed, or retired."""
    standing: Standing
    """trial: it is graded under, and its worth is measured; what it is worth decides its weight."""
    reason: str = ""
    screened: Screened | None = None


def family(db: RunDB) -> dict[str, Member]:
    """Members by rubric, in the order in which they came."""
    return {m.rubric: m for m in map(Member.model_validate, db.meta(KEY, []))}
