"""Finding: what a check of a document came to."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """`fault` is empty where the document is right; `checks` says in words what was done."""

    fault: str
    checks: tuple[str, ...]
    votes: str = "1/1"
    share: float = 1.0
    told: dict[str, list[str]] = field(default_factory=dict)
    """Further evidence, such as each vote."""
