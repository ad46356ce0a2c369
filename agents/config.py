"""AgentsConfig: which model answers for each role, and what it may cost."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from ..tiers.record import Record
from .backends import EngineConfig, open_chat
from .backends.url import parse_url
from .budget import Budget, Price
from .chat import Chat
from .journal import Journal

ROLES = ("scorer", "editor", "synthesizer", "verifier", "organizer", "strategist")


class AgentsConfig(Record):
    """A model URL for each role, how patiently models are called, their prices and the round's budget.

    `offline:` answers by rules without any model; `student:` is the evolving model itself, which only judges;
    `openai:MODEL@BASE_URL` is any server that speaks the OpenAI protocol, with its key in the environment variable
    OPENAI_API_KEY; `hf:MODEL[+ADAPTER]` and `vllm:MODEL[+ADAPTER]` are a model in this process, by transformers or by
    vLLM; `replay:JOURNAL` repeats what the models of a run answered. docs/models.md says more.
    """

    scorer: str = "offline:"
    editor: str = "offline:"
    synthesizer: str = "offline:"
    verifier: str = "offline:"
    organizer: str = "offline:"
    strategist: str = "offline:"

    second_verifier: str = ""
    """Another model that must agree wherever the verifier asks its own; empty: none."""

    prompts: str = ""
    """A folder of prompts that stand beside or in place of the built-in ones; copied into the run at its start."""
    takeover: tuple[Literal["scorer", "editor", "synthesizer", "verifier", "organizer"], ...] = ()
    """Roles that the newest accepted model takes over in a round in which it is at least as good on gold and exam."""

    concurrency: int = Field(default=8, ge=1, le=1024)
    """Calls in flight at once; to a server that answers 429 fewer, until it takes more again."""
    timeout_seconds: float = Field(default=120, gt=0)
    """Of one attempt, from the connection to the last byte of the answer; reaching the server may take 10 s of it."""
    retries: int = Field(default=4, ge=0, le=20)
    """Further attempts after a failure that may pass (429, 5xx, timeout, dropped connection), with doubling waits."""
    max_wait_seconds: float = Field(default=60, ge=0)
    """Longest wait that a server may ask for by Retry-After."""
    max_answer_tokens: int = Field(default=1024, ge=1)
    request: dict[str, JsonValue] = Field(default={})
    """Further fields of every request, for servers with wishes of their own; null takes one of ours away."""
    engine: EngineConfig = EngineConfig()
    """How `vllm:` lies in this machine's memory."""

    prices: dict[str, Price] = Field(default={})
    """By model name as in the URL; a model that is not listed costs nothing."""
    budget: Budget = Budget()
    """Of one round, over all roles."""

    @field_validator(*ROLES, "second_verifier")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if url:
            parse_url(url)
        return url

    @model_validator(mode="after")
    def _another(self) -> Self:
        if self.second_verifier and self.second_verifier in (self.verifier, "offline:"):
            raise ValueError(
                f"agents.second_verifier: wanted another model than {self.verifier}, or none, to agree with it"
            )
        return self

    @model_validator(mode="after")
    def _priced(self) -> Self:
        named = [*(getattr(self, role) for role in ROLES), self.second_verifier or "offline:"]
        urls = [parse_url(url) for url in named]
        models = {url.model for url in urls if url.scheme == "openai"} - set(self.prices)
        if self.budget.max_usd is not None and models:
            raise ValueError(
                f"agents.budget.max_usd is set, but agents.prices has no price of {sorted(models)[0]!r}; "
                "give tokens_in and tokens_out in USD per million tokens (0 for a server of your own)"
            )
        return self

    def open(
        self,
        role: str,
        *,
        journal: Journal | None = None,
        student_path: Path | None = None,
        url: str | None = None,
    ) -> Chat:
        """The model that answers for `role`, or the one at `url`, called as configured here.

        Raises:
            InputError: a folder or a journal that the URL needs is not there, or vLLM is not installed.
        """
        wanted: str = url or getattr(self, role)
        return open_chat(
            wanted,
            student_path=student_path,
            journal=journal,
            timeout_seconds=self.timeout_seconds,
            retries=self.retries,
            max_wait_seconds=self.max_wait_seconds,
            concurrency=self.concurrency,
            max_answer_tokens=self.max_answer_tokens,
            request=self.request,
            engine=self.engine,
            price=self.prices.get(parse_url(wanted).model),
        )
