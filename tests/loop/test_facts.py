"""What a run organises at L4: an index of verified facts that follows the ledger, and a writer that is shown them."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coevo.agents import citing, drafts
from coevo.loop.config import parse_config
from coevo.loop.context import RunContext, open_context
from coevo.loop.nodes import refine
from coevo.loop.nodes.posts import Post
from coevo.loop.progress import Progress
from coevo.loop.run_folder import RunFolder
from coevo.tiers.decision import Action, Decision
from coevo.tiers.index import open_index
from coevo.tiers.rows import decisions, rows_from_decisions
from coevo.tiers.tier import Tier

from ..agents.model_server import ModelServer, serving

pytest.importorskip("faiss")
SHOWN = re.compile(r"^\[([0-9a-f]{16})\] (.*)$", re.MULTILINE)


def quotes(said: str, form: str) -> Any:
    """Of every source a question, answered in the words of the first fact that is shown."""
    shown = SHOWN.findall(said)
    items = [{"question": "What else is known about this?", "answer": text} for _, text in shown[:1]]
    return {"items": items, "cites": [i for i, _ in shown[:1]]} if "`cites`" in said else {"items": items}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(quotes) as running:
        yield running


@pytest.fixture
def context(finished, server: ModelServer, tmp_path: Path) -> RunContext:  # type: ignore[no-untyped-def]
    """The small run, whose synthesizer is from now on a model that writes questions with answers."""
    root = tmp_path / "whole"
    shutil.copytree(finished.folder / "runs" / "whole", root, ignore=shutil.ignore_patterns("models"))
    folder = RunFolder(root)
    tree = folder.config().model_dump(mode="json")
    tree["agents"] |= {"synthesizer": server.url}
    tree["curation"] |= {"kinds": {d: {"qa": 1.0} for d in ("code", "en", "math")}, "synthesize": 120}
    return open_context(folder, parse_config(tree, "test"), Progress(quiet=True), threading.Event())


def written(context: RunContext, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> list[Decision]:
    """What the model on the server writes in a third round, of documents that rose in it."""
    post = Post(role="synthesizer", model=server.url, fit=True, reason="test")
    monkeypatch.setattr(refine, "post_of", lambda *_: post)
    raw = [d for domain in ("code", "en", "math") for d in context.store.documents(domain=domain, tier=1)["id"][:5]]
    up = [Decision(round=3, stage="select", agent="t", doc=d.as_py(), action=Action.PROMOTE, reason="r", tier=Tier.L2)
          for d in raw]  # fmt: skip
    context.store.commit(3, "select", rows_from_decisions(up))
    return decisions(refine.synthesize(context, 3, Path("no student")))


@pytest.mark.parametrize("paraphrase", [0.0, 0.14])
def test_what_a_writer_takes_from_a_benchmark_is_refused_before_it_is_held(
    context: RunContext, server: ModelServer, monkeypatch: pytest.MonkeyPatch, paraphrase: float
) -> None:
    suite = json.loads((context.folder.root / "scores" / "suite-hidden.json").read_text(encoding="utf-8"))
    items = [i["text"] for b in suite["benchmarks"] if b["kind"] == "bpb" for i in b["items"]]
    asked = next(text for text in items if len(text.split()) > 15)
    words = asked.split()
    said = " ".join(reversed([" ".join(words[n : n + 6]) for n in range(0, len(words), 6)])) if paraphrase else asked
    answer = {"items": [{"question": "What is it?", "answer": said}]}
    monkeypatch.setattr(server, "words", lambda said, _: answer | ({"cites": []} if "`cites`" in said else {}))
    monkeypatch.setattr(drafts, "fault", lambda *_: "")  # so that nothing but the benchmarks speaks against it
    tree = context.config.model_dump(mode="json") | {"decontaminate": {"paraphrase": paraphrase}}
    made = written(replace(context, config=parse_config(tree, "test")), server, monkeypatch)
    refused = [d for d in made if d.action is Action.REFUSE]
    kind = "rephrases benchmark text" if paraphrase else "overlaps benchmark text"
    assert refused and all(d.made is None and d.text is None for d in refused)
    assert any(d.reason.startswith(kind) for d in refused)
    context.store.commit(3, "synthesize", rows_from_decisions(made))
    assert not any(said in text for text in context.store.documents()["text"].to_pylist())


def test_every_fact_is_verified_and_stated_at_l4_and_goes_when_its_document_does(context: RunContext) -> None:
    facts = refine.index_facts(context).facts.to_pylist()
    held = {r["id"]: r for r in context.store.documents(tier=Tier.L4).to_pylist()}
    assert facts and all(f["verified"] and f["origins"] and {*f["documents"]} <= {*held} for f in facts)
    assert {d for f in facts for d in f["documents"]} == {*held}
    assert len({(f["domain"], f["text"].casefold()) for f in facts}) == len(facts)
    gone = facts[0]["documents"][0]
    down = Decision(round=3, stage="demote", agent="t", doc=gone, action=Action.DEMOTE, reason="r", tier=Tier.L3)
    context.store.commit(3, "demote", rows_from_decisions([down]))
    refine.index_facts(context)
    assert all(gone not in f["documents"] for f in open_index(context.folder.root).facts.to_pylist())


def test_a_writer_is_shown_facts_and_what_it_cites_is_a_parent(
    context: RunContext, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(citing, "RELATED", 0.0)  # so that a run as small as this one knows something of every matter
    made = written(context, server, monkeypatch)
    citations = [d for d in made if "cites" in d.evidence]
    assert citations and sum("`cites`" in said for _, said in server.said) >= len(citations)
    held = {*context.store.documents(tier=Tier.L4)["id"].to_pylist()}
    by_id = {f["id"]: f for f in open_index(context.folder.root).facts.to_pylist()}
    for d in citations:
        cites = d.evidence["cites"]
        assert isinstance(cites, list) and len(cites) == 1
        fact = by_id[cites[0].partition(" ")[0]]
        if d.action is Action.CREATE:
            assert d.sources == (d.doc, fact["documents"][0]) and d.sources[1] in held
            assert fact["text"][:80] in str(d.text)
    assert any(d.action is Action.CREATE for d in citations)
    context.store.commit(3, "synthesize", rows_from_decisions(made))
