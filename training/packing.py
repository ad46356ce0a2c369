"""Packing: an arm's documents as one array of full token blocks, joined by end-of-text, without padding."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from ..tiers.errors import TrainingError
from ..tiers.fingerprint import files_digest
from ..tiers.record import Record
from ..tiers.seal import check_sealed, intact, seal_folder
from ..tiers.text_tokens import text_tokens
from ..tiers.whole import whole_file, write_whole
from .bins import lay
from .chat import Refused, check_template, conversation, encode
from .digest import digest, texts_digest

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
    learn: str = ""
    """Of conversations: file of an array [blocks, block], which tokens are learned."""
    pieces: str = ""
    """Of conversations, which are laid whole: file of an array [pieces, 3] of document, start and end in the blocks."""
    padding: float = 0.0
    """Share of the tokens that only fill up."""
    opens: bool = False
    """Whether each document begins with an opening of its own, not with the end of text of the one before."""
    cut: int = 0
    """Conversations longer than a block, whose end is left out."""
    aside: dict[str, int] = Field(default_factory=dict)
    """Conversations that are not trained on, by reason."""


class PackedIndex(Record):
    """`index.json` of a folder of packed arms."""

    block: int
    arms: dict[str, PackedArm]
    digest: str
    tokenizer: str = ""
    """Digest of the tokenizer's files."""


def load_index(folder: Path) -> PackedIndex:
    """The index of a folder of packed arms.

    Raises:
        TrainingError: the folder has none, or it was cut short.
    """
    path = Path(folder) / "index.json"
    check_sealed(Path(folder), ["index.json"])
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


def load_learn(folder: Path, arm: PackedArm) -> npt.NDArray[np.bool_]:
    """Which tokens of an arm of conversations are learned: [blocks, block]."""
    learn: npt.NDArray[np.bool_] = np.load(Path(folder) / arm.learn, mmap_mode="r" if arm.blocks else None)
    return learn


def document_starts(folder: Path, arm: PackedArm) -> npt.NDArray[np.int64]:
    """Where documents begin in an arm's tokens, rising; where none has an opening, with the end of text before it."""
    if arm.pieces:
        return np.asarray(np.sort(np.load(Path(folder) / arm.pieces)[:, 1]))
    ends = np.load(Path(folder) / arm.ends).astype(np.int64)
    return np.concatenate([[0], ends[:-1] - (0 if arm.opens else 1)])


def pack_arms(
    texts: Mapping[str, Sequence[str]], tokenizer_path: Path, block: int, out: Path, chat: Sequence[str] = ()
) -> PackedIndex:
    """Tokenise every arm's documents into blocks of `block` tokens; what lies there and is the same stays.

    Each document ends with an end of text and begins as the model's texts do (`token_stream`); documents keep their
    order and are cut where a block ends. A control token that a document spells out is packed as text.
    With `chat`, a document that holds a conversation is laid out by the chat template, and all are laid whole.

    Args:
        texts: documents by arm key such as `math/L3`.
        tokenizer_path: folder of a transformers tokenizer.
        block: tokens in a block.
        out: folder for `<domain>-<tier>.npy`, `<domain>-<tier>.ends.npy` and `index.json`.
        chat: roles whose words are learned; empty: every document is plain text.

    Raises:
        TrainingError: no tokenizer there, or it has no end-of-text token, or no chat template for `chat`.
    """
    out, version = Path(out), tokenizer_digest(tokenizer_path)
    laid = (*chat, files_digest(Path(tokenizer_path), ("chat_template*",))) if chat else ()
    wanted = {arm: digest(texts_digest(texts[arm]), version, block, *laid) for arm in sorted(texts)}
    sound = intact(out)
    known = load_index(out).arms if "index.json" in sound else {}
    stale = [arm for arm in wanted if not _is_packed(sound, known.get(arm), wanted[arm])]
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(tokenizer_path) if stale else None
    if stale:  # a kill while arms are replaced must not leave an index of what they were
        (out / "index.json").unlink(missing_ok=True)
    if chat and stale:
        check_template(tokenizer, tokenizer_path)
    fresh = {
        arm: _pack_chat(arm, texts[arm], tokenizer, block, out, wanted[arm], chat)
        if chat
        else _pack(arm, texts[arm], tokenizer, block, out, wanted[arm])
        for arm in stale
    }
    arms = {arm: fresh[arm] if arm in fresh else known[arm] for arm in wanted}
    index = PackedIndex(block=block, arms=arms, digest=digest(wanted), tokenizer=version)
    write_whole(out / "index.json", index.model_dump_json(indent=1).encode())
    seal_folder(out)
    return index


def tokenizer_digest(path: Path) -> str:
    """32 hex digits of what decides which tokens a text becomes."""
    return files_digest(Path(path), ("tokenizer*", "*.model", "vocab.*", "merges.txt", "added_tokens.json"))


def load_tokenizer(path: Path) -> Any:
    """The transformers tokenizer in a folder.

    Raises:
        LedgerError: a file of a model that coevo made is missing or altered.
        TrainingError: no readable tokenizer there, or it has no end-of-text token.
    """
    from transformers import AutoTokenizer

    check_sealed(Path(path))
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path))
    except (OSError, ValueError, KeyError) as e:
        raise TrainingError(f"wanted a transformers tokenizer in {path}, got: {_first_line(e)}; copy one there") from e
    if tokenizer.eos_token_id is None:
        raise TrainingError(f"the tokenizer in {path} has no end-of-text token: set eos_token in tokenizer_config.json")
    return tokenizer


