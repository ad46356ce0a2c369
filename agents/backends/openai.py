"""`openai:MODEL@BASE_URL`: any server that speaks the OpenAI chat protocol (vLLM, SGLang, llama.cpp, hosted)."""

import json
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...tiers.decision import Usage
from ...tiers.errors import AgentError, SpendingError
from ..budget import Price
from ..chat import Choice, UselessAnswer
from ..journal import Answer, Journal
from .asking import Asking
from .question import Question, to_choose
from .transport import Patience, Rejected, Transport
from .url import ModelUrl

PATH = "/chat/completions"
TOP_LOGPROBS = 20


class OpenAIChat(Asking):
    """One model on one server; threads may share it.

    The key is read from OPENAI_API_KEY and never shown. Without reported usage an answer is charged by the size of
    what went each way, at four bytes a token.
    """

    def __init__(
        self,
        at: ModelUrl,
        *,
        patience: Patience,
        journal: Journal | None = None,
        concurrency: int = 8,
        max_answer_tokens: int = 1024,
        request: Mapping[str, Any] | None = None,
        price: Price | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(
            f"openai:{at.model}@{at.base}", journal=journal, max_answer_tokens=max_answer_tokens, price=price
        )
        self._model = at.model
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="choose")
        self._request = dict(request or {})
        self._formats = True  # until the server rejects response_format
        self._transport = Transport(at.base, os.environ.get("OPENAI_API_KEY"), patience, concurrency, sleep)
        self._finalizer = weakref.finalize(self, self._transport.close)  # a chat that is only forgotten leaks no socket

    def check(self) -> None:
        """Is the server there? Raises AgentError or SpendingError as `Transport.check`."""
        self._transport.check(self._model)

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
        """Probabilities of the options as the first token of each answer, several prompts at a time.

        Prompts with the same beginning are sent one after the other, so that a server's prefix cache still holds it.

        Raises:
            UselessAnswer: the server gives no log-probabilities, or the model does not answer with the options.
            SpendingError: the provider refuses for credentials or money.
            AgentError: the server gives no answer.
        """
        if len(prompts) == 1:
            return [self._choose(prompts[0], options)]
        order = sorted(range(len(prompts)), key=prompts.__getitem__)
        futures = {i: self._threads.submit(self._choose, prompts[i], options) for i in order}
        choices: list[Choice] = []
        failures: list[AgentError] = []
        for i in range(len(prompts)):
            try:
                choices.append(futures[i].result())
            except SpendingError:
                for other in futures.values():
                    other.cancel()
                raise
            except AgentError as error:
                failures.append(error)
        if not failures:
            return choices
        # asked again one by one, recorded answers bring their costs along: only unrecorded ones are lost here
        wasted = [c.usage for c in choices] + [f.usage for f in failures if isinstance(f, UselessAnswer)]
        raise UselessAnswer(str(failures[0]), Usage() if self._journal else sum(wasted, Usage())) from failures[0]

    def write(self, question: Question) -> tuple[dict[str, Any], Usage]:
        """An answer asked for under the question's schema, or plainly where the server knows no such request."""
        body: dict[str, Any] = {"max_tokens": self._max_answer_tokens}
        form = {"name": question.form, "schema": question.schema, "strict": is_strict(question.schema)}
        if self._formats:
            try:
                return self._exchange(question, body, {"response_format": {"type": "json_schema", "json_schema": form}})
            except Rejected as error:
                if error.status not in (400, 422) or "response_format" not in str(error):
                    raise
                self._formats = False
        return self._exchange(question, body)

    def close(self) -> None:
        """Let go of threads and connections."""
        self._threads.shutdown()
        self._finalizer()

    def _choose(self, prompt: str, options: Sequence[str]) -> Choice:
        question = to_choose(prompt, options)
        body = {"max_tokens": 1, "logprobs": True, "top_logprobs": TOP_LOGPROBS}
        return self.judged(question, *self._exchange(question, body))

    def _exchange(
        self, question: Question, fields: dict[str, Any], refusable: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], Usage]:
        """The server's answer and its cost, from the journal if it has been given before.

        `refusable`: fields that a server may refuse, after which it is asked without them: no part of the key.
        """
        settings = {"model": self._model, "temperature": 0, **fields, **self._request}
        key = question.key(self.url, settings)
        body = {**settings, **(refusable or {}), **self._request, "messages": list(question.turns)}
        body = {name: value for name, value in body.items() if value is not None}

        def ask() -> Answer:
            start = time.perf_counter()
            answer = self._transport.post(PATH, body, key)
            return Answer(text=json.dumps(answer), usage=self.cost(question, answer, time.perf_counter() - start))

        found = self._journal.call(key, self.url, ask, question.digest) if self._journal else ask()
        return json.loads(found.text), found.usage


def is_strict(schema: Any) -> bool:
    """Whether every object of a JSON schema is closed and requires all its fields, as OpenAI's strict mode demands."""
    if isinstance(schema, list):
        return all(map(is_strict, schema))
    if not isinstance(schema, dict):
        return True
    closed = schema.get("additionalProperties") is False
    full = set(schema.get("required", ())) == set(schema.get("properties", ()))
    if schema.get("type") == "object" and not (closed and full):
        return False
    return all(is_strict(value) for value in schema.values())
