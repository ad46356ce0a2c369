"""`openai:MODEL@BASE_URL`: any server that speaks the OpenAI chat protocol (vLLM, SGLang, llama.cpp, hosted)."""

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
from .answers import Unusable, check_scored
from .asking import Asking
from .manners import TOP_LOGPROBS, manners
from .question import Question, to_choose
from .reply import Reply, read_recorded, read_server
from .transport import Patience, Transport
from .url import ModelUrl

PATH = "/chat/completions"


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
        self._manners = manners(f"{at.model}@{at.base}")
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
        useless = [f for f in failures if isinstance(f, UselessAnswer)]
        wasted = [f.usage for f in useless if not (self._journal and f.recorded)]
        wasted += [] if self._journal else [c.usage for c in choices]
        if not choices and not useless:
            raise failures[0]
        raise UselessAnswer(str(failures[0]), sum(wasted, Usage())) from failures[0]

    def write(self, question: Question) -> tuple[Reply, Usage]:
        """An answer asked for under the question's schema, or more plainly where the server knows no such request.

        Raises:
            UselessAnswer: a filter of the provider took the answer away.
            SpendingError: the provider refuses for credentials or money.
            ServerError: the server gives no answer.
        """
        form = {"name": question.form, "schema": question.schema, "strict": is_strict(question.schema)}
        return self._exchange(question, {"max_tokens": self._max_answer_tokens}, form)

    def close(self) -> None:
        """Let go of threads and connections."""
        self._threads.shutdown()
        self._finalizer()

    def _choose(self, prompt: str, options: Sequence[str]) -> Choice:
        question = to_choose(prompt, options)
        body = {"max_tokens": 1, "logprobs": True, "top_logprobs": TOP_LOGPROBS[0]}
        return self.judged(question, *self._exchange(question, body, None))

    def _exchange(self, question: Question, fields: dict[str, Any], form: dict[str, Any] | None) -> tuple[Reply, Usage]:
        """The server's answer and its cost, from the journal if it has been given before.

        The key names what was wanted: the form, and what else the server made us change (see `Manners`), is no part.
        """
        settings = {"model": self._model, "temperature": 0, **fields}
        key = question.key(self.url, {**settings, **self._request})
        messages = {"messages": list(question.turns)}

        def post(body: dict[str, Any], patient: bool) -> Reply:
            return self._transport.post(PATH, body | messages, key, read_server, patient)

        def ask() -> Answer:
            start = time.perf_counter()
            reply = self._manners.ask(post, settings, form, self._request)
            usage = self.cost(question, reply, time.perf_counter() - start)
            self._check_recordable(question, reply, usage)
            return Answer(text=reply.as_json(), usage=usage)

        if self._journal is None:
            answer = ask()
            return read_recorded(answer.text, self.url, engine=False), answer.usage
        answer = self._journal.call(key, self.url, ask, question.digest)
        return read_recorded(answer.text, self._journal.path, engine=False), answer.usage

    def _check_recordable(self, question: Question, reply: Reply, usage: Usage) -> None:
        """Raises UselessAnswer for what must not answer for good: the server is to blame, not the model."""
        if reply.ended == "filtered" and not reply.refusal:
            raise UselessAnswer(f"{self.url} gave no answer: a content filter of the provider took it", usage, False)
        if question.options:
            try:
                check_scored(reply)
            except Unusable as wrong:
                raise UselessAnswer(f"{self.url} cannot judge: {wrong}", usage, False) from wrong


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
