"""The strategist's desk: what it may look up about a run; feedback items and documents, never anything hidden."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc

from ...agents.deliberation import Tool
from ...eval.score import Benchmark
from ...eval.scores import ItemScores, read_scores
from ...prompts import cap
from ...tiers.errors import InputError
from ...tiers.tier import Arm, arms
from ..context import RunContext
from ..track_record import track_record
from .evaluate import round_suite, scores_of, suite

SHOWN = 4
"""Documents or items at a time."""
EXCERPT = 700
"""Characters of each."""


def tools(context: RunContext, number: int, accepted: str) -> dict[str, Tool]:
    """What may be looked up after a round; `accepted` is the run whose feedback scores are shown."""
    names = ", ".join(b.name for b in suite(context, "feedback").benchmarks)
    return {
        "failing_items": Tool(
            f"about a benchmark ({names}): its mean, and the items on which the accepted model does worst",
            lambda about: failing_items(context, number, accepted, about),
        ),
        "documents": Tool(
            "about an arm, such as math/L2: some of its documents", lambda about: documents(context, number, about)
        ),
        "rubric": Tool(
            "about a rubric: the documents that it grades highest and lowest", lambda about: graded(context, about)
        ),
        "costs": Tool("what each role has cost so far", lambda about: costs(context)),
        "record": Tool("how your earlier probes and forecasts came out", lambda about: track_record(context.db).text()),
    }


def failing_items(context: RunContext, number: int, accepted: str, benchmark: str) -> str:
    """The worst items of one feedback benchmark, and the mean of each of its sources.

    Raises:
        InputError: no such benchmark.
    """
    feedback = round_suite(context, "feedback", number)
    found = next((b for b in feedback.benchmarks if b.name == benchmark), None)
    if found is None:
        raise InputError(f"no benchmark {benchmark!r}; there are {', '.join(b.name for b in feedback.benchmarks)}")
    scores = read_scores(scores_of(context, number, accepted, "feedback"), feedback)[benchmark]
    sign = 1 if found.higher_is_better else -1
    order = np.argsort(sign * scores.values, kind="stable")[:SHOWN]
    head = f"{benchmark}: mean {found.metric} {scores.values.mean():.3f} over {len(scores.items)} items"
    lines = [f"- {scores.values[i]:.3f} in {scores.clusters[i]}: {_question(found, int(i))}" for i in order]
    return "\n".join([head, *_slices(scores, sign), "worst items:", *lines])


def _slices(scores: ItemScores, sign: int) -> list[str]:
    """Sources with the worst means, each with its number of items."""
    names, index = np.unique(np.array(scores.clusters), return_inverse=True)
    counts = np.bincount(index)
    means = np.bincount(index, weights=scores.values) / counts
    worst = np.argsort(sign * means, kind="stable")[:SHOWN]
    return ["worst sources:", *(f"- {names[i]}: mean {means[i]:.3f}, n = {counts[i]}" for i in worst)]


def _question(benchmark: Benchmark, place: int) -> str:
    item = benchmark.items[place]
    said = f" -> {item.choices[item.answer]}" if item.choices else ""
    return f"{cap(item.text, EXCERPT)}{said}"


def documents(context: RunContext, number: int, arm: str) -> str:
    """Some documents of an arm, drawn by a hash.

    Raises:
        InputError: no such arm, or it holds nothing.
    """
    if arm not in arms(context.config.domains):
        raise InputError(f"no arm {arm!r}; there are {', '.join(arms(context.config.domains))}")
    where = Arm.parse(arm)
    held = context.store.documents(domain=where.domain, tier=where.tier).to_pylist()
    if not held:
        raise InputError(f"{arm} holds no documents")
    held.sort(key=lambda r: hashlib.blake2b(f"{number}:{r['id']}".encode(), digest_size=8).digest())
    return _shown([(f"{r['id']} ({r['source']})", r["text"]) for r in held[:SHOWN]])


def graded(context: RunContext, rubric: str) -> str:
    """The documents that a rubric grades highest and lowest.

    Raises:
        InputError: nothing is graded under such a rubric.
    """
    scores = context.store.scores()
    mine = scores.filter(pc.equal(scores["rubric"], rubric)).to_pylist()
    if not mine:
        known = sorted(pc.unique(scores["rubric"]).to_pylist())
        raise InputError(f"no documents are graded under {rubric!r}; there are {', '.join(known)}")
    mine.sort(key=lambda r: (-r["score"], r["doc_id"]))
    ends = [*mine[: SHOWN // 2], *mine[-SHOWN // 2 :]]
    texts = {r["id"]: r["text"] for r in context.store.documents([r["doc_id"] for r in ends], status=None).to_pylist()}
    return _shown([(f"{r['score']:.3f} {r['doc_id']}", texts.get(r["doc_id"], "")) for r in ends])


def costs(context: RunContext) -> str:
    """Costs by role and model over all rounds so far."""
    rows = context.db.rows("costs")
    lines = [
        f"round {r['round']} {r['role']} ({r['model']}): {r['decisions']} decisions, {r['calls']} calls, "
        f"{r['tokens_in'] + r['tokens_out']} tokens, {r['usd']:.4f} USD, {r['seconds']:.1f} s"
        for r in rows
    ]
    return "\n".join(lines) or "Nothing has been paid for yet."


def _shown(parts: Sequence[tuple[str, str]]) -> str:
    return "\n\n".join(f"[{name}]\n{cap(text, EXCERPT)}" for name, text in parts)
