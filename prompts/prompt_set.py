"""PromptSet: the prompts of a run by name, the built-in ones and those that stand beside or in place of them."""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from .prompt import Prompt, PromptError, parse

FOLDER = Path(__file__).parent


class PromptSet:
    """Prompts by name; agents receive one, by default the built-in.

    The one rule of languages: a document is spoken about in Chinese when its domain is `zh`, else in English, and of
    the variants of one purpose (`edit-program`, `edit-program.zh`) the one meant for that language is taken, or else
    the one meant for all.
    """

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        """Of several of one name the last counts."""
        self._by_name = {p.name: p for p in prompts}

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self._by_name[name] for name in sorted(self._by_name))

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def get(self, purpose: str, domain: str = "") -> Prompt:
        """The prompt for one purpose, in the variant for documents of `domain`.

        Raises:
            PromptError: there is none.
        """
        variant = f"{purpose}.{language_of(domain)}"
        found = self._by_name.get(variant) or self._by_name.get(purpose)
        if found is None:
            raise PromptError(f"no prompt {purpose!r}; there are: {', '.join(sorted(self._by_name))}")
        return found

    def of_role(self, role: str, domain: str = "") -> list[Prompt]:
        """One prompt for each of a role's purposes that suits documents of `domain`, by purpose."""
        purposes = sorted({p.purpose for p in self if p.role == role})
        found = [self.get(purpose, domain) for purpose in purposes]
        return [p for p in found if not domain or not p.domains or domain in p.domains]

    def extended(self, prompts: Iterable[Prompt]) -> "PromptSet":
        """This set with `prompts` added; one of a name that is there stands in its place.

        Raises:
            PromptError: one does not do what the prompt in whose place it stands does.
        """
        more = list(prompts)
        for prompt in more:
            if prompt.name in self._by_name:
                _fits(prompt, self._by_name[prompt.name])
            elif prompt.role == "scorer":
                _judges(prompt)
        return PromptSet([*self, *more])

    def read(self, folder: Path) -> "PromptSet":
        """This set extended by all prompts in `folder/*.md`; of a folder that is not there by none.

        Raises:
            PromptError: one is malformed, or does not fit.
        """
        return self.extended(parse(p.read_text(encoding="utf-8"), p.stem) for p in sorted(folder.glob("*.md")))


def language_of(domain: str) -> str:
    """The language in which documents of `domain` are spoken about."""
    return "zh" if domain == "zh" else "en"


def _fits(prompt: Prompt, held: Prompt) -> None:
    for field in ("role", "rubric", "kind", "answer", "variables"):
        old, new = getattr(held, field), getattr(prompt, field)
        if old != new:
            told = [sorted(v) if isinstance(v, frozenset) else v for v in (old, new)]
            raise PromptError(f"prompt {prompt.name!r} in place of {held.ref}: wanted {field} {told[0]}, got {told[1]}")


def _judges(prompt: Prompt) -> None:
    if not prompt.rubric or not prompt.options or prompt.variables != {"document"}:
        raise PromptError(
            f"prompt {prompt.name!r} of a scorer: wanted a rubric, options and only {{{{ document }}}} as variable, "
            f"got rubric {prompt.rubric!r}, options {list(prompt.options)}, variables {sorted(prompt.variables)}"
        )


@cache
def built_in() -> PromptSet:
    """The prompts in this folder."""
    return PromptSet(parse(p.read_text(encoding="utf-8"), p.stem) for p in sorted(FOLDER.glob("*.md")))


def load(name: str) -> Prompt:
    """The built-in prompt `name`.

    Raises:
        PromptError: there is none.
    """
    return built_in().get(name)
