"""The arms' texts as packed token blocks: what a round may train on, written once for all of its runs."""

from pathlib import Path

from ...tiers.tier import Arm, arms
from ...training.packing import PackedIndex, load_index
from ..context import RunContext
from ..jobs import pack_job


def pack(context: RunContext, number: int, tokenizer: Path) -> None:
    """Pack every document held in a trainable arm, in order of its id."""
    texts: dict[str, list[str]] = {}
    for key in arms(context.config.domains):
        arm = Arm.parse(key)
        held = context.store.documents(domain=arm.domain, tier=arm.tier).sort_by("id")
        texts[key] = held["text"].to_pylist()
    context.workers.map(pack_job, [(texts, str(tokenizer), context.config.model.block, str(folder(context, number)))])


def folder(context: RunContext, number: int, side: str = "") -> Path:
    """Where a round's blocks lie; a rubric probe's two sides have blocks of their own."""
    return context.folder.round_models(number) / (f"blocks-{side}" if side else "blocks")


def packed(context: RunContext, number: int) -> PackedIndex:
    """What was packed after a round's curation."""
    return load_index(folder(context, number))
