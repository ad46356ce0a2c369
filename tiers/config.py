"""What a user can set about reading, cleaning, deduplicating and decontaminating."""

from typing import Literal

from pydantic import Field

from .record import Record
from .sampling import Sampling
from .tier import DOMAINS


class SourceConfig(Record):
    """One place to read raw text from."""

    url: str = Field(min_length=1)
    """`local:` (this machine's Python), the path of a folder or file, an fsspec URL, or `datasets:NAME?split=train`.

    Read are text, Markdown, LaTeX, HTML, code, .jsonl, .parquet and .warc, packed as .gz or .zst or not.
    """
    domain: str | None = None
    """Domain of records that name none themselves and lie in no folder called after one; None: by file type;
    `auto`: by each record's own text."""
    max_records: int = Field(default=1_000_000, gt=0)
    """Of a `datasets:` source no more rows than this are streamed."""


class IngestConfig(Record):
    """How much is read, and what is too odd to be read. Sizes are UTF-8 bytes."""

    domains: tuple[str, ...] = DOMAINS
    max_documents: int = Field(default=8_000, gt=0)
    """Documents sampled per domain."""
    max_bytes: int = Field(default=5_000_000, gt=0)
    """Text sampled per domain."""
    min_bytes: int = Field(default=20_000, ge=0)
    """A domain with less text than this stops the run."""
    document_bytes: int = Field(default=5_000, ge=200)
    """Longer texts are cut into documents of about this size."""
    max_line_bytes: int = Field(default=8_000_000, gt=0)
    """A longer line of a jsonl file is quarantined."""
    max_record_bytes: int = Field(default=4_000_000, gt=0)
    """A longer text is quarantined."""
    max_unpacked_bytes: int = Field(default=4_000_000_000, gt=0)
    """A packed file is read no further than this."""
    max_gzip_ratio: float = Field(default=200.0, gt=1)
    """A packed file that grows by more is a bomb (text grows by 3 to 30); looked at after the first 16 MB."""
    max_window_bytes: int = Field(default=1 << 27, ge=1 << 10, le=1 << 31)
    """Memory that a Zstandard file may ask for (`zstd --long=31` asks for 2 GiB)."""
    exclude: tuple[str, ...] = ()
    """Folders never read, such as the run folder."""


class CleanConfig(Record):
    """Limits of the rules that make L1 of L0. Shares lie in 0..1; Gopher's are from arXiv 2112.11446, table A1."""

    house: bool = True
    """coevo's own rules, for every text."""
    packs: bool = True
    """The rules of each text's domain pack (docs/domains.md); texts of `local:` have none."""
    families: tuple[str, ...] = ()
    """Published rules as their authors set them, for every text: gopher-quality, gopher-repetition, c4, fineweb."""
    words: Literal["spaces", "marks"] = "spaces"
    """What the published families count as words: what stands between white space, or punctuation marks as well, each
    by itself, as datatrove's tokenizer does: their verdicts are then its verdicts (docs/tiers.md)."""
    encoding: bool = True
    """Mend prose that was decoded wrongly, where ftfy is sure, and take out control characters."""
    embedded: bool = True
    """Take out the bytes of files that are written into prose as base64 (`data:image/png;base64,...`)."""
    notices: bool = True
    """Take lines out of pages that speak of the page itself: cookies, sharing, subscriptions, rights."""
    pii: bool = True
    """Put stand-ins for addresses of mail, public addresses of machines and numbers of telephones."""
    block_urls: tuple[str, ...] = ()
    """Hosts (with subdomains) and beginnings of addresses whose pages are dropped, or .txt files of such lines."""
    parse_languages: tuple[str, ...] = ()
    """Languages beside Python whose files must parse: javascript, typescript, tsx, java, c, cpp, go, rust
    (`pip install 'coevo[parsers]'`)."""
    max_parse_errors: float = Field(default=0.01, ge=0, le=1)
    """Share of bytes of such a file that its grammar need not make sense of (docs/domains.md) ..."""
    max_parse_errors_c: float = Field(default=0.20, ge=0, le=1)
    """... and of a file of C or C++, where macros may stand for anything."""
    min_chars: int = 120
    max_chars: int = 200_000
    min_letters: float = 0.55
    """Share of letters among visible characters of prose."""
    min_letters_math: float = 0.30
    min_letters_code: float = 0.25
    min_word: float = 2.5
    """Mean length of a word of prose, in characters."""
    max_word: float = 10.0
    max_other_script: float = 0.30
    """Share of letters of English prose that are not Latin ones."""
    max_links: float = 0.75
    """Share of characters of a text with 20 links of Markdown or more that stand in them, titles and addresses."""
    max_single_words: float = 0.80
    """Share of lines of prose that are one word, in a text with 20 such lines or more."""
    min_function_words: int = 2
    """How many different of Gopher's eight English function words a text of 50 words or more must have."""
    max_symbols: float = 0.10
    """Hashes and ellipses per word."""
    max_bullet_lines: float = 0.90
    max_ellipsis_lines: float = 0.30
    max_markup: float = 0.30
    """Share of characters inside HTML tags."""
    max_damage: float = 0.01
    """Share of characters that decoding went wrong on: U+FFFD, control characters, UTF-8 read as Latin-1."""
    max_duplicate_lines: float = 0.30
    max_duplicate_line_chars: float = 0.20
    max_top_ngram: tuple[float, float, float] = (0.20, 0.18, 0.16)
    """Share of characters in the most frequent 2-, 3- and 4-gram of words."""
    max_duplicate_ngram: tuple[float, ...] = (0.15, 0.14, 0.13, 0.12, 0.11, 0.10)
    """Share of characters in 5- to 10-grams of words that stood before."""
    max_mean_line: float = 100.0
    """Mean line of code, in characters (StarCoder, arXiv 2305.06161)."""
    max_line: int = 1_000
    max_digits: float = 0.30
    """Share of digits among visible characters of code."""
    max_literal_lines: float = 0.70
    """Share of lines of code that only hold literals."""
    max_encoded: float = 0.20
    """Share of characters in runs of base64 or hexadecimal."""


