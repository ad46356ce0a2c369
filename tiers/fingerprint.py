"""Fingerprints of model folders: digests of contents, never of paths; and whose adapter an adapter is."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

BASE_NOTE = "trained_on.json"
"""In an adapter's folder: the fingerprint of the base whose weights it changes."""
ADAPTER = ("adapter_*",)
"""The files that an adapter consists of."""
_WEIGHTS = (
    "*.safetensors",
    "*.bin",
    "config.json",
    "tokenizer*",
    "*.model",
    "vocab.*",
    "merges.txt",
    "added_tokens.json",
)


def files_digest(folder: Path, patterns: Iterable[str] = _WEIGHTS) -> str:
    """32 hex digits of the names and bytes of the matching files in `folder`."""
    whole = hashlib.blake2b(digest_size=16)
    for path in sorted({p for pattern in patterns for p in folder.glob(pattern) if p.is_file()}):
        with path.open("rb") as file:
            part = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        whole.update(f"{path.name}={part};".encode())
    return whole.hexdigest()


def model_fingerprint(folder: Path) -> str:
    """What a model folder says it is (`trained.json`, `base.json`); for a foreign model the digest of its files."""
    for name in ("trained.json", "base.json"):
        if (folder / name).is_file():
            return str(json.loads((folder / name).read_bytes())["fingerprint"])
    return files_digest(folder)


def other_base(adapter: Path, fingerprint: str) -> str:
    """Why an adapter does not belong to the base of this fingerprint; empty where it does, or does not say to which."""
    note = adapter / BASE_NOTE
    trained_on = json.loads(note.read_bytes())["fingerprint"] if note.is_file() else fingerprint
    if trained_on == fingerprint:
        return ""
    return (
        f"the adapter in {adapter} was trained on another base (fingerprint {trained_on[:12]}, this one is "
        f"{fingerprint[:12]}): name the base that it was trained on"
    )
