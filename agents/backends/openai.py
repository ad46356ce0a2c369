"""`openai:MODEL@BASE_URL`: any server that speaks the OpenAI chat protocol (vLLM, SGLang, llama.cpp, hosted)."""

import hashlib
import json
import math
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...prompts import load
from ...tiers.decision import Usage
from ...tiers.errors import AgentError, SpendingError
from ..budget import Price
from ..chat import Choice, Completion, Message, S, UselessAnswer
from ..journal import Answer, Journal
from .answers import Unusable, read_object, read_probabilities
from .transport import Patience, Rejected, Transport
from .url import ModelUrl

PATH = "/chat/completions"
TOP_LOGPROBS = 20
BYTES_PER_TOKEN = 4


class OpenAIChat:
    """One model on one server; threads may share it.

    Every answer is recorded in the journal, if there is one, before anything is done with it: a first answer that has
    to be repaired is a row of its own, and so is each prompt of a `choose`. The key is read from OPENAI_API_KEY and
    never shown. Without reported usage an answer is charged by the size of what went each way, at four bytes a token.
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
        self.url = f"openai:{at.model}@{at.base}"
        self._model = at.model
        self._journal = journal
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="choose")
        self._max_answer_tokens = max_answer_tokens
        self._request = dict(request or {})
        self._price = price or Price(tokens_in=0, tokens_out=0)
        self._formats = True  # until the server rejects response_format
        self._transport = Transport(at.base, os.environ.get("OPENAI_API_KEY"), patience, concurrency, sleep)
        self._finalizer = weakref.finalize(self, self._transport.close)  # a chat that is only forgotten leaks no socket

    def check(self) -> None:
        """Is the server there? Raises AgentError or SpendingError as `Transport.check`."""
        self._transport.check(self._model)

    def complete(self, messages: Sequence[Message], schema: type[S]) -> Completion[S]:
        """An answer in the form of `schema`; a wrong one is sent back once to be repaired.

        Raises:
            UselessAnswer: the repaired answer is wrong too, or the model refuses.
            SpendingError: the provider refuses for credentials or money.
            AgentError: the server gives no answer.
        """
        turns = list(messages)
        usage = Usage()
        for attempt in (0, 1):
            try:
                answer, cost = self._structured(turns, schema, attempt)
            except SpendingError:
                raise
            except AgentError as error:
                raise (UselessAnswer(str(error), usage) if usage.calls else error) from error
            usage += cost
            try:
                return Completion(read_object(answer, schema), usage)
            except Unusable as wrong:
                if attempt or wrong.final:
                    raise UselessAnswer(f"{self.url} gave no usable answer: {wrong}", usage) from wrong
                turns = self._repair(turns, wrong, schema)
        raise AssertionError("the last attempt returns or raises")

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
        """Probabilities of the options as the first token of each answer, several prompts at a time.

        Raises:
            UselessAnswer: the server gives no log-probabilities, or the model does not answer with the options.
            SpendingError: the provider refuses for credentials or money.
            AgentError: the server gives no answer.
        """
        if len(prompts) == 1:
            return [self._choose(prompts[0], options)]
        futures = [self._threads.submit(self._choose, prompt, options) for prompt in prompts]
        choices: list[Choice] = []
        failures: list[AgentError] = []
        for future in futures:
            try:
                choices.append(future.result())
            except SpendingError:
                for other in futures:
                    other.cancel()
                raise
            except AgentError as error:
                failures.append(error)
        if not failures:
            return choices
        # asked again one by one, recorded answers bring their costs along: only unrecorded ones are lost here
        wasted = [c.usage for c in choices] + [f.usage for f in failures if isinstance(f, UselessAnswer)]
        raise UselessAnswer(str(failures[0]), Usage() if self._journal else sum(wasted, Usage())) from failures[0]

    def close(self) -> None:
        """Let go of threads and connections."""
        self._threads.shutdown()
        self._finalizer()

    def _structured(self, turns: list[Message], schema: type[S], attempt: int) -> tuple[dict[str, Any], Usage]:
        """An answer asked for under `schema`, or plainly where the server knows no such request."""
        wanted = schema.model_json_schema()
        body: dict[str, Any] = {"max_tokens": self._max_answer_tokens}
        form = {"name": schema.__name__, "schema": wanted, "strict": is_strict(wanted)}
        formatted = body | {"response_format": {"type": "json_schema", "json_schema": form}}
        identity = [wanted, attempt]
        if self._formats:
            try:
                return self._exchange(turns, formatted, identity)
            except Rejected as error:
                if error.status not in (400, 422) or "response_format" not in str(error):
                    raise
                self._formats = False
        return self._exchange(turns, body, identity)

    def _repair(self, turns: list[Message], wrong: Unusable, schema: type[S]) -> list[Message]:
        if not wrong.content:
            return turns  # nothing to point at: ask the same again
        words = load("repair-answer").render(problem=str(wrong), schema=json.dumps(schema.model_json_schema()))
        shown = wrong.content[: self._max_answer_tokens * BYTES_PER_TOKEN]
        return [*turns, Message(role="assistant", content=shown), Message(role="user", content=words)]

    def _choose(self, prompt: str, options: Sequence[str]) -> Choice:
        body = {"max_tokens": 1, "logprobs": True, "top_logprobs": TOP_LOGPROBS}
        answer, usage = self._exchange([Message(role="user", content=prompt)], body, ["choose"])
        try:
            return Choice(read_probabilities(answer, options), usage)
        except Unusable as wrong:
            raise UselessAnswer(f"{self.url} cannot judge: {wrong}", usage) from wrong

    def _exchange(
        self, turns: Sequence[Message], fields: dict[str, Any], identity: list[Any]
    ) -> tuple[dict[str, Any], Usage]:
        """The server's answer and its cost, from the journal if it has been given before."""
        words = [{k: str(v).encode("utf-8", "replace").decode() for k, v in turn.items()} for turn in turns]
        body = {"model": self._model, "messages": words, "temperature": 0, **fields, **self._request}
        body = {name: value for name, value in body.items() if value is not None}
        asked = {k: v for k, v in body.items() if k != "response_format"}  # known by `identity`: a server may refuse it
        named = json.dumps([self.url, asked, identity], sort_keys=True)
        digest = hashlib.blake2b(named.encode(), digest_size=16).hexdigest()

        def ask() -> Answer:
            start = time.perf_counter()
            answer = self._transport.post(PATH, body, digest)
            seconds = time.perf_counter() - start
            return Answer(text=json.dumps(answer), usage=self._cost(answer, words, seconds))

        found = self._journal.call(digest, self.url, ask) if self._journal else ask()
        return json.loads(found.text), found.usage

    def _cost(self, answer: dict[str, Any], words: list[dict[str, str]], seconds: float) -> Usage:
        reported = answer.get("usage")
        reported = reported if isinstance(reported, dict) else {}
        tokens_in = _tokens(reported.get("prompt_tokens"), [turn["content"] for turn in words])
        tokens_out = _tokens(reported.get("completion_tokens"), [json.dumps(answer.get("choices"))])
        usd = (tokens_in * self._price.tokens_in + tokens_out * self._price.tokens_out) / 1e6
        return Usage(tokens_in=tokens_in, tokens_out=tokens_out, calls=1, seconds=seconds, usd=usd)


def _tokens(reported: Any, texts: Sequence[str]) -> int:
    if isinstance(reported, int) and 0 <= reported < 1 << 40:
        return reported
    return math.ceil(sum(len(text.encode("utf-8", "replace")) for text in texts) / BYTES_PER_TOKEN)


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
