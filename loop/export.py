"""Export: a tier of a run as a folder of data with its card, and from there to the Hub."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..tiers.card import ancestors, card
from ..tiers.errors import InputError
from ..tiers.payload import messages, payload_of
from ..tiers.store import Store
from ..tiers.tier import Tier
from ..tiers.whole import whole_folder
from .artefacts import checked_store
from .run_db import RunDB

ROWS_A_FILE = 100_000
FILES = {"parquet": "data/*.parquet", "jsonl": "data/*.jsonl", "datasets": None}
MOVING = ["ingest", "promote", "demote", "edit", "create"]
MADE_BY = ("agent", "prompt", "model", "round")


def export_tier(root: Path, tier: str, out: Path, domain: str | None = None, form: str = "parquet") -> str:
    """Write the documents held at a tier, and say what was written.

    Args:
        root: the run folder.
        tier: L0 to L4.
        out: a folder that is not there yet, or is empty.
        domain: only its documents.
        form: parquet, jsonl or datasets (what `datasets.load_from_disk` reads).

    Raises:
        InputError: nothing is held there, or `out` holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already: name a folder that is not, with --out")
    with RunDB(root / "run.db") as db:
        return _exported(checked_store(root, db), tier, out, domain, form)


def _exported(store: Store, tier: str, out: Path, domain: str | None, form: str) -> str:
    root = store.root
    held = store.documents(domain=domain, tier=Tier[tier])
    if not held.num_rows:
        known = sorted(set(store.holdings()["domain"].to_pylist()))
        where = f" in the domain {domain!r} (domains are {', '.join(known)})" if domain else ""
        raise InputError(f"{root.name} holds nothing at {tier}{where}: see what it holds with: coevo tiers {root.name}")
    table = _rows(store, held)
    name = "-".join(filter(None, (root.resolve().name, domain, tier)))
    for stale in out.parent.glob(f".{out.name}.*.tmp"):  # of an export that was killed
        shutil.rmtree(stale, ignore_errors=True)
    with whole_folder(out) as draft:
        _write(table, draft, form)
        (draft / "README.md").write_text(card(store, table, name, tier, FILES[form]), encoding="utf-8")
    return f"{table.num_rows:,} documents of {tier} in {out} ({form}), with README.md"


def _rows(store: Store, held: pa.Table) -> pa.Table:
    """One row a document: text, provenance, who made it, its scores, its typed payload and chat turns."""
    payloads = [payload_of(t, k) for t, k in zip(held["text"].to_pylist(), held["kind"].to_pylist(), strict=True)]
    chats = [messages(p) for p in payloads]
    turn = pa.struct([("role", pa.string()), ("content", pa.string())])
    columns = {name: held[name] for name in ("id", "text", "domain", "kind", "source", "parents")}
    columns["tier"] = pa.array([Tier(t).name for t in held["tier"].to_pylist()])
    columns |= {"license": _licences(store, held["id"].to_pylist()), **_makers(store, held["id"].combine_chunks())}
    columns["scores"] = _scores(store, held["id"].to_pylist())
    columns["payload"] = pa.array([p.model_dump_json() for p in payloads], pa.large_string())
    return pa.table(columns | {"messages": pa.array(chats, pa.list_(turn))})


def _makers(store: Store, ids: pa.Array) -> dict[str, pa.Array]:
    """Who decided that each document stands where it does: the last decision that moved or made it."""
    rows = store.ledger.read(columns=["doc", "made", "action", *MADE_BY])
    moving = rows.filter(pc.is_in(rows["action"], value_set=pa.array(MOVING)))
    makes = pc.is_in(moving["action"], value_set=pa.array(["edit", "create"]))
    subject = pc.if_else(makes, moving["made"], moving["doc"]).to_pylist()
    last = {doc: n for n, doc in enumerate(subject)}
    at = pa.array([last.get(i) for i in ids.to_pylist()], pa.int64())
    names = {"agent": "by", "prompt": "prompt", "model": "model", "round": "round"}
    return {names[c]: moving[c].combine_chunks().take(at) for c in MADE_BY}


def _licences(store: Store, ids: list[str]) -> pa.Array:
    """[n] licences that ingest read of each document, or of all that it was made from; null where none is known."""
    rows = store.ledger.read(step="ingest", columns=["doc", "evidence"])
    rows = rows.filter(pc.match_substring(rows["evidence"], '"licence"'))
    told = zip(rows["doc"].to_pylist(), map(json.loads, rows["evidence"].to_pylist()), strict=True)
    known = {doc: str(evidence["licence"]) for doc, evidence in told if evidence.get("licence")}
    held = store.holdings()
    parents = dict(zip(held["id"].to_pylist(), held["parents"].to_pylist(), strict=True)) if known else {}
    found = [sorted({known[a] for a in ancestors([i], parents) if a in known}) for i in ids]
    return pa.array([", ".join(names) or None for names in found], pa.string())


def _scores(store: Store, ids: list[str]) -> pa.Array:
    """[n] JSON of each document's newest score by rubric, the selector's among them."""
    wanted, found = set(ids), dict[str, dict[str, float]]()
    for table in (store.scores(), store.selector_scores()):
        columns = (table[c].to_pylist() for c in ("doc_id", "rubric", "score"))
        for doc, rubric, score in zip(*columns, strict=True):
            if doc in wanted:
                found.setdefault(doc, {})[rubric] = round(score, 6)
    return pa.array([json.dumps(found.get(i, {}), sort_keys=True) for i in ids])


def _write(table: pa.Table, folder: Path, form: str) -> None:
    if form == "datasets":
        from datasets import Dataset

        Dataset(table).save_to_disk(folder)
        return
    (folder / "data").mkdir()
    files = max(1, -(-table.num_rows // ROWS_A_FILE))
    for n in range(files):
        part = table.slice(n * ROWS_A_FILE, ROWS_A_FILE)
        path = folder / "data" / f"train-{n:05d}-of-{files:05d}.{form}"
        if form == "parquet":
            pq.write_table(part, path, compression="zstd", write_page_checksum=True)
        else:
            with path.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in part.to_pylist())


def push(folder: Path, name: str) -> str:
    """Upload an exported folder as the private dataset `name` of the Hub, and say where it is.

    Raises:
        InputError: the Hub refuses, or cannot be reached.
    """
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api: Any = HfApi()
    try:
        api.create_repo(name, repo_type="dataset", private=True, exist_ok=True)
        done = api.upload_folder(repo_id=name, repo_type="dataset", folder_path=folder, commit_message="coevo export")
    except (HfHubHTTPError, HFValidationError, httpx.HTTPError, OSError) as e:
        why = " ".join(str(e).split())[:300]
        raise InputError(f"could not push {folder} to {name}: {why}. Log in with: hf auth login, then try again") from e
    return f"pushed to {done.commit_url}"
