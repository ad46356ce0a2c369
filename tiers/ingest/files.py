"""Folders, files and URLs as sources: which files are read, and how one file of each sort is."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..errors import InputError
from .decode import decode
from .domains import FOLDERS, HTML, LATEX, READABLE, RECORDS, SAID, guess, kind_of, suffix
from .latex import latex_body
from .licence import folder_licence, folder_repo, licence_of
from .place import Place, is_remote, remote_files
from .records import Malformed, evidence, page, read_records, settled
from .sample import Raw, Sample
from .unpack import Damaged, packing, unpacked
from .zipped import zip_members

LINK = "a link that leaves the source folder"
OWN = {"folder of a run": {"run.db", "resolved.yaml"}, "folder of a build": {"build.json", "units.json"}}
"""What coevo made itself, and the files that mark it: never read as a source."""
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})


def read_path(url: str, domain: str | None, sample: Sample, names: tuple[str, ...] | None = None) -> None:
    """Offer everything readable under a folder or fsspec URL, or one file.

    Args:
        url: path of the folder or file, or URL.
        domain: for files whose folder says none; `auto`: by each text.
        sample: what takes or rejects the records.
        names: of a folder read these files only.

    Raises:
        InputError: there is nothing there, it may not be read, or it is of no known sort.
    """
    if is_remote(url):
        _read_all(_remote(url, sample), domain, sample, {})
        return
    root = source_root(url)
    if root.is_dir():
        paths = list(walk(root, sample) if names is None else (root / name for name in names))
        named = [(path, f"{root.resolve().name}/{path.relative_to(root).as_posix()}") for path in paths]
        found = [(path, name) for path, name in named if not _leaves(path, root, name, sample)]
        about = {"licence": folder_licence(root), "repo": folder_repo(root)}
    else:
        found, about = [(root, root.name)], {}
    _read_all([(path, printable(name)) for path, name in found], domain, sample, about)


def _remote(url: str, sample: Sample) -> list[tuple[Place, str]]:
    """Readable files under a URL; the others are counted as ignored."""
    found: list[tuple[Place, str]] = []
    for place, name in remote_files(url):
        if readable(name):
            found.append((place, printable(name)))
        else:
            sample.ignored[suffix(name) or name] += 1
    return found


def source_root(url: str) -> Path:
    """The folder or file that a source names, if it may be read.

    Raises:
        InputError: as `read_path`.
    """
    root = Path(url).expanduser()
    if not root.exists():
        why = "is a link to nothing" if root.is_symlink() else "does not exist"
        raise InputError(f"source {url} {why}: give `local:`, or the path of a folder or file with text")
    if not os.access(root, os.R_OK):
        raise InputError(f"source {url} may not be read: chmod it, or name another")
    if not root.is_dir() and not readable(root.name):
        raise InputError(f"source {url} is of no known sort: wanted {SAID}")
    return root


def walk(root: Path, sample: Sample) -> Iterator[Path]:
    """Readable files under a folder, sorted; not hidden ones, not the excluded, no folders of runs and builds."""
    excluded = {Path(folder).expanduser().resolve() for folder in sample.config.exclude}
    for folder, folders, files in os.walk(root, onerror=_refuse):
        here = Path(folder)
        made = next((what for what, marks in OWN.items() if marks <= set(files)), "")
        if made:
            sample.ignored[made] += 1
        if made or here.resolve() in excluded:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        for name in folders:
            if (here / name).is_symlink():  # os.walk does not follow it
                sample.ignored["links to folders"] += 1
        for name in sorted(files):
            if readable(name) and not name.startswith("."):
                yield here / name
            else:
                sample.ignored[suffix(name) or name] += 1


def _leaves(path: Path, root: Path, name: str, sample: Sample) -> bool:
    """Whether a file is a link to somewhere outside of its source folder; it is counted, and never opened."""
    inside = path.resolve().is_relative_to(root.resolve())
    if not inside:
        sample.reject(printable(name), "", LINK)
    return not inside


def readable(name: str) -> bool:
    """Whether a file of this name is of a sort we read (Parquet and zip pack what they hold)."""
    return suffix(name) in READABLE and not (packing(name) and suffix(name) in {".parquet", *FOLDERS})


def printable(name: str) -> str:
    """A file name as Unicode; bytes that are none become U+FFFD."""
    return os.fsencode(name).decode("utf-8", "replace")


def read_file(
    path: Place,
    name: str,
    domain: str,
    sample: Sample,
    weight: float = 1.0,
    most: int | None = None,
    about: dict[str, str] | None = None,
) -> None:
    """Offer one file of text, Markdown, LaTeX, HTML or code.

    Args:
        path: the file.
        name: its stable name, which becomes its `source`.
        domain: of its text.
        sample: what takes or rejects it.
        weight: see `Sample`.
        most: see `Sample.offer`.
        about: what is known of its folder; None: it is one of this machine's own, read by the main path only.
    """
    try:
        text = load(path, sample)
        if suffix(name) in HTML:
            raw = page(text, name, domain, sample, fallbacks=about is not None)
        else:
            raw = Raw(name, text, domain, kind_of(name, domain))
        if about is not None:
            raw = settled(_described(raw, about, name), sample)
    except Malformed as error:
        sample.reject(name, domain, str(error))
    else:
        sample.offer(raw, weight, most)


def _described(raw: Raw, about: dict[str, str], name: str) -> Raw:
    """The record with the licence that it states or its folder has; of LaTeX the body."""
    own = licence_of(raw.text[:2_000]) if raw.kind == "source" else ""
    text = latex_body(raw.text) if suffix(name) in LATEX else raw.text
    return replace(raw, text=text, evidence=evidence(raw.evidence, about | ({"licence": own} if own else {})))


def load(path: Place, sample: Sample) -> str:
    """A whole file as text, unpacked, newlines made line feeds.

    Raises:
        Malformed: it is too large, not a plain file, unreadable or not text.
    """
    limit = sample.config.max_record_bytes
    try:
        # a pipe would never end
        if isinstance(path, Path) and not stat.S_ISREG(path.stat().st_mode):
            raise Malformed("not a regular file")
        with unpacked(path, sample.config) as stream:
            data = stream.read(limit + 1)
    except Damaged as error:
        raise Malformed(str(error)) from error
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise Malformed(f"huge record: more than {limit} bytes")
    found = decode(data)
    if found.text is None:
        raise Malformed(found.reason)
    if found.encoding not in ("utf-8", "utf-8-sig"):
        sample.recoded[found.encoding] += 1
    return found.text.replace("\r\n", "\n").replace("\r", "\n")


def _read_all(found: list[tuple[Place, str]], default: str | None, sample: Sample, about: dict[str, str]) -> None:
    """Read plain files in the order of their keys, so that those beyond the caps are never opened; then the streams."""
    for path, name in sorted(found, key=lambda item: (sample.key(item[1]), item[1])):
        if suffix(name) in FOLDERS:
            with zip_members(path, name, sample) as members:
                inner = [(member, inside) for member, inside in members if _counted(inside, sample)]
                _read_all(inner, default, sample, about)
        elif suffix(name) in RECORDS:
            read_records(path, name, default, sample, about)
        else:
            domain = guess(name, None, default, sample.config.domains)
            if not sample.closed(domain, sample.key(name)):
                read_file(path, name, domain, sample, about=about)


def _counted(name: str, sample: Sample) -> bool:
    """Whether a file in an archive is read; one that is not is counted as ignored, an archive in an archive too."""
    if readable(name) and suffix(name) not in FOLDERS and not PurePosixPath(name).name.startswith("."):
        return True
    sample.ignored[f"{suffix(name)} in an archive" if suffix(name) in FOLDERS else suffix(name) or name] += 1
    return False


def _refuse(error: OSError) -> None:
    raise InputError(
        f"folder {error.filename} may not be read ({error.strerror}): chmod it, or name another"
    ) from error
