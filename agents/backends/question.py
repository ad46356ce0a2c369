"""Question: what a model is asked, and under which name its answer is recorded."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from pydantic import BaseModel

from ..chat import Message


@dataclass(frozen=True)
class Question:
    """One call: turns to be answered in the form of a schema, or a prompt to be continued by one of some options."""

    turns: tuple[Message, ...]
    form: str = ""
    """Name of the schema."""
    schema: dict[str, Any] = field(default_factory=dict)
    attempt: int = 0
    """1 when a wrong answer was sent back: the same turns may be asked again after an empty one."""
    options: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Names the question, whoever is asked: 32 hex digits."""
        return digest([self.turns, self.schema, self.attempt, self.options])

    def key(self, url: str, settings: Any) -> str:
        """Names the answer of one model under some settings."""
        return digest([url, settings, self.digest])


def digest(value: Any) -> str:
    """Of anything that JSON can hold."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def to_write(turns: Sequence[Message], schema: type[BaseModel], attempt: int) -> Question:
    """Asks for an answer in the form of `schema`."""
    return Question(_sound(turns), schema.__name__, _as_json_schema(schema), attempt)


def to_choose(prompt: str, options: Sequence[str]) -> Question:
    """Asks which of `options` continues `prompt`."""
    return Question(_sound([Message(role="user", content=prompt)]), options=tuple(options))


@lru_cache(maxsize=64)
def _as_json_schema(schema: type[BaseModel]) -> dict[str, Any]:
    return schema.model_json_schema()  # a fifth of a call's own time, and always the same


def _sound(turns: Sequence[Message]) -> tuple[Message, ...]:
    """Turns without lone surrogates, which neither JSON as UTF-8 nor a tokenizer takes."""
    return tuple(Message(role=t["role"], content=t["content"].encode("utf-8", "replace").decode()) for t in turns)
