"""LocalChat: a model in this machine's memory behind `hf:` or `vllm:`; its answers are recorded like a server's."""

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...tiers.decision import Usage
from ...tiers.errors import AgentError, InputError
from ..budget import Price
from ..chat import Choice
from ..journal import Answer, Journal
from .asking import Asking
from .engine import Asked, Desk
from .question import Question, to_choose
from .reply import Reply, read_engine, read_recorded
from .url import ModelUrl

WEIGHTS = ("config.json", "*.safetensors", "adapter_config.json")


class LocalChat(Asking):
    """One model, with or without an adapter, at the desk of its engine; threads may share it."""

    def __init__(
        self,
        url: str,
        at: ModelUrl,
        desk: Desk,
        *,
        journal: Journal | None = None,
        max_answer_tokens: int = 1024,
        price: Price | None = None,
    ) -> None:
        super().__init__(url, journal=journal, max_answer_tokens=max_answer_tokens, price=price)
        self._desk = desk
        self._adapter = at.adapter
        self._adapter_name = weights_digest(at.adapter) if at.adapter else ""
        # the model's name alone would not do: the student of another round, or a folder trained anew, has the same
        self._settings = [weights_digest(at.path), self._adapter_name, max_answer_tokens]

    def write(self, question: Question) -> tuple[Reply, Usage]:
        """The model's answer to one question, in a batch with those of other threads."""
        (answer,) = self._answers([question])
        return answer

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
        """Exact probabilities of the options, from the model's logits.

        Raises:
            UselessAnswer: the model gives no numbers.
            AgentError: the options or a prompt do not fit the model.
        """
        questions = [to_choose(prompt, options) for prompt in prompts]
        answers = self._answers(questions)
        return [self.judged(q, reply, usage) for q, (reply, usage) in zip(questions, answers, strict=True)]

    def _answers(self, questions: Sequence[Question]) -> list[tuple[Reply, Usage]]:
        """Answers in order, those from the journal that were given before. What is new is recorded first."""
        keys = [q.key(self.url, self._settings) for q in questions]
        found = {k: a for k in keys if self._journal and (a := self._journal.find(k)) is not None}
        missing = {k: q for k, q in zip(keys, questions, strict=True) if k not in found}
        asked = [Asked(q, self._max_answer_tokens, self._adapter, self._adapter_name) for q in missing.values()]
        failure: AgentError | None = None
        for (key, question), (reply, seconds) in zip(missing.items(), self._desk.ask(asked), strict=True):
            if isinstance(reply, AgentError):
                failure = failure or reply
            else:
                found[key] = self._recorded(key, question, reply, seconds)
        if failure is not None:
            raise failure
        where = self._journal.path if self._journal else self.url
        return [(read_recorded(found[k].text, where, engine=True), found[k].usage) for k in keys]

    def _recorded(self, key: str, question: Question, reply: dict[str, Any], seconds: float) -> Answer:
        answer = Answer(text=json.dumps(reply), usage=self.cost(question, read_engine(reply), seconds))
        return self._journal.call(key, self.url, lambda: answer, question.digest) if self._journal else answer


def check_folders(url: str, at: ModelUrl) -> None:
    """Whether a model and an adapter that are named as folders are there.

    Raises:
        InputError: one of them is not.
    """
    looks_local = at.path.startswith(("/", ".", "~")) or at.path.count("/") > 1
    if looks_local and not Path(at.path, "config.json").is_file():
        raise InputError(f"{url}: wanted a model folder (config.json, weights, tokenizer) at {at.path}, found none")
    if at.adapter and not Path(at.adapter, "adapter_config.json").is_file():
        raise InputError(f"{url}: wanted a LoRA adapter (adapter_config.json) in {at.adapter}, found none")


def check_vllm() -> None:
    """Whether vLLM can be imported at all.

    Raises:
        InputError: it is not installed.
    """
    if importlib.util.find_spec("vllm") is None:
        raise InputError(
            "vllm: needs vLLM, which is not installed here: pip install 'coevo[gpu]' on a machine with a GPU; "
            "without one use hf:MODEL, or openai:MODEL@http://HOST:8000/v1 with a vLLM server elsewhere"
        )


def weights_digest(path: str) -> str:
    """Digest of the weights in a folder; of a model on the Hub, its name."""
    files = sorted({f for pattern in WEIGHTS for f in Path(path).glob(pattern)})
    if not files:
        return path
    return _files_digest(tuple((str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files))


@lru_cache(maxsize=64)
def _files_digest(files: tuple[tuple[str, int, int], ...]) -> str:
    whole = hashlib.blake2b(digest_size=16)
    for name, _, _ in files:
        with Path(name).open("rb") as file:
            whole.update(hashlib.file_digest(file, "blake2b").digest())
    return whole.hexdigest()
