"""Synthesizer (L2 -> L3): writes new documents from held ones, by rules or by a model, always naming its sources."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np
from pydantic import Field

from ..prompts import Prompt, PromptSet
from ..tiers.decision import Action, Decision, Usage
from ..tiers.document import Document, document_id
from ..tiers.record import Record
from ..tiers.tier import Tier
from . import arithmetic, exercise, predict, questions, symbolic
from .agent import Agent, writable
from .chat import Chat

KINDS: dict[str, dict[str, float]] = {
    "math": {"arithmetic": 0.55, "symbolic": 0.3, "qa": 0.15},
    "code": {"predict": 0.5, "qa": 0.5},
    "en": {"qa": 1.0},
}
"""What is made for each domain, and in which shares; where a kind runs out, the others of its domain fill up."""
MAX_ATTEMPTS = 8
"""How often the rules try for each document that is wanted, before they make fewer."""
MAX_CHARS = 8_000


class Item(Record):
    """One question with its answer, as a model writes it."""

    question: str = Field(min_length=5, max_length=4_000)
    answer: str = Field(min_length=1, max_length=4_000)


class Items(Record):
    """A synthesizer's answer."""

    items: tuple[Item, ...] = Field(max_length=20)


class Synthesizer(Agent):
    """Proposes CREATE, with the text, its kind and the ids of the documents it was made from."""

    role = "synthesizer"
    stage = "synthesize"
    rule = "rule:synthesis"

    def __init__(
        self,
        chat: Chat,
        *,
        round: int,  # noqa: A002
        seed: int,
        wanted: Mapping[str, int],
        reserved: arithmetic.Reserved | None = None,
        held: Collection[str] = (),
        per_document: int = 2,
        prompts: PromptSet | None = None,
    ) -> None:
        """What is wanted, and what must not be made.

        Args:
            chat: the model.
            round: the round.
            seed: decides sources, numbers and phrasing.
            wanted: by domain, how many documents the rules make at most (a model makes `per_document`).
            reserved: problems that benchmarks ask.
            held: ids of documents that are there already, so that no round makes one again.
            per_document: how many items a model is asked for.
            prompts: those of the run; without them the built-in ones.
        """
        super().__init__(chat, round=round, prompts=prompts)
        self.seed = seed
        self.wanted = dict(wanted)
        self.reserved = reserved
        self.held = frozenset(held)
        self.per_document = per_document
        if self.offline:
            self.batch_size = 1 << 30

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """CREATE decisions; a model that makes nothing of a document gives a NONE for it."""
        if self.offline:
            return list(self._by_rules(documents))
        return [decision for document in documents for decision in self._by_model(document)]

    # ---- rules

    def _by_rules(self, documents: Sequence[Document]) -> Iterator[Decision]:
        seen = set(self.held)
        for domain in sorted(self.wanted):
            own = sorted((d for d in documents if d.domain == domain), key=lambda d: self._rank("order", d.id))
            left = self.wanted[domain]
            shares = KINDS.get(domain, {"qa": 1.0})
            # Scarce kinds first; the last one, without limit, fills up what the others left.
            for kind, share in sorted(shares.items(), key=lambda item: _SCARCE.index(item[0])):
                last = kind == max(shares, key=_SCARCE.index)
                count = left if last else min(left, round(self.wanted[domain] * share))
                for decision in self._made(kind, own, count, seen):
                    left -= 1
                    yield decision

    def _made(self, kind: str, documents: list[Document], count: int, seen: set[str]) -> Iterator[Decision]:
        """Up to `count` documents of one kind, going round the sources."""
        makers = [(d, m) for d in documents if (m := _SOURCES[kind](d, self.reserved)) is not None]
        turn, attempts = 0, MAX_ATTEMPTS * count + len(makers)
        while makers:
            fruitful = []
            for document, make in makers:
                if count <= 0 or attempts <= 0:
                    return
                attempts -= 1
                made = make(np.random.Generator(np.random.PCG64(self._rank(kind, document.id, str(turn)))))
                if made is None or self._asked_by_a_benchmark(made):
                    if made is not None or kind in ("arithmetic", "symbolic"):
                        fruitful.append((document, make))
                    continue
                decision = self._created(document, kind, made, f"synth:{self.rule}")
                if decision.made not in seen:
                    seen.add(str(decision.made))
                    fruitful.append((document, make))
                    count -= 1
                    yield decision
            makers, turn = fruitful, turn + 1

    def _asked_by_a_benchmark(self, text: str) -> bool:
        if self.reserved is None:
            return False
        problems = re.findall(r"(?<![\d.])(?=(\d{1,9}) ([-+*/]) (\d{1,9}))", text)
        # Sums with an operand below ten are steps of written methods, and never asked alone.
        return any(self.reserved(int(a), op, int(b)) for a, op, b in problems if op == "*" or min(int(a), int(b)) >= 10)

    def _rank(self, *parts: str) -> int:
        """64 bits from the seed, the round and `parts`."""
        named = "\0".join((str(self.seed), str(self.round), *parts))
        return int.from_bytes(hashlib.blake2b(named.encode(), digest_size=8).digest(), "big")

    # ---- model

    def prompt_for(self, document: Document) -> Prompt:
        """Which of the synthesizer's prompts is used on `document`: drawn by the kinds' shares."""
        shares = KINDS.get(document.domain, {"qa": 1.0})
        by_kind = {p.kind: p for p in self.prompts.of_role(self.role, document.domain)}
        at = self._rank("kind", document.id) / 2**64 * sum(shares.values())
        for kind, share in shares.items():
            at -= share
            if at < 0:
                return by_kind[kind]
        return by_kind[next(iter(shares))]

    def _by_model(self, document: Document) -> list[Decision]:
        made: list[Decision] = []
        first = self.attempt(document, lambda: self._ask(document, made))
        return made or [first]

    def _ask(self, document: Document, made: list[Decision]) -> Decision:
        """Fills `made`; what it returns counts only when nothing was made."""
        prompt = self.prompt_for(document)
        number = self._rank("prompt", document.id) % 10_000
        answer = self.ask(prompt, Items, {"document": document.text}, count=self.per_document, seed=number)
        usage = answer.usage
        for text in dict.fromkeys(_texts(prompt.kind, answer.value.items[: self.per_document])):
            if len(text) > MAX_CHARS or self._asked_by_a_benchmark(text):
                continue
            decision = self._created(document, prompt.kind, text, f"synth:{prompt.ref}", prompt=prompt, usage=usage)
            if decision.made not in self.held:
                made.append(decision)
                usage = Usage()  # one call, counted once
        return self.nothing(document, "nothing was made of this document", prompt=prompt, usage=usage)

    def _created(
        self,
        document: Document,
        kind: str,
        text: str,
        source: str,
        prompt: Prompt | None = None,
        usage: Usage | None = None,
    ) -> Decision:
        text = writable(text)
        return self.decision(
            document,
            Action.CREATE,
            f"{kind} made from {document.source}",
            tier=Tier.L3,
            made=document_id(text, source),
            text=text,
            kind=kind,
            source=source,
            sources=(document.id,),
            evidence={"seed": self.seed, "chars": len(text)},
            prompt=prompt,
            usage=usage or Usage(),
        )


