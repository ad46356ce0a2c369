"""Reading all sources into one sample, and refusing to go on with too little."""

from collections import Counter
from collections.abc import Sequence

import pyarrow.compute as pc

from ..config import IngestConfig, SourceConfig
from ..errors import InputError
from .files import read_path
from .local import read_local
from .sample import Ingested, Sample

LOCAL = "local:"


def ingest(sources: Sequence[SourceConfig], config: IngestConfig, seed: int) -> Ingested:
    """Read raw text from every source: documents inside the caps, and every unreadable record with its reason.

    The same files, configuration and seed give the same tables, in whatever order the file system lists them.

    Raises:
        InputError: no source, a source that is missing or unreadable, nothing to read, or too little of a domain.
    """
    if not sources:
        raise InputError("no source of text is configured: add one, such as `local:` or the path of a folder")
    sample = Sample(config, seed)
    for source in sources:
        if source.url == LOCAL:
            read_local(sample)
        elif "://" in source.url:
            raise InputError(f"source {source.url} is remote: download it and give the path of its folder")
        else:
            read_path(source.url, source.domain, sample)
    found = sample.finish()
    _check(found, [s.url for s in sources], config)
    return found


def _check(found: Ingested, urls: list[str], config: IngestConfig) -> None:
    """Raise InputError when there is too little to work with."""
    where = ", ".join(urls)
    reasons = Counter(found.quarantined["reason"].to_pylist()).most_common(1)
    odd = f"{found.quarantined.num_rows} records were unreadable, mostly: {reasons[0][0]}" if reasons else ""
    seen = ", ".join(sorted(found.ignored)[:8])
    if not found.documents.num_rows:
        why = odd or (f"found only {seen}" if seen else "found no files")
        raise InputError(
            f"no text in {where} ({why}): wanted .txt, .md, .rst, .html, .py, .jsonl, .jsonl.gz or .parquet"
        )
    lengths = pc.binary_length(found.documents["text"])
    for domain in config.domains:
        size = pc.sum(lengths.filter(pc.equal(found.documents["domain"], domain))).as_py() or 0
        if size < config.min_bytes:
            hint = f" ({odd})" if odd else ""
            raise InputError(
                f"wanted at least {config.min_bytes} bytes of {domain} text, got {size} from {where}{hint}: "
                f"add a source that has some, or take {domain} out of the domains"
            )
