"""Whether the model that a round accepted was trained on a document, and how often."""

from typing import Any

import pyarrow.compute as pc

from ...tiers.parts import read_part
from ...tiers.seal import check_sealed
from ...training.exposure import SEEN, document_blocks, times_seen
from ...training.packing import load_index
from ..run_folder import RunFolder
from .reader import RunReader


def exposure(run: RunReader, number: int, arm: str, doc: str) -> dict[str, Any] | None:
    """In how many blocks a document lies, how many of them the round's accepted run drew, and how often in all.

    None where the round accepted nothing yet, or its blocks did not hold the document.
    """
    trained, lies = run.accepted_run(number), RunFolder(run.root)
    if trained is None or not lies.packed_documents(number).is_file():
        return None
    folder = lies.blocks(number)
    check_sealed(folder)
    packed = read_part(lies.packed_documents(number))
    place = pc.index(packed.filter(pc.equal(packed["arm"], arm))["id"], doc).as_py()
    if place < 0:
        return None
    index = load_index(folder)
    blocks = document_blocks(folder, index, arm, place)
    check_sealed(run.root / trained["path"], [SEEN])
    times = times_seen(run.root / trained["path"], arm, index.arms[arm].blocks)[blocks]
    return {"blocks": len(blocks), "drawn": int((times > 0).sum()), "times": int(times.sum())}
