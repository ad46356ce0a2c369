"""The roles by name."""

from .agent import Agent
from .editor import Editor
from .organizer import Organizer
from .scorer import Scorer
from .strategist import Strategist
from .synthesizer import Synthesizer
from .verifier import Verifier

AGENTS: dict[str, type[Agent]] = {
    role.role: role for role in (Scorer, Editor, Synthesizer, Verifier, Organizer, Strategist)
}
