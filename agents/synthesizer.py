"""Synthesizer (L2 -> L3): writes new documents from held ones, by rules or by a model, always naming its sources."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..prompts import Prompt, PromptSet
from ..tiers.decision import Action, Decision, Usage
from ..tiers.document import Document, document_id
from ..tiers.errors import InputError
from ..tiers.index import Hit, Retriever
from ..tiers.tier import Tier
from . import arithmetic, drafts, repair
from .agent import Agent
from .chat import Chat, writable
from .citing import SHOWN, cited, grounds, related
from .kinds import BY_MODEL, BY_RULES, KINDS, RULED
from .makers import MAKERS
from .writing import Writing, write

MAX_ATTEMPTS = 8
"""How often the rules try for each document that is wanted, before they make fewer."""


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
        kinds: Mapping[str, Mapping[str, float]] | None = None,
        retriever: Retriever | None = None,
        facts: int = SHOWN,
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
            kinds: by domain, shares of the kinds to make; of a domain that is not named the usual ones.
            retriever: who knows verified facts, which a model is shown where a source is told anew (rules use none).
            facts: how many of them at most.
            prompts: those of the run; without them the built-in ones.

        Raises:
            InputError: a kind is not known, or needs a model and there is none.
        """
        super().__init__(chat, round=round, prompts=prompts)
        self.kinds = {**(BY_RULES if self.offline else BY_MODEL), **(kinds or {})}
        known = RULED if self.offline else tuple(KINDS)
        strange = [(d, k) for d, shares in (kinds or {}).items() for k in shares if k not in known]
        if strange:
            whose = "rules write" if self.offline else "a model writes"
            raise InputError(f"kinds of {strange[0][0]}: {whose} no {strange[0][1]!r}, only {', '.join(known)}")
        self.seed = seed
        self.wanted = dict(wanted)
        self.reserved = reserved
        self.held = frozenset(held)
        self.per_document = per_document
        self.retriever, self.facts = retriever, facts
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
            shares = self.shares(domain)
            # Scarce kinds first; the last one, without limit, fills up what the others left.
            for kind, share in sorted(shares.items(), key=lambda item: RULED.index(item[0])):
                last = kind == max(shares, key=RULED.index)
                count = left if last else min(left, round(self.wanted[domain] * share))
                for decision in self._made(kind, own, count, seen):
                    left -= 1
                    yield decision

    def _made(self, kind: str, documents: list[Document], count: int, seen: set[str]) -> Iterator[Decision]:
        """Up to `count` documents of one kind, going round the sources."""
        makers = [(d, m) for d in documents if (m := MAKERS[kind](d, self.reserved)) is not None]
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

    def shares(self, domain: str) -> Mapping[str, float]:
        """Which kinds are made from documents of `domain`, and in which shares."""
        return self.kinds.get(domain) or {"qa": 1.0}

    def prompt_for(self, document: Document) -> Prompt:
        """Which of the synthesizer's prompts is used on `document`: drawn by the kinds' shares.

        A repair is only for a document that is damaged in its form.
        """
        shares = dict(self.shares(document.domain))
        if len(shares) > 1 and "repair" in shares and not repair.damage(document.text):
            del shares["repair"]
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
        styles = list(prompt.styles)
        style = styles[self._rank("style", document.id) % len(styles)] if styles else ""
        seed = self._rank("prompt", document.id) % 10_000
        facts = self._facts(document, prompt)
        written = write(self, document, prompt, style=style, seed=seed, count=self.per_document, facts=facts)
        left_out: list[str] = list(written.left_out)
        kept: list[tuple[str, list[Hit]]] = []
        for text in dict.fromkeys(map(writable, written.texts)):
            used, wrong = cited(written.cites, facts, text)
            fault = self._fault(grounds(document, used), prompt, text)
            left_out += [*wrong, fault] if fault else wrong
            kept += [] if fault else [(text, used)]
        told = {"style": written.style, "rests_on": written.rests_on, "facts": written.offered, "left_out": left_out}
        for text, used in kept:
            source = f"synth:{prompt.ref}"
            made.append(self._created(document, prompt.kind, text, source, written, told, used))
            written.tally.usage, told["left_out"] = Usage(), []  # one answer, counted and told once
        why = "; ".join(dict.fromkeys(left_out)) or "the model found nothing to write"
        reason = f"no {written.name} made from {document.source}: {why}"
        return self.nothing(document, reason, prompt=prompt, usage=written.tally.usage)

    def _facts(self, document: Document, prompt: Prompt) -> tuple[Hit, ...]:
        """Verified facts that belong to a document, for a text that says only what it rests on."""
        return related(self.retriever, document, self.facts) if KINDS[prompt.kind].stated else ()

    def _fault(self, document: Document, prompt: Prompt, text: str) -> str:
        """Why a text is not proposed, in words; empty where it is."""
        fault = drafts.fault(prompt.kind, text, document)
        if fault:
            return fault
        if self._asked_by_a_benchmark(text):
            return "a benchmark asks it"
        return "it is held already" if document_id(text, f"synth:{prompt.ref}") in self.held else ""

    def _created(
        self,
        document: Document,
        kind: str,
        text: str,
        source: str,
        written: Writing | None = None,
        told: Mapping[str, Any] | None = None,
        used: Sequence[Hit] = (),
    ) -> Decision:
        text = writable(text)
        more = {name: value for name, value in (told or {}).items() if value}
        if used:
            more["cites"] = [f"{h.id} {h.text[:300]}" for h in used]
        return self.decision(
            document,
            Action.CREATE,
            f"{written.name if written else kind} made from {document.source}",
            tier=Tier.L3,
            made=document_id(text, source),
            text=text,
            kind=kind,
            source=source,
            sources=tuple(dict.fromkeys([document.id, *(h.documents[0] for h in used)])),
            evidence={"seed": self.seed, "chars": len(text), **more},
            prompt=written.prompt if written else None,
            usage=written.tally.usage if written else Usage(),
        )
