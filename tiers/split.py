"""Which source files are held out: cut by file, so no half of a file can leak into training."""

import hashlib
from collections.abc import Iterable
from typing import Literal

from .errors import InputError

Part = Literal["train", "feedback", "hidden", "sealed"]


def source_file(source: str) -> str:
    """The file a source name points into: what stands before `#`."""
    return source.partition("#")[0]


def unit_hash(name: str, seed: int) -> float:
    """A number in [0, 1) that depends on the name and the seed alone.

    Draws for different purposes must put their purpose into the name, or they agree.
    """
    digest = hashlib.blake2b(f"{seed}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def split(
    source_files: Iterable[str], seed: int, feedback: float = 0.06, hidden: float = 0.06, sealed: float = 0.0
) -> dict[str, Part]:
    """Assign each source file to `train`, `feedback`, `hidden` or `sealed`.

    A file's part depends on its own name, so adding files moves no other. Only where chance left a held-out part
    empty does the next training file fill it.

    Args:
        source_files: names as from `source_file`; repeats count once.
        seed: another seed holds out other files.
        feedback: share of files for the benchmarks that steer.
        hidden: share of files for the benchmarks that only report.
        sealed: share of files for the benchmarks that nobody sees before the end; there may be none.

    Raises:
        InputError: fewer than three files, or shares that leave nothing to train on.
    """
    if feedback <= 0 or hidden <= 0 or sealed < 0 or feedback + hidden + sealed >= 1:
        raise InputError(
            f"wanted held-out shares above 0 that sum to less than 1, got {feedback}, {hidden} and {sealed}"
        )
    places = sorted((unit_hash(f"split {name}", seed), name) for name in set(source_files))
    if len(places) < 3:
        raise InputError(
            f"wanted at least 3 source files to hold two apart, got {len(places)}: add files to the sources"
        )
    ends: tuple[tuple[float, Part], ...] = (
        (feedback, "feedback"),
        (feedback + hidden, "hidden"),
        (feedback + hidden + sealed, "sealed"),
    )
    parts: dict[str, Part] = {name: _part_at(u, ends) for u, name in places}
    wanted: tuple[Part, ...] = ("feedback", "hidden", "train", *(("sealed",) if sealed else ()))
    for part in wanted:
        if part not in parts.values():
            parts[_spare(places, parts)] = part
    return parts


def _part_at(u: float, ends: tuple[tuple[float, Part], ...]) -> Part:
    """The part whose stretch of [0, 1) holds `u`."""
    for end, part in ends:
        if u < end:
            return part
    return "train"


def _spare(places: list[tuple[float, str]], parts: dict[str, Part]) -> str:
    """The first file, in hash order, of the part that has most."""
    held = list(parts.values())
    largest = max(held, key=lambda part: (held.count(part), part))
    return next(name for _, name in places if parts[name] == largest)
