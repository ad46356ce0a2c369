"""Prompt: one Markdown file with front matter, rendered strictly, with documents fenced so that they stay data."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Self

import yaml
from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, model_validator

_TEMPLATES = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
DEEPEST = 10
"""Levels of front matter."""
_QUESTION = "{{ question }}"


class PromptError(ValueError):
    """A prompt is absent or malformed, or was given too few or too many values."""


class Prompt(BaseModel):
    """What is said to a model for one purpose; `ref` names these exact words."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z]{2})?$")
    """The purpose, and for a variant in another language than English that language: `edit-program.zh`."""
    role: str
    """Which agent says it: scorer, editor, synthesizer, verifier, organizer, strategist; `any` for all."""
    version: int
    body: str
    rubric: str = ""
    """For a scorer's prompt: the rubric that it asks for, empty else."""
    kind: str = ""
    """For a synthesizer's prompt: the kind of document it makes, empty else."""
    domains: tuple[str, ...] = ()
    """Domains of the documents that it is meant for; empty: all."""
    languages: tuple[str, ...] = ()
    """Language of the documents that it is meant for, as its name says; empty: all that no variant is meant for."""
    answer: str = Field(default="", alias="schema")
    """Name of the type that an answer must have; empty where the model chooses among `options`."""
    options: tuple[str, ...] = ()
    """The words that the model chooses among: the first of two is the good one; several are numbers, a grade."""
    question: str = ""
    """What stands for `{{ question }}` in the body: the part of a rubric that is its own."""
    styles: dict[str, str] = {}
    """For a family of prompts: what stands for `{{ style }}` in the body, by the style's name."""
    limit: int = Field(default=6000, ge=3)
    """Most characters of one document that are shown; the middle of a longer one is left out."""
    parent: str = ""
    """`ref` of the prompt that this one was made from; empty for a first of its line."""
    origin: str = "built-in"
    """Who wrote it."""

    @model_validator(mode="after")
    def _options_can_be_told_apart(self) -> Self:
        said = [o.strip() for o in self.options]
        numbers = all(o.isdecimal() for o in said)
        if said and len(said) != 2 and not (numbers and len(said) > 2):
            raise ValueError(f"wanted two options or three and more numbers, got {', '.join(said)}")
        if any(a is not b and b.startswith(a) for a in said for b in said):
            raise ValueError(f"one option begins another, so a first token cannot tell them apart: {', '.join(said)}")
        return self

    @model_validator(mode="after")
    def _named_after_its_language(self) -> Self:
        _, _, language = self.name.partition(".")
        if self.languages != ((language,) if language else ()):
            raise ValueError(f"wanted languages [{language}] for the name {self.name}, got {list(self.languages)}")
        return self

    def __hash__(self) -> int:
        return hash((self.name, self.digest))

    @property
    def words(self) -> str:
        """The body with its question in place: all that is said but for values and documents."""
        return self.body.replace(_QUESTION, self.question) if self.question else self.body

    @property
    def digest(self) -> str:
        """12 hex digits of the words, the styles among them."""
        said = self.words + "".join(f"\0{name}\0{style}" for name, style in self.styles.items())
        return hashlib.blake2b(said.encode(), digest_size=6).hexdigest()

    @property
    def ref(self) -> str:
        """`name@digest`, as it stands in decisions."""
        return f"{self.name}@{self.digest}"

    @property
    def purpose(self) -> str:
        """The name without its language: variants of one purpose stand for one another."""
        return self.name.partition(".")[0]

    @property
    def variables(self) -> frozenset[str]:
        """Names that `render` wants values for."""
        return _compiled(self.words)[1]

    @property
    def worths(self) -> tuple[float, ...]:
        """What each option is worth, in [0, 1]: 1 and 0 of two, a grade's place between the least and the greatest."""
        if len(self.options) == 2:
            return (1.0, 0.0)
        grades = [int(o) for o in self.options]
        return tuple((g - min(grades)) / (max(grades) - min(grades)) for g in grades)

    def render(self, documents: Mapping[str, str] | None = None, *, style: str = "", **values: object) -> str:
        """The words to say: `values` are inserted as they are, `documents` capped and fenced.

        Args:
            documents: texts of others, by variable.
            style: one of `styles`, in a family of prompts.
            values: our own words and numbers, by variable.

        Raises:
            PromptError: a variable of the body has no value, a value no variable, or there is no such style.
        """
        given = {**values, **{name: fence(text, self.limit) for name, text in (documents or {}).items()}}
        if style or self.styles:
            if style not in self.styles:
                raise PromptError(f"prompt {self.name!r} has the styles {sorted(self.styles)}, not {style!r}")
            given["style"] = self.styles[style]
        if self.variables != set(given):
            raise PromptError(f"prompt {self.name!r} wants the values {sorted(self.variables)}, got {sorted(given)}")
        try:
            return _compiled(self.words)[0].render(given)
        except TemplateError as error:
            raise PromptError(f"prompt {self.name!r} cannot be rendered: {error}") from error


@lru_cache(maxsize=256)
def _compiled(words: str) -> tuple[Template, frozenset[str]]:
    """The template, and the names that it wants values for."""
    return _TEMPLATES.from_string(words), frozenset(meta.find_undeclared_variables(_TEMPLATES.parse(words)))


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


class _FrontMatter(yaml.SafeLoader):
    """Front matter is flat: no alias, few levels, short numbers."""

    levels = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.levels += 1
        if self.levels > DEEPEST or self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"front matter has no aliases and at most {DEEPEST} levels")
        node = super().compose_node(parent, index)
        self.levels -= 1
        return node


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
        fields = yaml.load(front, _FrontMatter)
        prompt = Prompt.model_validate({**fields, "body": body.strip()})
        _compiled(prompt.words)
    except (yaml.YAMLError, TemplateError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise PromptError(f"prompt {name!r} is malformed: {error}") from error
    if prompt.name != name:
        raise PromptError(f"prompt {name!r} calls itself {prompt.name!r}")
    return prompt


def write(prompt: Prompt) -> str:
    """The text of a file from which `parse` reads the same prompt."""
    fields = prompt.model_dump(mode="json", by_alias=True, exclude={"body"}, exclude_defaults=True)
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=10_000)}---\n{prompt.body}\n"
