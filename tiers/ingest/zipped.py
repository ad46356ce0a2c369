"""Zip archives: the files in them as places, after what is no plain file and what is a bomb was refused."""

import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from .place import Member, Place, stored_bytes
from .sample import Sample
from .unpack import RATIO_FROM

MOST_MEMBERS = 100_000
SYSTEM = "__MACOSX"
"""Folder that an operating system adds for itself."""
ENCRYPTED = 0x1


@contextmanager
def zip_members(place: Place, name: str, sample: Sample) -> Iterator[list[tuple[Place, str]]]:
    """Files of an archive with their names, `name` before them; what cannot be read is rejected with the reason.

    Nothing is written to a disk, so a name is only a name; one that leaves the archive is refused all the same.
    """
    with ExitStack() as opened:
        try:
            size = stored_bytes(place)
            archive = opened.enter_context(ZipFile(opened.enter_context(place.open("rb"))))
            reason = _bomb(archive, size, sample)
            members = [] if reason else list(_plain(archive, name, sample))
        except (BadZipFile, NotImplementedError, ValueError) as error:
            reason, members = f"damaged zip: {error}"[:200], []
        except OSError as error:
            reason, members = f"cannot be read: {error.strerror or error}", []
        if reason:
            sample.reject(name, "", reason)
        yield members


def _bomb(archive: ZipFile, size: int, sample: Sample) -> str:
    """Why an archive is not opened, from its table: what a member unpacks to is never more than stands there."""
    config, infos = sample.config, archive.infolist()
    total = sum(info.file_size for info in infos)
    if len(infos) > MOST_MEMBERS:
        return f"zip bomb: {len(infos)} files > {MOST_MEMBERS}"
    if total > config.max_unpacked_bytes:
        return f"zip bomb: unpacks to {total} bytes > {config.max_unpacked_bytes}"
    if total > max(RATIO_FROM, config.max_gzip_ratio * size):
        return f"zip bomb: grows more than {config.max_gzip_ratio:g} times"
    return ""


def _plain(archive: ZipFile, name: str, sample: Sample) -> Iterator[tuple[Place, str]]:
    """The plain files, each name once."""
    before = set[str]()
    for info in archive.infolist():
        inside = f"{name}/{info.filename}".encode("utf-8", "replace").decode()
        if info.is_dir() or SYSTEM in PurePosixPath(info.filename).parts:
            continue
        reason = _fault(info, before)
        if reason:
            sample.reject(inside, "", reason)
        else:
            yield Member(archive, info), inside
        before.add(info.filename)


def _fault(info: ZipInfo, before: set[str]) -> str:
    """Why a member is not read."""
    path = PurePosixPath(info.filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts:
        return "a name that leaves the archive"
    if kind not in (0, stat.S_IFREG):
        return "no plain file"
    if info.flag_bits & ENCRYPTED:
        return "encrypted"
    return "a second file of this name" if info.filename in before else ""
