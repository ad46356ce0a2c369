"""`replay:JOURNAL`: the answers that a run was given, once more; no model, no connection, no cost."""

from collections.abc import Sequence
from pathlib import Path

from ...tiers.decision import Usage
from ...tiers.errors import AgentError
from ..chat import Choice
from ..journal import Recording
from .asking import Asking
from .question import Question, to_choose
from .reply import Reply, read_recorded
from .url import ModelUrl


class ReplayChat(Asking):
    """Answers what was asked in exactly these words before, whoever was asked then.

    Raises:
        InputError: there is no journal, or several models in it gave answers and none was named.
    """

    def __init__(self, at: ModelUrl, *, max_answer_tokens: int = 1024, scope: str = "") -> None:
        """`scope`: the piece of work that is replayed; what was asked anew each round has an answer for each."""
        self._scope = scope
        self._recording = Recording(Path(at.path), at.model)
        super().__init__(
            f"replay:{self._recording.model}", journal=None, max_answer_tokens=max_answer_tokens, price=None
        )

    def write(self, question: Question) -> tuple[Reply, Usage]:
        """The recorded answer; it costs nothing."""
        text = self._recording.find(question.digest, self._scope)
        if text is None:
            what = f"options {'/'.join(question.options)}" if question.options else f"form {question.form}"
            said = " ".join(question.turns[-1]["content"][-80:].split())
            raise AgentError(
                f"not recorded in {self._recording.path}: a question (digest {question.digest}, {what}) that ends with "
                f"{said!r}; a replay needs the prompts, documents and agents.max_answer_tokens of the recorded run"
            )
        engine = not self._recording.model.startswith("openai:")
        return read_recorded(text, self._recording.path, engine=engine), Usage()

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
        """The recorded probabilities. Raises AgentError when a prompt was not asked then."""
        questions = [to_choose(prompt, options) for prompt in prompts]
        return [self.judged(q, *self.write(q)) for q in questions]
