"""What the gate of L4 is shown is what was measured: the votes of the ledger, scores, and benchmark text looked for."""

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from coevo.agents.finding import votes_of
from coevo.loop.context import RunContext, open_context
from coevo.loop.nodes.refine import gated, scores_given, votes_cast
from coevo.loop.nodes.suites import benchmark_items
from coevo.loop.progress import Progress
from coevo.loop.run_folder import RunFolder
from coevo.tiers.decision import Action, Decision
from coevo.tiers.document import Document, document_id
from coevo.tiers.rows import rows_from_decisions
from coevo.tiers.tier import Tier
from tests.loop.conftest import Cli


@pytest.fixture
def context(finished: Cli, tmp_path: Path) -> RunContext:
    """A finished run, opened to go on."""
    folder = RunFolder(shutil.copytree(finished.folder / "runs" / "whole", tmp_path / "whole"))
    return open_context(folder, folder.config(), Progress(quiet=True), threading.Event())


def told(document: Document, step: str, action: Action, **more: Any) -> Decision:
    return Decision(
        round=3, stage=step, agent="rule:x", doc=document.id, action=action, reason="because", domain="math",
        **{"tier": None, **more},
    )  # fmt: skip


def written(text: str) -> Document:
    return Document(id=document_id(text, "s"), text=text, domain="math", tier=Tier.L3, source="s")


@pytest.mark.parametrize(
    ("votes", "action"),
    [
        ("3/3", Action.PROMOTE),
        ("2/3", Action.PROMOTE),
        ("1/2", Action.REFUSE),
        ("0/1", Action.REFUSE),
        ("", Action.REFUSE),
    ],
)
def test_the_votes_are_those_of_the_verification(context: RunContext, votes: str, action: Action) -> None:
    document = written("What is 7 times 8? It is 56, as everybody who counts knows.")
    if votes:
        verified = told(document, "verify", Action.VERIFY, evidence={"votes": votes})
        context.store.commit(3, "verify", rows_from_decisions([verified]), None)
    (word,) = gated(context, 3, [told(document, "organize", Action.PROMOTE, tier=Tier.L4)], {document.id: document})
    assert word.action is action
    yes, asked = (int(n) for n in (votes or "0/0").split("/"))
    assert (word.evidence["votes_for"], word.evidence["votes"]) == (yes, asked)
    assert (word.evidence["overlap"], word.evidence["decontaminated"]) == ("", True)


def test_a_document_that_quotes_a_benchmark_is_refused_with_the_quotation(context: RunContext) -> None:
    item = max(benchmark_items(context), key=lambda i: len(set(i.text.split()))).text
    document = written(f"A remark of my own before it. {item} And one after it.")
    verified = told(document, "verify", Action.VERIFY, evidence={"votes": "1/1"})
    context.store.commit(3, "verify", rows_from_decisions([verified]), None)
    (word,) = gated(context, 3, [told(document, "organize", Action.PROMOTE, tier=Tier.L4)], {document.id: document})
    assert word.action is Action.REFUSE
    assert word.evidence["decontaminated"] is False
    assert str(word.evidence["overlap"]).startswith("overlaps benchmark text")


def test_the_rows_of_a_run_say_what_was_measured(context: RunContext) -> None:
    rows = context.store.ledger.read(step="organize").to_pylist()
    risen = [r for r in rows if r["action"] == "promote"]
    assert risen
    documents = [written("x").model_copy(update={"id": r["doc"]}) for r in risen]
    cast = votes_cast(context, documents)
    for row in risen:
        evidence = json.loads(row["evidence"])
        assert evidence["votes"] == len(cast[row["doc"]]) > 0
        assert evidence["overlap"] == ""
    selected = [json.loads(r["evidence"]) for r in context.store.ledger.read(step="select").to_pylist()]
    assert all(0 <= e["score"] <= 1 for e in selected if e["score"] is not None) and any(e["score"] for e in selected)


def test_a_written_document_has_the_score_of_its_only_parent(context: RunContext) -> None:
    known = set(context.store.scores()["doc_id"].to_pylist())
    parent = next(r for r in context.store.documents(tier=Tier.L2).to_pylist() if r["id"] in known)
    child = written("made of it").model_copy(update={"parents": (parent["id"],)})
    orphan = written("made of nothing")
    found = scores_given(context, 3, [child, orphan])
    assert 0 <= found[child.id] <= 1 and orphan.id not in found


@pytest.mark.parametrize(
    ("texts", "votes"),
    [(["2/3", "1/1"], (True,) * 3 + (False,)), (["", "x", "1/", "9999999999/1", "-1/2"], ()), (["3/2"], (True,) * 3)],
)
def test_votes_are_read_from_their_text(texts: list[str], votes: tuple[bool, ...]) -> None:
    assert votes_of(texts) == votes