_SCARCE = ["predict", "symbolic", "qa", "arithmetic"]
"""Kinds from those that a corpus has little material for to those without end."""

Maker = Callable[[np.random.Generator], str | None]


def _arithmetic(document: Document, reserved: arithmetic.Reserved | None) -> Maker | None:
    numbers = arithmetic.pool(document.text)
    if len(numbers.numbers) < 4:
        return None

    def make(rng: np.random.Generator) -> str | None:
        if rng.random() < 0.25:
            return arithmetic.drill(numbers, rng, reserved)
        made = arithmetic.exercise(numbers, rng)
        return exercise.write(made, rng) if made else None

    return make


def _symbolic(document: Document, _: object) -> Maker | None:
    numbers = arithmetic.pool(document.text)
    if len(numbers.numbers) < 4:
        return None

    def make(rng: np.random.Generator) -> str | None:
        made = symbolic.exercise(numbers, rng)
        return exercise.write(made, rng) if made else None

    return make


def _predict(document: Document, _: object) -> Maker | None:
    functions = predict.functions(document.text)
    words = predict.words_of(document.text)
    if not functions:
        return None

    def make(rng: np.random.Generator) -> str | None:
        function = functions[int(rng.integers(len(functions)))]
        made = predict.calls(function, words, rng)
        return predict.write(made, rng) if made else None

    return make


def _qa(document: Document, _: object) -> Maker | None:
    def make(rng: np.random.Generator) -> str | None:
        pairs = questions.pairs_of(document, rng)
        return questions.write(pairs, rng) if pairs else None

    return make


_SOURCES: dict[str, Callable[[Document, arithmetic.Reserved | None], Maker | None]] = {
    "arithmetic": _arithmetic,
    "symbolic": _symbolic,
    "predict": _predict,
    "qa": _qa,
}


def _texts(kind: str, items: Sequence[Item]) -> Iterator[str]:
    """The documents that a model's items make: all pairs in one for `qa`, one a problem else."""
    if kind == "qa":
        if items:
            yield "\n\n".join(f"Question: {i.question.strip()}\nAnswer: {i.answer.strip()}" for i in items) + "\n"
        return
    opened = "Question: {}\n{}\n" if kind == "predict" else "Question: {}\nSolution: {}\n"
    yield from (opened.format(i.question.strip(), i.answer.strip()) for i in items)
