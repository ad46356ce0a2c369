"""Packing: an arm's documents as one array of full token blocks, joined by end-of-text, without padding."""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from ..tiers.errors import TrainingError
from ..tiers.parts import write_whole
from ..tiers.record import Record
from .digest import digest, files_digest, texts_digest

DOCUMENTS_AT_ONCE = 512


class PackedArm(Record):
    """One arm's blocks, in `file` as an array [blocks, block]; tokens past the last full block are left out."""

    file: str
    ends: str
    """File of an array [documents]: how many tokens of the stream each document has behind it when it ends."""
    blocks: int
    tokens: int
    documents: int
    digest: str
    """Of the texts, the tokenizer and the block size: what the array is a pure function of."""


class PackedIndex(Record):
    """`index.json` of a folder of packed arms."""

    block: int
    arms: dict[str, PackedArm]
    digest: str


def load_index(folder: Path) -> PackedIndex:
    """The index of a folder of packed arms.

    Raises:
        TrainingError: the folder has none, or it was cut short.
    """
    path = Path(folder) / "index.json"
    if not path.is_file():
        raise TrainingError(f"wanted packed arms in {folder}, found no index.json: restore it from a copy of the run")
    try:
        return PackedIndex.model_validate_json(path.read_bytes())
    except ValidationError as e:
        raise TrainingError(f"{path} is cut short or altered: restore it from a copy of the run") from e


def load_blocks(folder: Path, arm: PackedArm) -> npt.NDArray[Any]:
    """An arm's blocks, read from disk as they are used: [blocks, block] uint16 or uint32."""
    blocks: npt.NDArray[Any] = np.load(Path(folder) / arm.file, mmap_mode="r" if arm.blocks else None)
    return blocks


def pack_arms(texts: Mapping[str, Sequence[str]], tokenizer_path: Path, block: int, out: Path) -> PackedIndex:
    """Tokenise every arm's documents into blocks of `block` tokens; what lies there and is the same stays.

    Each document stands between two end-of-text tokens; documents keep their order and are cut where a block ends.

    Args:
        texts: documents by arm key such as `math/L3`.
        tokenizer_path: folder of a transformers tokenizer.
        block: tokens in a block.
        out: folder for `<domain>-<tier>.npy`, `<domain>-<tier>.ends.npy` and `index.json`.

    Raises:
        TrainingError: no tokenizer there, or it has no end-of-text token.
    """
    out, version = (
        Path(out),
        files_digest(Path(tokenizer_path), ("tokenizer*", "*.model", "vocab.*", "merges.txt", "added_tokens.json")),
    )
    wanted = {arm: digest(texts_digest(texts[arm]), version, block) for arm in sorted(texts)}
    known = load_index(out).arms if (out / "index.json").is_file() else {}
    stale = [arm for arm in wanted if not _is_packed(out, known.get(arm), wanted[arm])]
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(tokenizer_path) if stale else None
    if stale:  # a kill while arms are replaced must not leave an index of what they were
        (out / "index.json").unlink(missing_ok=True)
    fresh = {arm: _pack(arm, texts[arm], tokenizer, block, out, wanted[arm]) for arm in stale}
    arms = {arm: fresh[arm] if arm in fresh else known[arm] for arm in wanted}
    index = PackedIndex(block=block, arms=arms, digest=digest(wanted))
    write_whole(out / "index.json", index.model_dump_json(indent=1).encode())
    return index


def load_tokenizer(path: Path) -> Any:
    """The transformers tokenizer in a folder.

    Raises:
        TrainingError: no readable tokenizer there, or it has no end-of-text token.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path))
    except (OSError, ValueError, KeyError) as e:
        raise TrainingError(f"wanted a transformers tokenizer in {path}, got: {_first_line(e)}; copy one there") from e
    if tokenizer.eos_token_id is None:
        raise TrainingError(f"the tokenizer in {path} has no end-of-text token: set eos_token in tokenizer_config.json")
    return tokenizer


def token_stream(texts: Iterator[str], tokenizer: Any) -> Iterator[npt.NDArray[np.uint32]]:
    """Token ids [n] of an opening end-of-text, then of each document with its closing end-of-text."""
    eos = int(tokenizer.eos_token_id)
    yield np.array([eos], dtype=np.uint32)
    while some := list(islice(texts, DOCUMENTS_AT_ONCE)):
        for ids in tokenizer(some, add_special_tokens=False, verbose=False)["input_ids"]:
            yield np.array([*ids, eos], dtype=np.uint32)


def _pack(arm: str, texts: Sequence[str], tokenizer: Any, block: int, out: Path, wanted: str) -> PackedArm:
    kind = np.uint16 if len(tokenizer) <= 2**16 else np.uint32
    parts = [part.astype(kind) for part in token_stream(iter(texts), tokenizer)]
    stream = np.concatenate(parts)
    full = len(stream) // block if texts else 0
    file, ends = (arm.replace("/", "-") + kind for kind in (".npy", ".ends.npy"))
    _save(np.cumsum([len(part) for part in parts])[1:], out / ends)
    _save(stream[: full * block].reshape(full, block), out / file)
    return PackedArm(file=file, ends=ends, blocks=full, tokens=full * block, documents=len(texts), digest=wanted)


def _save(array: npt.NDArray[Any], path: Path) -> None:
    """Write an array whole or not at all."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with temporary.open("wb") as handle:
            np.save(handle, array)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # on a full disk it would keep what is left


def _is_packed(out: Path, arm: PackedArm | None, wanted: str) -> bool:
    return arm is not None and arm.digest == wanted and (out / arm.file).is_file() and (out / arm.ends).is_file()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(" :")
