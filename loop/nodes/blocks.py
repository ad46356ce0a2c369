"""The arms' texts as packed token blocks: what a round may train on, written once for all of its runs."""

from pathlib import Path

from ...tiers.tier import Arm, arms
from ..context import RunContext


def pack(context: RunContext, number: int, tokenizer: Path) -> Path:
    """Pack every document held in a trainable arm; returns the folder, which stands for the round's data."""
    from ...training.packing import pack_arms

    texts: dict[str, list[str]] = {}
    for key in arms(context.config.domains):
        arm = Arm.parse(key)
        held = context.store.documents(domain=arm.domain, tier=arm.tier)
        order = sorted(range(held.num_rows), key=held["id"].to_pylist().__getitem__)
        texts[key] = held["text"].take(order).to_pylist()
    out = folder(context, number)
    pack_arms(texts, tokenizer, context.config.model.block, out)
    return out


def folder(context: RunContext, number: int) -> Path:
    """Where a round's blocks lie."""
    return context.folder.round_models(number) / "blocks"


def block_counts(context: RunContext, number: int) -> dict[str, int]:
    """Blocks by arm after a round's curation."""
    from ...training.packing import load_index

    return {arm: entry.blocks for arm, entry in load_index(folder(context, number)).arms.items()}
