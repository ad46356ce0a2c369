"""Where bytes lie: a local path, or an fsspec URL or a file in an archive that answers the same questions."""

import errno
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeAlias
from zipfile import ZipFile, ZipInfo

from ..errors import InputError


@dataclass(frozen=True, slots=True)
class Remote:
    """A file of any file system that fsspec knows; what of `Path` reading needs."""

    system: Any
    path: str

    @property
    def name(self) -> str:
        """Last part of the path."""
        return PurePosixPath(self.path).name

    def open(self, mode: str = "rb") -> IO[bytes]:
        """The bytes, from the start.

        Raises:
            OSError: they are not there any more, or the other side fails.
        """
        with _as_oserror(self.path):
            return io.BufferedReader(_Guarded(self.system.open(self.path, mode), self.path), 1 << 20)

    def size(self) -> int:
        """Bytes as stored, 0 where the other side does not say."""
        with _as_oserror(self.path):
            return int(self.system.size(self.path) or 0)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a zip archive that is open; what of `Path` reading needs."""

    archive: ZipFile
    info: ZipInfo

    @property
    def name(self) -> str:
        """Last part of its path."""
        return PurePosixPath(self.info.filename).name

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Its bytes, unpacked, never more than the archive's table states.

        Raises:
            OSError: they are broken, or packed in a way that is not read.
        """
        with _as_oserror(self.name):
            return io.BufferedReader(_Guarded(self.archive.open(self.info), self.name), 1 << 16)

    def size(self) -> int:
        """Bytes when unpacked."""
        return self.info.file_size


class _Guarded(io.RawIOBase):
    """A stream of a driver whose every failure is an OSError."""

    def __init__(self, stream: Any, path: str) -> None:
        self._stream, self._path = stream, path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _as_oserror(self._path):
            block = self._stream.read(len(buffer))
            buffer[: len(block)] = block
            return len(block)

    def seek(self, offset: int, whence: int = 0) -> int:
        with _as_oserror(self._path):
            return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self._stream.tell())

    def close(self) -> None:
        self._stream.close()
        super().close()


Place: TypeAlias = Path | Remote | Member


class _as_oserror:
    """What drivers of remote file systems raise, as the one error that reading expects."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, OSError):
            raise OSError(errno.EIO, f"{type(error).__name__}: {error}"[:200]) from error


def is_remote(url: str) -> bool:
    """Whether a source is an fsspec URL rather than a path."""
    return "://" in url


def stored_bytes(place: Place) -> int:
    """Size on its file system.

    Raises:
        OSError: it is not there, or no plain file (a pipe or a device would never end).
    """
    if not isinstance(place, Path):
        return place.size()
    if not place.is_file():
        raise OSError(errno.EINVAL, "not a regular file" if place.exists() else "no such file")
    return place.stat().st_size


def remote_files(url: str) -> Iterator[tuple[Remote, str]]:
    """Files at or under an fsspec URL in order, each with its name from the URL's last folder on.

    Raises:
        InputError: the protocol is unknown or wants a package, nothing is there, or the other side refuses.
    """
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(url)
        found = [root] if system.isfile(root) else sorted(system.find(root))
    except ImportError as error:
        raise InputError(f"source {url} needs a package that is not installed ({error}): pip install it") from error
    except ValueError as error:
        raise InputError(
            f"source {url} has an unknown protocol ({error}): wanted file://, s3://, https:// ..."
        ) from error
    except Exception as error:  # every driver has its own
        raise InputError(
            f"source {url} cannot be listed ({type(error).__name__}: {error}): check the address"
        ) from error
    if not found:
        raise InputError(f"source {url} does not exist or is empty: check the address")
    base = PurePosixPath(root).parent
    for path in found:
        yield Remote(system, path), PurePosixPath(path).relative_to(base).as_posix()
