"""What a build reads, in pieces that workers take: each is named by its place in a source and by its content."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from ..config import IngestConfig, SourceConfig
from .domains import FOLDERS, RECORDS, suffix
from .files import source_root, walk
from .hub import PREFIX
from .local import roots
from .place import Remote, is_remote, remote_files
from .sample import Sample
from .sources import LOCAL, check_sources

STREAMS = RECORDS | FOLDERS
FILES = 500
"""Small files a unit."""
BLOCK = 1 << 20
MISSING = (0, 0)
"""Stamp of a file that cannot be looked at."""

Stamp = tuple[int, int]
"""Size in bytes, and time of the last change in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What one worker reads: a whole source, a large file of it, or a run of its small files."""

    source: SourceConfig
    root: str
    """Folder that names are relative to; "" where the source is read whole."""
    names: tuple[str, ...] = ()
    stamps: tuple[Stamp, ...] = ()
    """Of each file when it was listed; none of what is not on this machine's disk."""
    content: str = ""
    """Digest of the files' bytes, or what a remote server says of its file; "" where neither is known."""

    @property
    def place(self) -> str:
        """Stable name of its place in the source, not on the machine."""
        return json.dumps([self.source.model_dump(), list(self.names)], sort_keys=True)

    @property
    def key(self) -> str:
        """Name of its parts: other content has other parts."""
        identity = self.place + self.content
        return hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    @property
    def changed(self) -> str:
        """A file that is other than when it was listed, or ""; one that is gone is a fault of reading."""
        paths = [Path(self.root, name) for name in self.names] if self.root else [Path(self.source.url).expanduser()]
        stamps = zip(paths, self.stamps, strict=True) if self.stamps else ()
        return next((str(path) for path, stamp in stamps if _stamp(path) not in (stamp, MISSING)), "")

    def as_json(self) -> dict[str, Any]:
        """The unit as JSON types."""
        fields = {"root": self.root, "names": self.names, "stamps": self.stamps, "content": self.content}
        return {"source": self.source.model_dump(), **fields}

    @classmethod
    def of_json(cls, fields: Mapping[str, Any]) -> "Unit":
        """The unit that `as_json` wrote."""
        stamps = tuple((int(size), int(time)) for size, time in fields["stamps"])
        source = SourceConfig(**fields["source"])
        return cls(source, fields["root"], tuple(fields["names"]), stamps, fields["content"])


@dataclass(frozen=True, slots=True)
class Listing:
    """All that is to be read, and what was passed over."""

    units: tuple[Unit, ...]
    ignored: dict[str, int]
    """Files that are of no known sort, by suffix; links out of a source and folders of builds by what they are."""


def list_units(sources: Sequence[SourceConfig], config: IngestConfig, before: Sequence[Unit] = ()) -> Listing:
    """Sources in pieces that can be read apart, in a stable order.

    Args:
        sources: where from.
        config: what is excluded.
        before: an earlier listing; a file of the same place, size and time has the content that it had then.

    Raises:
        InputError: a source is missing or unreadable.
    """
    check_sources(sources)
    sample = Sample(config, 0)
    earlier = {(unit.place, unit.stamps): unit.content for unit in before if unit.stamps}
    units = [_with_content(unit, earlier) for source in sources for unit in _pieces(source, sample)]
    return Listing(tuple(units), dict(sorted(Counter(sample.ignored).items())))


def _pieces(source: SourceConfig, sample: Sample) -> Iterator[Unit]:
    if is_remote(source.url) and not source.url.startswith(PREFIX):
        for place, _ in remote_files(source.url):
            url = place.system.unstrip_protocol(place.path)
            yield Unit(source.model_copy(update={"url": url}), "", content=_version(place))
    elif source.url == LOCAL:
        packages = sorted(path.name for root, _ in roots() for path in root.iterdir())
        yield Unit(source, "", content=xxhash.xxh3_128_hexdigest("\n".join(packages).encode("utf-8", "surrogatepass")))
    elif source.url.startswith(PREFIX) or not source_root(source.url).is_dir():
        yield Unit(source, "")
    else:
        root = source_root(source.url)
        names = [path.relative_to(root).as_posix() for path in walk(root, sample)]
        small = [name for name in names if suffix(name) not in STREAMS]
        yield from (Unit(source, str(root), (name,)) for name in names if suffix(name) in STREAMS)
        yield from (Unit(source, str(root), tuple(small[i : i + FILES])) for i in range(0, len(small), FILES))


def _version(place: Remote) -> str:
    """What a remote file system says of a file's version: tag, time and size, as far as it does."""
    details = place.system.info(place.path)
    said = [str(details.get(name)) for name in ("ETag", "etag", "LastModified", "mtime", "created", "size")]
    return " ".join(said)


def _with_content(unit: Unit, earlier: Mapping[tuple[str, tuple[Stamp, ...]], str]) -> Unit:
    """The unit with its stamps and digest; what is not on disk stays as it is."""
    paths = _paths(unit.source, unit.root, unit.names)
    if not paths:
        return unit
    stamps = tuple(map(_stamp, paths))
    content = earlier.get((unit.place, stamps)) or _digest(paths)
    return Unit(unit.source, unit.root, unit.names, stamps, content)


def _paths(source: SourceConfig, root: str, names: Sequence[str]) -> list[Path]:
    """Files of a unit on this machine's disk."""
    if root:
        return [Path(root, name) for name in names]
    outside = source.url == LOCAL or source.url.startswith(PREFIX) or is_remote(source.url)
    return [] if outside else [source_root(source.url)]


def _stamp(path: Path) -> Stamp:
    """Size and time of a file; `MISSING` where it cannot be looked at, which reading then reports."""
    try:
        status = path.stat()
    except OSError:
        return MISSING
    return status.st_size, status.st_mtime_ns


def _digest(paths: Sequence[Path]) -> str:
    """Digest of some files' bytes, told apart from one another by their sizes."""
    digest = xxhash.xxh3_128()
    for path in paths:
        try:
            if not path.is_file():  # a pipe would never end
                continue
            with path.open("rb") as stream:
                digest.update(path.stat().st_size.to_bytes(8, "little"))
                while block := stream.read(BLOCK):
                    digest.update(block)
        except OSError as error:  # reading reports it; one that can be read later is other content
            digest.update(str(error.errno).encode())
    return digest.hexdigest()