def token_stream(texts: Iterator[str], tokenizer: Any) -> Iterator[npt.NDArray[np.uint32]]:
    """Token ids [n] of what stands before the first document, then of each document with its closing end-of-text.

    Documents begin as the model's texts do in evaluation: with a beginning of text where the tokenizer adds one, else
    with the end of text of the one before, of which one more opens the stream.
    """
    tokens, eos = text_tokens(tokenizer), int(tokenizer.eos_token_id)
    yield np.array([] if tokens.opening else [eos], dtype=np.uint32)
    while some := list(islice(texts, DOCUMENTS_AT_ONCE)):
        for ids in tokens.encode_batch(some):
            yield np.array([*tokens.opening, *ids, eos], dtype=np.uint32)


def _pack(arm: str, texts: Sequence[str], tokenizer: Any, block: int, out: Path, wanted: str) -> PackedArm:
    kind = np.uint16 if len(tokenizer) <= 2**16 else np.uint32
    parts = [part.astype(kind) for part in token_stream(iter(texts), tokenizer)]
    stream = np.concatenate(parts)
    full = len(stream) // block if texts else 0
    file, ends = (arm.replace("/", "-") + kind for kind in (".npy", ".ends.npy"))
    _save(np.cumsum([len(part) for part in parts])[1:], out / ends)
    _save(stream[: full * block].reshape(full, block), out / file)
    return PackedArm(
        file=file,
        ends=ends,
        blocks=full,
        tokens=full * block,
        documents=len(texts),
        digest=wanted,
        opens=bool(text_tokens(tokenizer).opening),
    )


def _pack_chat(
    arm: str, texts: Sequence[str], tokenizer: Any, block: int, out: Path, wanted: str, roles: Sequence[str]
) -> PackedArm:
    kind = np.uint16 if len(tokenizer) <= 2**16 else np.uint32
    owners, pieces, cut, aside = _pieces(texts, tokenizer, block, roles)
    tokens, learn, starts = lay(pieces, block, int(tokenizer.eos_token_id))
    ends = starts + np.array([len(ids) for ids, _ in pieces], dtype=np.int64)
    name = arm.replace("/", "-")
    files: dict[str, Any] = {"file": f"{name}.npy", "learn": f"{name}.learn.npy", "pieces": f"{name}.pieces.npy"}
    _save(np.stack([np.array(owners, dtype=np.int64), starts, ends], axis=1), out / files["pieces"])
    _save(learn, out / files["learn"])
    _save(tokens.astype(kind), out / files["file"])
    filled = sum(len(ids) for ids, _ in pieces)
    return PackedArm(
        **files,
        ends="",
        blocks=len(tokens),
        tokens=tokens.size,
        documents=len(texts),
        digest=wanted,
        padding=round(1 - filled / tokens.size, 6) if tokens.size else 0.0,
        cut=cut,
        aside=dict(aside),
    )


Piece = tuple[list[int], npt.NDArray[np.bool_]]
"""Tokens of a row's part, and which of them are learned."""


def _pieces(
    texts: Sequence[str], tokenizer: Any, block: int, roles: Sequence[str]
) -> tuple[list[int], list[Piece], int, Counter[str]]:
    """Document of every piece that has something to learn, the piece, conversations cut short, and those set aside."""
    owners: list[int] = []
    pieces: list[Piece] = []
    cut, aside = 0, Counter[str]()
    for i, text in enumerate(texts):
        try:
            messages = conversation(text)
            ids, learn = encode(messages, tokenizer, roles) if messages else ([], np.zeros(0, dtype=bool))
        except Refused as why:
            aside[str(why)] += 1
            continue
        whole = [(ids[:block], learn[:block])] if messages else _text_pieces(text, tokenizer, block)
        if messages:
            cut += len(ids) > block
            if not learn[1:block].any():
                aside[_nothing_to_learn(learn, block, roles)] += 1
        useful = [(part, learned) for part, learned in whole if learned[1:].any()]
        owners += [i] * len(useful)
        pieces += useful
    return owners, pieces, cut, aside


def _nothing_to_learn(learn: npt.NDArray[np.bool_], block: int, roles: Sequence[str]) -> str:
    who = " or ".join(roles)
    if learn[1:].any():
        return f"has every turn of {who} beyond its first {block} tokens (model.block)"
    return f"has no turn of {who} (training.learn_roles)"


def _text_pieces(text: str, tokenizer: Any, block: int) -> list[Piece]:
    tokens, eos = text_tokens(tokenizer), int(tokenizer.eos_token_id)
    ids = [*(tokens.opening or (eos,)), *tokens.encode(text), eos]
    return [(ids[j : j + block], np.ones(len(ids[j : j + block]), bool)) for j in range(0, len(ids), block)]


def _save(array: npt.NDArray[Any], path: Path) -> None:
    """Write an array whole or not at all."""
    with whole_file(path) as temporary, temporary.open("wb") as handle:
        np.save(handle, array)


def _is_packed(sound: Collection[str], arm: PackedArm | None, wanted: str) -> bool:
    if arm is None or arm.digest != wanted:
        return False
    return all(file in sound for file in (arm.file, arm.ends, arm.learn, arm.pieces) if file)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(" :")
