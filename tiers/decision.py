"""Decision: what an agent, a rule or a gate decided about one document, and why; one row of the ledger."""

from enum import StrEnum

from pydantic import Field

from .record import Record
from .tier import Tier


class Action(StrEnum):
    """What a decision does to the holdings; `tiers.apply` is the only reader that acts on it."""

    INGEST = "ingest"  # the document appears, held at L0
    QUARANTINE = "quarantine"  # unreadable or malformed: set aside with its reason, never trained on
    DROP = "drop"  # not good enough: set aside with its reason
    PROMOTE = "promote"  # held at `tier`
    DEMOTE = "demote"  # held at `tier`
    SCORE = "score"  # graded under rubrics; nothing moves
    EDIT = "edit"  # superseded by `made` (text in `text`), which appears at `tier`
    CREATE = "create"  # `made` appears at `tier`; its parents stay where they are
    VERIFY = "verify"  # checked; nothing moves (a promotion is its own decision)
    REFUSE = "refuse"  # a move that the tier's operator proposed was not granted
    NONE = "none"  # nothing was decided: see `error`


class Usage(Record):
    """What a decision cost; all zero for rules."""

    tokens_in: int = 0
    tokens_out: int = 0
    calls: int = 0
    seconds: float = 0.0
    usd: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{k: getattr(self, k) + getattr(other, k) for k in Usage.model_fields})


class Decision(Record):
    """What was decided about one document."""

    round: int
    stage: str
    """The step that decided, one of `ledger.STEPS`: ingest, clean, score, edit ..."""
    agent: str
    """Who decided: a role (`scorer`) or a rule (`rule:license-header`)."""
    doc: str
    """Id of the document decided about; for CREATE the first source, or the made document when there is none."""
    action: Action
    reason: str
    domain: str = ""
    tier: Tier | None = None
    """Where the document (or `made`) stands afterwards; None where nothing moves."""
    scores: dict[str, float] = Field(default={})
    evidence: dict[str, str | float | int | bool | list[str] | None] = Field(default={})
    made: str | None = None
    text: str | None = None
    kind: str = "text"
    source: str = ""
    sources: tuple[str, ...] = ()
    """For EDIT and CREATE: ids of all documents that `made` came from."""
    prompt: str = ""
    """`name@digest` of the prompt, or empty for a rule."""
    model: str = ""
    """URL of the model that answered (`offline:`, `student:`, `openai:...`)."""
    usage: Usage = Usage()
    error: str | None = None
