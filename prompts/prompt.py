"""Prompt: one Markdown file with front matter, rendered strictly, with documents fenced so that they stay data."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER = Path(__file__).parent
_TEMPLATES = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)


class PromptError(ValueError):
    """A prompt is absent or malformed, or was given too few or too many values."""


class Prompt(BaseModel):
    """What is said to a model for one purpose; `ref` names these exact words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: str
    """Which agent says it: scorer, editor, synthesizer, verifier, organizer, strategist."""
    version: int
    body: str
    rubric: str = ""
    """For a scorer's prompt: the rubric that it asks for, empty else."""
    kind: str = ""
    """For a synthesizer's prompt: the kind of document it makes, empty else."""
    domains: tuple[str, ...] = ("code", "en", "math")
    limit: int = 6000
    """Most characters of one document that are shown; the middle of a longer one is left out."""

    @property
    def digest(self) -> str:
        """12 hex digits of the body."""
        return hashlib.blake2b(self.body.encode(), digest_size=6).hexdigest()

    @property
    def ref(self) -> str:
        """`name@digest`, as it stands in decisions."""
        return f"{self.name}@{self.digest}"

    def render(self, documents: Mapping[str, str] | None = None, **values: object) -> str:
        """The words to say: `values` are inserted as they are, `documents` capped and fenced.

        Raises:
            PromptError: a variable of the body has no value, or a value no variable.
        """
        fenced = {name: fence(text, self.limit) for name, text in (documents or {}).items()}
        given = {**values, **fenced}
        wanted = meta.find_undeclared_variables(_TEMPLATES.parse(self.body))
        if wanted != set(given):
            raise PromptError(f"prompt {self.name!r} wants the values {sorted(wanted)}, got {sorted(given)}")
        try:
            return _TEMPLATES.from_string(self.body).render(given)
        except TemplateError as error:
            raise PromptError(f"prompt {self.name!r} cannot be rendered: {error}") from error


def cap(text: str, limit: int) -> str:
    """`text`, or its first two thirds and last third of `limit` characters with a note of what lies between."""
    if len(text) <= limit:
        return text
    head, tail = limit - limit // 3, limit // 3
    return f"{text[:head]}\n[... {len(text) - limit} characters left out ...]\n{text[len(text) - tail :]}"


def fence(text: str, limit: int) -> str:
    """`text`, capped, between two marks which it cannot contain: they hold a digest of the text itself."""
    shown = cap(text.encode("utf-8", "replace").decode(), limit)
    mark = hashlib.blake2b(shown.encode(), digest_size=6).hexdigest()
    while mark in shown:
        mark = hashlib.blake2b(mark.encode(), digest_size=6).hexdigest()
    return f"<document {mark}>\n{shown}\n</document {mark}>"


@cache
def load(name: str) -> Prompt:
    """The prompt in `prompts/<name>.md`.

    Raises:
        PromptError: there is none of this name, or its front matter or template is wrong.
    """
    path = FOLDER / f"{name}.md"
    if name not in names():
        raise PromptError(f"no prompt {name!r}; there are: {', '.join(names())}")
    return parse(path.read_text(encoding="utf-8"), name)


def parse(text: str, name: str) -> Prompt:
    """The prompt written in `text`: YAML between two `---` lines, then the body.

    Raises:
        PromptError: no front matter, an unknown or missing field, another name than the file's, a broken template.
    """
    opening, _, rest = text.partition("---\n")
    front, closing, body = rest.partition("\n---\n")
    if opening.strip() or not closing:
        raise PromptError(f"prompt {name!r} has no front matter between two lines of ---")
    try:
        fields = yaml.safe_load(front)
        prompt = Prompt.model_validate({**fields, "body": body.strip()})
        _TEMPLATES.parse(prompt.body)
    except (yaml.YAMLError, TypeError, ValidationError, TemplateError) as error:
        raise PromptError(f"prompt {name!r} is malformed: {error}") from error
    if prompt.name != name:
        raise PromptError(f"prompt {name!r} calls itself {prompt.name!r}")
    return prompt


@cache
def names() -> tuple[str, ...]:
    """All prompts' names, sorted."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.md")))


def of_role(role: str) -> list[Prompt]:
    """All prompts of one role, by name."""
    return [p for p in map(load, names()) if p.role == role]