class DedupConfig(Record):
    """MinHash over word 5-grams (characters of Chinese, Japanese and Korean count as words)."""

    threshold: float = Field(default=0.70, gt=0, le=1)
    """Estimated Jaccard similarity from which two texts are one ..."""
    signs: float = Field(default=0.04, ge=0, le=1)
    """... unless their formulae or code differ: the share of signs in common may lie so far below the middle between
    that similarity and 1 (see `tiers.signs.agree`); 1: signs are not looked at."""
    ngram: int = Field(default=5, gt=0)
    permutations: int = Field(default=120, gt=0)
    bands: int = Field(default=20, gt=0)
    """Signature bands; a pair at similarity s is looked at with probability 1 - (1 - s^(permutations/bands))^bands."""


class DecontaminateConfig(Record):
    """Overlap with benchmark text, after GPT-3 (arXiv 2005.14165, appendix C)."""

    ngram: int = Field(default=13, gt=1)
    """Words in a row that must agree."""
    min_tokens: int = Field(default=8, gt=0)
    """A shorter benchmark text must agree whole; one of fewer words than this is not looked for."""
    common: int = Field(default=10, gt=0)
    """An n-gram found in more documents than this is boilerplate and does not count by itself ..."""
    containment: float = Field(default=0.5, gt=0, le=1)
    """... but a document that holds this share of a benchmark text's n-grams, common or not, is dropped."""
    paraphrase: float = Field(default=0.0, ge=0, le=1)
    """Cosine from which a passage is a rephrased benchmark text, by rare words in common; 0: not looked for.

    0.16 finds most items that a model rephrased (see docs/tiers.md for what it misses and what it refuses in vain).
    """
    meaning: float = Field(default=0.0, ge=0, le=1)
    """Cosine from which a passage means what a benchmark text means, by `encoder`; 0: not looked for."""
    encoder: str = "hashing"
    """`hashing`, which sees shared words only, or the folder of a local sentence encoder."""


class BulkSelection(Record):
    """L2 in bulk: judges label a sample, a student of theirs grades every row, and documents are drawn by grade."""

    labels: int = Field(default=1_000, ge=0)
    """Documents of each domain that are judged, as many of each collection and length as there are."""
    share: float = Field(default=0.4, ge=0, le=1)
    """Share of each domain's L1 that rises."""
    sampling: Sampling = Sampling()
    """How the chance to rise falls with the rank, and what chance the worst document keeps."""
    agreement: float = Field(default=0.2, ge=-1, le=1)
    """Least lower end of the student's rank correlation with the judges, or nothing of the domain rises."""
    encoder: str = ""
    """Empty: hashed n-grams. `hashing`, or the folder of a local sentence encoder: a student on its vectors."""
    weights: dict[str, float] = Field(default={})
    """By rubric; empty: all rubrics alike."""
    seed: int = Field(default=0, ge=0)


def _everything() -> IngestConfig:
    from .domains import packs  # whose rules are configured here

    every = tuple(sorted(packs()))
    return IngestConfig(domains=every, document_bytes=120_000, max_documents=1 << 40, max_bytes=1 << 60, min_bytes=0)


class BulkConfig(Record):
    """Limits of a build in bulk (`tiers.bulk`)."""

    ingest: IngestConfig = Field(default_factory=_everything)
    """Every domain that there is a pack for; its caps do not hold here: everything is read."""
    clean: CleanConfig = CleanConfig()
    dedup: DedupConfig = DedupConfig(permutations=112, bands=28, threshold=0.6)
    """As many permutations as FineWeb (arXiv 2406.17557), in 28 bands instead of 14: there the bands decide, and miss a
    third of the pairs of similarity 0.7; here they find nearly all from 0.5 on, and the threshold decides."""
    decontaminate: DecontaminateConfig = DecontaminateConfig()
    """Of a build that is told of benchmarks."""
    selection: BulkSelection = BulkSelection()
    shard_documents: int = Field(default=20_000, gt=0)
    """Documents of a part ..."""
    shard_bytes: int = Field(default=64_000_000, gt=0)
    """... or text of it, whichever is full first."""
