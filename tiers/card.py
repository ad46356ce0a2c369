"""Dataset card: what an exported tier is, how it was made, what was filtered, and what was checked, in Markdown."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from .counts import StepCount, counts, refusals
from .decision import Action
from .encoder import HashingEncoder
from .semantic import diversity
from .store import Store

TIERS = {
    "L0": "raw: as it was read",
    "L1": "filtered: cleaned by rules, deduplicated, free of benchmark text",
    "L2": "selected: ranked by judges or their student, and drawn with an exploration tail",
    "L3": "refined: edited or written by agents from L2",
    "L4": "organised and verified: documents whose statements passed the verifier",
}
MOST = 15
SAMPLED = 5_000
_MARKUP = re.compile(r"[\\|\[\]`!]")
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**7, "1M<n<10M"))


def card(store: Store, documents: pa.Table, name: str, tier: str, files: str | None) -> str:
    """The card of some documents of a store.

    Args:
        store: of the run.
        documents: what is exported, columns id, text, domain, source, kind, license.
        name: of the dataset.
        tier: of the documents.
        files: pattern of the data files, None where the folder says itself what it is.
    """
    told = counts(store.ledger.read())
    n = documents.num_rows
    parts = [
        "\n".join(["---", *_front(documents, name, files), "---"]),
        f"# {name}",
        f"{n:,} documents at {tier} ({TIERS[tier]}), made by coevo, an implementation of tiered data management "
        "(arXiv 2602.09003).",
        _table("Documents", ("domain", "kind", "documents"), _by(documents, ["domain", "kind"])),
        _diversity(documents["text"]),
        _lineage(store, documents),
        _filters(told),
        _contamination(store, documents, told),
        _table("Licences", ("licence", "documents"), _by(documents, ["license"])),
        "A document without a licence has whatever licence its source has: see the column `source`.",
    ]
    return "\n\n".join(parts) + "\n"


def _front(documents: pa.Table, name: str, files: str | None) -> list[str]:
    """Lines of YAML, each value as JSON, which YAML reads."""
    n = documents.num_rows
    known = sorted({x for x in documents["license"].to_pylist() if x})
    front: dict[str, object] = {
        "pretty_name": name,
        "license": "other",
        "license_name": ", ".join(known)[:200] or "unknown",
        "size_categories": [next((word for most, word in SIZES if n < most), "n>10M")],
        "tags": ["coevo", "tiered-data", *sorted(set(documents["domain"].to_pylist()))],
    }
    if files:
        front["configs"] = [{"config_name": "default", "data_files": [{"split": "train", "path": files}]}]
    return [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()]


def _by(documents: pa.Table, columns: list[str]) -> list[tuple[str, ...]]:
    rows = zip(*(documents[c].to_pylist() for c in columns), strict=True)
    found = Counter(tuple(str(v) if v else "unknown" for v in row) for row in rows)
    return [(*key, f"{n:,}") for key, n in found.most_common(MOST)]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)])


def _cell(text: str) -> str:
    """Text of unknown origin as a cell: one line of printable characters, nothing that ends the cell or is markup."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return _MARKUP.sub(r"\\\g<0>", " ".join(plain.split())[:200]).replace("<", "&lt;")


def _diversity(texts: pa.ChunkedArray) -> str:
    """How different the documents are, by the words of an even sample of them."""
    sample = texts.take(pa.array(range(0, len(texts), -(-len(texts) // SAMPLED))))
    encoder = HashingEncoder()
    found = diversity(encoder.encode(sample))
    return (
        f"## Diversity\n\nThe mean cosine distance of two of {found.n:,} documents is {found.distance:.3f}. Together "
        f"they say as much as {found.effective:,.0f} wholly different ones (Vendi score, arXiv 2210.02410), by their "
        f"words ({encoder.name}, so at most {encoder.dimension})."
    )


def _lineage(store: Store, documents: pa.Table) -> str:
    """By whom the documents, and those they were made from, came where they are."""
    held = store.holdings()
    parents = dict(zip(held["id"].to_pylist(), held["parents"].to_pylist(), strict=True))
    ids = pa.array(ancestors(documents["id"].to_pylist(), parents), pa.string())
    rows = store.ledger.read(columns=["step", "agent", "model", "prompt", "action", "doc", "made"])
    makes = pc.is_in(rows["action"], value_set=pa.array([Action.EDIT, Action.CREATE]))
    mine = pc.is_in(pc.if_else(makes, rows["made"], rows["doc"]), value_set=ids)  # not what else their sources became
    moved = pc.is_in(rows["action"], value_set=pa.array([Action.PROMOTE, Action.EDIT, Action.CREATE, Action.VERIFY]))
    found = _by(rows.filter(pc.and_(mine, moved)), ["step", "agent", "model", "prompt", "action"])
    return _table("Lineage", ("step", "agent", "model", "prompt", "action", "decisions"), found)


def ancestors(ids: Sequence[str], parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Ids of documents and of all that they were made from."""
    found: dict[str, None] = {}
    waiting = list(ids)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one] = None
            waiting += parents.get(one) or []
    return list(found)


def _filters(told: list[StepCount]) -> str:
    reasons: Counter[tuple[str, str]] = Counter()
    for count in told:
        reasons.update({(count.step, reason): n for reason, n in count.reasons.items()})
    rows = [(step, reason, f"{n:,}") for (step, reason), n in reasons.most_common(MOST)]
    return _table("What was set aside in the whole run, and why", ("step", "reason", "documents"), rows)


def _contamination(store: Store, documents: pa.Table, told: list[StepCount]) -> str:
    """What of the exported was held against the benchmarks, itself or when it was written."""
    checked = [c for c in told if c.step == "decontaminate"]
    rows = store.ledger.read(columns=["doc", "step", "action", "made", "domain", "reason"])
    passed = pc.and_(pc.equal(rows["step"], "decontaminate"), pc.equal(rows["action"], Action.PROMOTE.value))
    made = pc.is_in(rows["action"], value_set=pa.array([Action.EDIT, Action.CREATE]))
    clean = pa.concat_arrays(
        [*rows.filter(passed)["doc"].chunks, *rows.filter(made)["made"].chunks, pa.array([], pa.string())]
    )
    held = pc.sum(pc.is_in(documents["id"], value_set=clean)).as_py() or 0
    read, dropped = sum(c.count_in for c in checked), sum(c.dropped for c in checked)
    refused = sum(n for _, _, reason, n in refusals(rows) if "benchmark text" in reason)
    return (
        "## Contamination\n\n"
        f"Every text of the run's benchmarks, steering and hidden, was looked for in {read:,} documents before any was "
        f"trained on; {dropped:,} were dropped for sharing text. What agents wrote or edited was checked in the same "
        f"way before it was held, and {refused:,} such texts were refused. Of the {documents.num_rows:,} documents "
        f"exported here {held:,} passed that "
        "check" + ("." if held == documents.num_rows else "; the others stand below the tier at which it is made.")
    )
