"""Links out of a source folder are counted and never read; links inside of it are files like others."""

from pathlib import Path

import pytest

from coevo.tiers.config import IngestConfig, SourceConfig
from coevo.tiers.ingest import ingest
from coevo.tiers.ingest.files import LINK
from coevo.tiers.ingest.units import list_units

SECRET = "The key of the vault is kept in the third drawer from the left, said the old keeper of the house. " * 4
PLAIN = "A house stands on the hill and people come to see it in the summer when the weather is good. " * 4


@pytest.fixture
def source(tmp_path: Path) -> Path:
    outside, inside = tmp_path / "outside", tmp_path / "source" / "en"
    outside.mkdir()
    inside.mkdir(parents=True)
    (outside / "secret.txt").write_text(SECRET)
    (outside / "secret.jsonl").write_text(f'{{"text": "{SECRET}"}}\n')
    (inside / "plain.txt").write_text(PLAIN)
    (inside / "file.txt").symlink_to(outside / "secret.txt")
    (inside / "relative.md").symlink_to("../../outside/secret.txt")
    (inside / "chain.txt").symlink_to(inside / "file.txt")
    (inside / "records.jsonl").symlink_to(outside / "secret.jsonl")
    (inside / "passwd.txt").symlink_to("/etc/passwd")
    (inside / "folder").symlink_to(outside, target_is_directory=True)
    (inside / "alias.txt").symlink_to(inside / "plain.txt")
    return tmp_path / "source"


def test_links_that_leave_a_folder_are_counted_and_not_read(source: Path) -> None:
    found = ingest([SourceConfig(url=str(source))], IngestConfig(domains=("en",), min_bytes=0), 0)
    texts = found.documents["text"].to_pylist()
    assert texts and all("vault" not in t and "root:" not in t for t in texts)
    refused = {
        row["source"]: row["reason"] for row in found.quarantined.select(["source", "reason"]).to_pylist()
    }  # fmt: skip
    names = ("file.txt", "relative.md", "chain.txt", "records.jsonl", "passwd.txt")
    assert refused == {f"source/en/{n}": LINK for n in names}
    assert found.ignored["links to folders"] == 1
    listed = list_units([SourceConfig(url=str(source))], IngestConfig(domains=("en",)))
    assert listed.ignored["links to folders"] == 1, "a build passes over the same link"


def test_a_folder_that_is_named_by_a_link_is_read(source: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(source, target_is_directory=True)
    found = ingest([SourceConfig(url=str(tmp_path / "link"))], IngestConfig(domains=("en",), min_bytes=0), 0)
    assert any(PLAIN.strip()[:40] in t for t in found.documents["text"].to_pylist())
