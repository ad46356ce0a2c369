"""The arms' texts as packed token blocks: what a round may train on, written once for all of its runs."""

from collections import Counter
from pathlib import Path

import pyarrow as pa

from ...tiers.errors import TrainingError
from ...tiers.parts import write_part
from ...tiers.seal import SEAL
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
    context.artefacts.add(context.folder.blocks(number) / SEAL)
    index = packed(context, number)
    for key, packed_arm in index.arms.items():
        for reason, count in packed_arm.aside.items():
            told = f"{key}: {count} of {packed_arm.documents} documents not trained on: the conversation {reason}"
            context.event(number, "train", "warning", told)
    check_enough(index, context.config.training.min_blocks)


def check_enough(index: PackedIndex, least: int) -> None:
    """Whether there is an arm that a run may draw from.

    Raises:
        TrainingError: none has `least` blocks; the sentence says what each has, and why it is no more.
    """
    if any(arm.blocks >= least for arm in index.arms.values()):
        return
    held = [f"{key}: {arm.blocks * index.block:,} tokens" for key, arm in index.arms.items() if arm.documents]
    reasons: Counter[str] = Counter()
    for arm in index.arms.values():
        reasons.update(arm.aside)
    aside = "".join(f"; {n} documents were set aside because the conversation {why}" for why, n in reasons.items())
    hint = "raise model.block, or set training.format=text" if aside else "add sources, or lower training.min_blocks"
    raise TrainingError(
        f"no arm has enough text to train on, {least * index.block:,} tokens ({', '.join(held) or 'none holds any'})"
        f"{aside}: {hint}"
    )


def packed(context: RunContext, number: int) -> PackedIndex:
    """What was packed after a round's curation."""
    return load_index(context.folder.blocks(number))


def chat_roles(context: RunContext) -> tuple[str, ...]:
    """Whose words are learned of a conversation; empty where documents are plain text."""
    training = context.config.training
    return training.learn_roles if training.format == "chat" else ()
