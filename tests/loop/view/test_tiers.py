"""coevo tiers, ask and export: what a run holds, said, searched and written so that others can read it."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from coevo.loop.artefacts import checked_store
from coevo.loop.cli import cli
from coevo.loop.export import export_tier, push
from coevo.loop.run_db import RunDB
from coevo.loop.view.facts import ask
from coevo.loop.view.tiers import tiers
from coevo.tiers.errors import InputError
from coevo.tiers.index import build_index
from coevo.tiers.payload import render
from coevo.tiers.rows import DOCUMENT_SCHEMA, rows
from coevo.tiers.store import Store
from coevo.tiers.tier import Tier

from .conftest import write_run


def test_counts_sizes_drops_and_flows_add_up(run_folder: Path) -> None:
    told = tiers(run_folder)
    store = Store(run_folder)
    for arm in told["arms"]:
        held = store.documents(domain=arm["domain"], tier=Tier[arm["tier"]])
        assert arm["documents"] == held.num_rows
        assert arm["bytes"] == sum(len(t.encode()) for t in held["text"].to_pylist())
        assert (arm["tokens"] > 0) == (held.num_rows > 0) and arm["evidence"]
    dropped = sum(f["documents"] for f in told["flows"] if f["to"] == "dropped")
    assert dropped == store.documents(status="dropped").num_rows == sum(d["documents"] for d in told["drops"])
    refused = [r for r in store.ledger.read().to_pylist() if r["action"] == "refuse"]
    assert refused and sum(r["decisions"] for r in told["refusals"]) == len(refused)
    assert {d["reason"] for d in told["drops"]} == {"symbol ratio", "near copy of", "answer"}


def test_the_commands_print_and_give_data(run_folder: Path) -> None:
    runs = ["--runs", str(run_folder.parent)]
    shown = CliRunner().invoke(cli, ["tiers", "demo", *runs])
    assert shown.exit_code == 0 and "What was set aside, and why" in shown.output and "math/L3" in shown.output
    data = CliRunner().invoke(cli, ["tiers", "demo", "--json", *runs])
    assert json.loads(data.output)["view"] == "tiers"
    empty = CliRunner().invoke(cli, ["ask", "demo", "anything", *runs])
    assert empty.exit_code == 0 and "none of 0 facts" in empty.output


def test_a_query_is_answered_with_provenance(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    root = write_run(tmp_path / "asked")
    documents = Store(root).documents(tier=Tier.L3)
    build_index(root, documents, {documents["id"][0].as_py(): "two of two votes"})
    wanted = documents.to_pylist()[0]
    for how in ("both", "text", "vector"):
        found = ask(root, wanted["text"], 1, wanted["domain"], how)["hits"]
        assert wanted["id"] in found[0]["documents"] and found[0]["verified"] == ["two of two votes"]
    assert ask(root, "zzz qqq", 3, None, "text")["hits"] == []


@pytest.mark.parametrize("form", ["parquet", "jsonl", "datasets"])
def test_an_export_is_whole_and_its_card_is_read_by_datasets(run_folder: Path, tmp_path: Path, form: str) -> None:
    import datasets

    out = tmp_path / "out"
    said = export_tier(run_folder, "L3", out, None, form)
    held = Store(run_folder).documents(tier=Tier.L3)
    assert said.startswith(f"{held.num_rows:,} documents of L3")
    if form == "datasets":
        found: Any = datasets.load_from_disk(str(out))
    else:
        found = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert found["id"] == held["id"].to_pylist() and found["text"] == held["text"].to_pylist()
    assert all(r["by"] and r["parents"] and json.loads(r["payload"])["form"] for r in found)
    card = (out / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---")[1])
    assert front["license"] == "other" and front["size_categories"] == ["n<1K"]
    for heading in ("## Lineage", "## What was set aside", "## Contamination", "## Licences", "## Diversity"):
        assert heading in card
    assert "| clean | symbol ratio |" in card and "such texts were refused" in card
    with pytest.raises(InputError, match="is there already"):
        export_tier(run_folder, "L3", out)


def store_of(root: Path) -> Store:
    """The documents of a run folder that holds nothing yet."""
    return checked_store(root, RunDB(root / "run.db", create=True))


def test_hostile_words_stay_words_in_a_card(tmp_path: Path) -> None:
    store, bad = store_of(tmp_path), "x | y\n## Safe\n[click](http://e.vil) ![i](i.png) <script> \x1b[31m\u202e`rm`"
    texts = {"id": ["a"], "text": ["one"], "domain": ["en"], "source": [bad], "kind": [bad]}
    told = json.dumps({"licence": bad})
    read = rows(0, "ingest", bad, ["a"], "ingest", bad, "en", 0, source=bad, kind=bad, evidence=[told])
    store.commit(0, "ingest", read, pa.table(texts | {"parents": [[]]}, schema=DOCUMENT_SCHEMA))
    export_tier(tmp_path, "L0", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(card.split("---")[1])["license"] == "other"
    body = card.partition("\n---\n")[2]
    assert "\n## Safe" not in body and "<script>" not in body and "\x1b" not in card and "\u202e" not in body
    assert "[click](" not in body.replace("\\[", "") and "click" in body
    shown = CliRunner().invoke(cli, ["tiers", tmp_path.name, "--runs", str(tmp_path.parent)])
    assert "\x1b[31m" not in shown.output and "\u202e" not in shown.output


def test_payloads_give_the_text_back(run_folder: Path, tmp_path: Path) -> None:
    from pydantic import TypeAdapter

    from coevo.tiers.payload import Payload

    export_tier(run_folder, "L3", tmp_path / "out")
    (file,) = (tmp_path / "out" / "data").glob("*.parquet")
    read: TypeAdapter[Payload] = TypeAdapter(Payload)
    for row in pq.read_table(file).to_pylist():
        assert render(read.validate_json(row["payload"])) == row["text"]


def test_a_licence_is_known_of_what_was_read_and_of_what_was_made_of_it(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    texts = {"id": ["a", "b"], "text": ["one", "two"], "domain": ["en"] * 2, "source": ["s"] * 2, "kind": ["text"] * 2}
    read = rows(0, "ingest", "rule:ingest", ["a", "b"], "ingest", "read", "en", 0, source="s",
                evidence=['{"licence": "CC0-1.0"}', "{}"])  # fmt: skip
    store.commit(0, "ingest", read, pa.table(texts | {"parents": [[], []]}, schema=DOCUMENT_SCHEMA))
    both = rows(1, "synthesize", "synthesizer", ["a"], "create", "written", "en", 3, kind="qa", source="synth",
                sources=[["a", "b"]], made=["c"], text=["Q: x?\nA: y"])  # fmt: skip
    store.commit(1, "synthesize", both)
    for tier, wanted in (("L0", ["CC0-1.0", None]), ("L3", ["CC0-1.0"])):
        export_tier(tmp_path, tier, tmp_path / f"out-{tier}")
        (file,) = (tmp_path / f"out-{tier}" / "data").glob("*.parquet")
        assert pq.read_table(file)["license"].to_pylist() == wanted
    card = (tmp_path / "out-L3" / "README.md").read_text(encoding="utf-8")
    assert "| CC0-1.0 | 1 |" in card and "passed that check" in card


def test_nothing_held_is_an_error_that_says_what_to_type(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"domains are code, en, math.*coevo tiers demo"):
        export_tier(run_folder, "L3", tmp_path / "out", "physics")
    assert not (tmp_path / "out").exists()


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as an upload of small files asks for."""

    calls: ClassVar[list[tuple[str, bytes]]] = []

    @property
    def here(self) -> str:
        return f"http://{self.headers['Host']}/datasets/me/math"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.calls.append((self.path, body))
        if "bad" in self.path or b"bad" in body[:200]:
            return self.answer({"error": "You have no write access"}, 403)
        if self.path.endswith("/repos/create"):
            return self.answer({"url": self.here, "name": "me/math"})
        if "/preupload/" in self.path:
            asked = json.loads(body)["files"]
            files = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in asked]
            return self.answer({"files": files})
        commit = {"commitUrl": f"{self.here}/commit/{'0' * 40}", "commitOid": "0" * 40}
        return self.answer(commit | {"success": True, "hookOutput": ""})

    def do_GET(self) -> None:
        self.answer({"id": "me/math", "sha": "0" * 40, "siblings": []})

    def answer(self, data: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    Hub.calls.clear()
    yield
    server.shutdown()
    server.server_close()


def test_a_push_uploads_every_file(run_folder: Path, tmp_path: Path, hub: None) -> None:
    export_tier(run_folder, "L3", tmp_path / "out", None, "jsonl")
    assert push(tmp_path / "out", "me/math").startswith("pushed to http://127.0.0.1:")
    created = json.loads(next(b for p, b in Hub.calls if p.endswith("/repos/create")))
    assert created["name"] == "math" and created["type"] == "dataset"
    lines = next(b for p, b in Hub.calls if "/commit/" in p).splitlines()
    sent = {r["value"]["path"]: r["value"]["content"] for r in map(json.loads, lines) if r["key"] == "file"}
    for path in ("README.md", "data/train-00000-of-00001.jsonl"):
        assert base64.b64decode(sent[path]) == (tmp_path / "out" / path).read_bytes()
    with pytest.raises(InputError, match=r"could not push .* hf auth login"):
        push(tmp_path / "out", "me/bad")
