"""A strategist's new rubric in a real run: refused where it tells nothing, tried where it does, and told of."""

import json
import math
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from coevo.agents.calibration import built_in
from coevo.loop.prompt_family import family
from coevo.loop.run_db import RunDB
from coevo.tiers.store import Store
from coevo.training.influence import influence
from coevo.training.spec import InfluenceConfig

from .interrupt import table
from .test_paid_calls import Server, hire, kind

pytestmark = pytest.mark.slow
QUESTION = "Would a small model that reads this text do better on the questions it fails now?"
GOOD = [t.strip() for t in [*(p.good for p in built_in().gold), *(c.better for c in built_in().canaries)]]


class Evolving(Server):
    """A strategist with one idea a round, and a judge that knows gold texts and, under the idea, a text's worth."""

    def __init__(self, worth: dict[str, float]) -> None:
        super().__init__()
        self.worth = worth

    def choice(self, body: dict[str, Any]) -> dict[str, Any]:
        said = body["messages"][-1]["content"]
        if kind(body) == "Step":
            idea = {"rubric": "helps_most", "parent": "clarity", "question": QUESTION, "reason": "items fail"}
            vague = {
                "rubric": "vague",
                "parent": "clarity",
                "question": "Is {{ this }} good in general?",
                "reason": "-",
            }
            ideas = [vague] if '"failing' not in json.dumps(body) and "round 4" in said else [idea]
            advice = {"probes": [], "rubrics": ideas, "reason": "a new question"}
            return self.said({"thought": "An idea.", "readings": [], "advice": advice})
        if "logprobs" in body:
            return self.graded(said)
        return self.said({"steps": "-", "answer": "1"})

    def graded(self, said: str) -> dict[str, Any]:
        text = said.split(">\n", 1)[1].split("\n</document", 1)[0] if ">\n" in said else said
        yes = 0.9 if any(g in text for g in GOOD) else 0.2
        if QUESTION in said:
            yes = self.worth.get(text, yes)
        top = [{"token": t, "logprob": math.log(p)} for t, p in ((" yes", yes), (" no", 1 - yes))]
        return {"message": {"content": " yes"}, "logprobs": {"content": [{**top[0], "top_logprobs": top}]}}

    def said(self, value: Any) -> dict[str, Any]:
        return {"message": {"content": json.dumps(value)}, "finish_reason": "stop"}


def worths(root: Path) -> dict[str, float]:
    """What every document that is held is worth to the model that round 2 accepted, as a probability."""
    suite = json.loads((root / "scores" / "suite-feedback.json").read_text())
    targets = [i["text"] for b in suite["benchmarks"] for i in b["items"]][:60]
    with RunDB(root / "run.db") as db:
        accepted = db.rows("rounds", round=2)[0]["accepted"]
        model = root / db.rows("runs", round=2, name=accepted)[0]["path"]
    texts = [t for t in Store(root).documents()["text"].to_pylist() if t]
    found = influence(model, texts, targets, InfluenceConfig(checkpoints=1)).mean(1)
    return {t.strip("\n"): 0.5 + 0.4 * float(f) for t, f in zip(texts, found, strict=True) if f == f}


def test_an_idea_is_screened_tried_and_weighed(finished, cli) -> None:  # type: ignore[no-untyped-def]
    root = cli.folder / "runs" / "whole"
    shutil.copytree(finished.folder / "runs" / "whole", root)
    with Evolving(worths(root)) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        hire(root, server, roles=("scorer", "strategist"), curation={"score": 90})
        done = cli("resume", "whole", "--rounds", "4")
        server.shutdown()
    assert done.returncode == 0, done.stderr
    with RunDB(root / "run.db") as db:
        members = family(db)
    member = members["helps_most"]
    assert member.screened is not None and member.screened.n >= 40, member
    assert member.standing == "trial" and member.screened.low > 0, member
    assert "parent: score-clarity@" in (root / "prompts" / "score-helps-most.md").read_text()
    assert members["vague"].standing == "refused" and "marks of a template" in members["vague"].reason
    rows = {(r["round"], r["rubric"]): r for r in table(root, "rubrics")}
    assert rows[3, "helps_most"]["weight"] == 0 and (4, "helps_most") in rows
    scores = Store(root).scores(4)
    assert "helps_most" in scores["rubric"].to_pylist()
    shown = cli("prompts", "whole", "--json")
    assert shown.returncode == 0, shown.stderr
    told = {p["name"]: p for p in json.loads(shown.stdout)["prompts"]}
    assert told["score-helps-most"]["parent"].startswith("score-clarity@")
    assert told["score-helps-most"]["standing"] == "trial" and told["score-helps-most"]["low"] is not None
    diff = cli("prompts", "whole", "--diff", "score-clarity", "score-helps-most")
    assert f"+{QUESTION}" in diff.stdout and "clean and clearly written" in diff.stdout
