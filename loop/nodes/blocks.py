"""The arms' texts as packed token blocks: what a round may train on, written once for all of its runs."""

from pathlib import Path

import pyarrow as pa

from ...tiers.parts import write_part
from ...tiers.tier import Arm, arms
from ...training.packing import PackedIndex, load_index
from ..context import RunContext
from ..jobs import pack_job


def pack(context: RunContext, number: int, tokenizer: Path) -> None:
    """Pack every document held in a trainable arm, in order of its id."""
    texts: dict[str, list[str]] = {}
    ids: list[pa.Table] = []
    for key in arms(context.config.domains):
        arm = Arm.parse(key)
        held = context.store.documents(domain=arm.domain, tier=arm.tier).sort_by("id")
        texts[key] = held["text"].to_pylist()
        ids.append(pa.table({"arm": pa.repeat(key, held.num_rows), "id": held["id"]}))
    context.folder.blocks(number).mkdir(parents=True, exist_ok=True)
    write_part(context.folder.packed_documents(number), pa.concat_tables(ids))
    context.workers.map(
        pack_job,
        [(texts, str(tokenizer), context.config.model.block, str(context.folder.blocks(number)), chat_roles(context))],
    )


def packed(context: RunContext, number: int) -> PackedIndex:
    """What was packed after a round's curation."""
    return load_index(context.folder.blocks(number))


def chat_roles(context: RunContext) -> tuple[str, ...]:
    """Whose words are learned of a conversation; empty where documents are plain text."""
    training = context.config.training
    return training.learn_roles if training.format == "chat" else ()
