"""Reading all sources into one sample, and refusing to go on with too little."""

from collections import Counter
from collections.abc import Sequence

import pyarrow.compute as pc

from ..config import IngestConfig, SourceConfig
from ..errors import InputError
from .domains import SAID
from .files import read_path, source_root
from .hub import PREFIX, dataset_rows, parse_name
from .local import read_local
from .place import is_remote, remote_files
from .records import offer_rows
from .sample import Ingested, Sample

LOCAL = "local:"


def ingest(sources: Sequence[SourceConfig], config: IngestConfig, seed: int) -> Ingested:
    """Read raw text from every source: documents inside the caps, and every unreadable record with its reason.

    The same files, configuration and seed give the same tables, in whatever order the file system lists them.

    Raises:
        InputError: no source, a source that is missing or unreadable, nothing to read, or too little of a domain.
    """
    check_sources(sources)
    sample = Sample(config, seed)
    for source in sources:
        read_source(source, sample)
    found = sample.finish()
    _check(found, [s.url for s in sources], config)
    return found


def read_source(source: SourceConfig, sample: Sample) -> None:
    """Offer everything of one source to the sample.

    Raises:
        InputError: it is missing, unreadable or of no known sort.
    """
    if source.url == LOCAL:
        read_local(sample)
    elif source.url.startswith(PREFIX):
        rows = dataset_rows(source.url, source.max_records)
        name = source.url.removeprefix(PREFIX)
        offer_rows(rows, name, source.domain, sample, {"repo": parse_name(source.url)[0]})
    else:
        read_path(source.url, source.domain, sample)


def check_sources(sources: Sequence[SourceConfig]) -> None:
    """Whether all sources are there, before anything is read.

    Raises:
        InputError: there is none, or one is missing, unreadable or badly named.
    """
    if not sources:
        raise InputError("no source of text is configured: add one, such as `local:` or the path of a folder")
    for source in sources:
        if source.url.startswith(PREFIX):
            parse_name(source.url)
        elif is_remote(source.url):
            next(remote_files(source.url))
        elif source.url != LOCAL:
            source_root(source.url)


def _check(found: Ingested, urls: list[str], config: IngestConfig) -> None:
    """Raise InputError when there is too little to work with."""
    where = ", ".join(urls)
    reasons = Counter(found.quarantined["reason"].to_pylist()).most_common(1)
    count = found.quarantined.num_rows
    odd = f"{count} record{'s were' if count > 1 else ' was'} unreadable, mostly: {reasons[0][0]}" if reasons else ""
    seen = ", ".join(sorted(found.ignored)[:8])
    foreign = sorted(set(found.quarantined["domain"].to_pylist()) - {"", *config.domains})
    if not found.documents.num_rows and foreign:
        raise InputError(
            f"wanted text of {', '.join(config.domains)}, got records of {', '.join(foreign[:8])} only from {where}: "
            f"take them in with: --set 'domains=[{', '.join(foreign[:8])}]'"
        )
    if not found.documents.num_rows:
        why = odd or (f"found only {seen}" if seen else "found no files")
        raise InputError(f"no text in {where} ({why}): wanted {SAID}")
    sizes = {domain: _size(found, domain) for domain in config.domains}
    thin = [f"{size} of {domain}" for domain, size in sizes.items() if size < config.min_bytes]
    if thin:
        enough = ", ".join(domain for domain, size in sizes.items() if size >= config.min_bytes)
        way = f", or go on without with: --set 'domains=[{enough}]'" if enough else ", or lower ingest.min_bytes"
        hint = f" ({odd})" if odd else ""
        raise InputError(
            f"wanted at least {config.min_bytes} bytes of text in every domain, got {', '.join(thin)} "
            f"from {where}{hint}: add a source that has some{way}"
        )


def _size(found: Ingested, domain: str) -> int:
    lengths = pc.binary_length(found.documents["text"])
    return pc.sum(lengths.filter(pc.equal(found.documents["domain"], domain))).as_py() or 0
