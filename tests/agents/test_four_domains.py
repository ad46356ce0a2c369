"""Every role on English, Chinese, mathematics and code, against a real server that answers at times badly."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from coevo.agents import pool
from coevo.agents.agent import Agent
from coevo.agents.audit import Audit
from coevo.agents.backends import open_chat
from coevo.agents.chat import Chat
from coevo.agents.editor import Editor
from coevo.agents.faithful import flat
from coevo.agents.novelty import copied, without_repeats
from coevo.agents.organizer import Organizer
from coevo.agents.scorer import Scorer
from coevo.agents.synthesizer import Synthesizer
from coevo.agents.verifier import Verifier
from coevo.agents.words import numbers
from coevo.prompts import built_in
from coevo.tiers.decision import Action, Decision
from coevo.tiers.document import Document, document_id
from coevo.tiers.tier import Tier

from . import scribe
from .model_server import serving

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "l0"
DOMAINS = ("code", "en", "math", "zh")
EACH = 12


def real_documents(domain: str) -> list[Document]:
    """Some texts of each of several sources."""
    found: list[Document] = []
    for file in sorted((DATA / domain).glob("*.jsonl.gz"))[::2]:
        with gzip.open(file, "rt", encoding="utf-8") as rows:
            texts = [
                (r.get("path", ""), r["text"]) for r in map(json.loads, rows) if 400 < len(r.get("text", "")) < 9_000
            ]
        for path, text in texts[:2]:
            source = f"{file.stem}:{path}"
            found.append(Document(id=document_id(text, source), text=text, domain=domain, tier=Tier.L2, source=source))
    return found[:EACH]


def made_of(decisions: list[Decision]) -> list[Document]:
    return [
        Document(id=d.made, text=d.text, domain=d.domain, tier=Tier.L3, source=d.source, kind=d.kind, parents=d.sources)
        for d in decisions
        if d.made is not None and d.text is not None
    ]


def decide(role: Agent, documents: list[Document]) -> list[Decision]:
    """Decisions about all documents; each is accounted for, says who decided and by which words, and costs once."""
    decided = pool.run(role, documents, concurrency=4)
    assert {d.id for d in documents} == {d.doc for d in decided}
    for d in decided:
        assert d.reason and d.model.startswith("openai:m@") and d.agent == role.role
        assert d.action is not Action.NONE or d.made is None
        assert bool(d.error) == (d.reason == "no useful answer"), d
        assert len(d.reason) < 1_000 and "\n" not in d.reason.strip()
        Decision.model_validate_json(d.model_dump_json())
    return decided


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"wants real texts in {DATA}")
@pytest.mark.parametrize("domain", DOMAINS)
def test_every_role_on_real_text(domain: str) -> None:
    documents = real_documents(domain)
    sources = {d.id: d for d in documents}
    with serving(scribe.words) as server:
        chat: Chat = open_chat(server.url, retries=0, concurrency=4)
        scored = decide(Scorer(chat, round=1, audit=Audit(0.5)), documents)
        edited = decide(Editor(chat, round=1), documents)
        written = without_repeats(decide(Synthesizer(chat, round=1, seed=1, wanted={}), documents))
        made = made_of([*edited, *written])
        verified = decide(Verifier(chat, round=1, sources=sources), made)
        good = {d.doc for d in verified if d.action is Action.VERIFY}
        organizer = Organizer(chat, round=1)
        organized = organizer.settled(decide(organizer, [d for d in made if d.id in good]))
        calls = sum(d.usage.calls for d in (*scored, *edited, *written, *verified, *organized))
        assert calls == len(server.said)  # every call is charged to exactly one decision
    assert {d.action for d in scored} == {Action.SCORE} and all(len(d.scores) == 4 for d in scored)
    language = "score-clarity.zh@" if domain == "zh" else "score-clarity@"
    assert all(str(d.evidence["clarity"]).startswith(language) for d in scored)
    _audits_are_told(scored, sources)
    _texts_are_grounded(written, sources)
    assert len(good) >= 3 and Counter(d.action for d in written)[Action.CREATE] >= 4
    for d in organized:
        quotes = d.evidence.get("quotes", [])
        assert isinstance(quotes, list) and all(flat(q) in flat(_text(made, d.doc)) for q in quotes)
        assert "cheese" not in str(d.evidence.get("facts"))


def _text(documents: list[Document], wanted: str) -> str:
    return next(d.text for d in documents if d.id == wanted)


def _audits_are_told(scored: list[Decision], sources: dict[str, Document]) -> None:
    audited = [d for d in scored if "audit" in d.evidence]
    assert 1 <= len(audited) < len(scored) and all("; audit of " in d.reason for d in audited)
    for d in audited:
        said, quote = str(d.evidence["audit"]), d.evidence.get("audit_quote")
        if said.startswith("agrees"):
            assert isinstance(quote, str) and flat(quote) in flat(sources[d.doc].text)
        elif quote == "a quote that nobody wrote":
            assert said == "the quote is not in the document"


def _texts_are_grounded(written: list[Decision], sources: dict[str, Document]) -> None:
    for d in written:
        if d.action is not Action.CREATE or d.kind not in ("qa", "dialogue", "rewrite"):
            continue
        assert d.text and d.evidence["style"] in built_in().get(f"synthesize-{d.kind}", d.domain).styles
        source = sources[d.doc]
        assert not set(numbers(d.text)) - set(numbers(f"{source.source} {source.text}"))
        assert copied(d.text, source.text) < 0.85 and "réponse" not in d.text and "According to" not in d.text
