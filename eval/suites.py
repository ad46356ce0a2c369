"""Building a suite: held-out texts cut into bits-per-byte chunks and cloze questions, and arithmetic beside them."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ..tiers.errors import EvalError
from ..tiers.whole import write_whole
from . import arithmetic
from .config import EvalConfig
from .draw import rank, spread
from .score import Benchmark, Item, Omitted, Split, Suite

MADE = ("bpb", "cloze", "arithmetic")
"""Kinds that are cut from held-out texts."""
_GAP = re.compile(r"(?<=\S) (?=\S)")
_BETWEEN = re.compile(r"(?<=\S)(?=\S)")
_TURN = "\0"
"""Stands between a cloze context and its continuation while candidates are drawn; clean text has no NUL."""


@dataclass(frozen=True)
class HeldOut:
    """One text that no tier holds, its domain, and the source file that its items are clustered by."""

    text: str
    domain: str
    source_file: str


def build_suite(
    split: Split,
    heldout: Sequence[HeldOut],
    config: EvalConfig,
    seed: int,
    *,
    exclude: Sequence[Suite] = (),
    more: Sequence[Benchmark] = (),
) -> Suite:
    """Cut one split's benchmarks: `bpb_<domain>` and `cloze_<domain>` for each domain, and `arithmetic`.

    The order of `heldout` does not matter. A benchmark with too few source files or items is not built but named in
    `Suite.omitted`. Texts of `exclude` (the other splits' suites: licence headers recur) are not used again. `more` are
    benchmarks from elsewhere. A sealed suite has no arithmetic, whose problems are kept for the two others.

    Raises:
        EvalError: not one benchmark can be built.
    """
    used = {text for suite in exclude for text in suite_texts(suite)}
    benchmarks: list[Benchmark] = []
    omitted: list[Omitted] = []
    for benchmark in (*_candidates(split, heldout, config, seed, used), *more):
        reason = _too_few(benchmark, config)
        if reason:
            omitted.append(Omitted(benchmark=benchmark.name, reason=reason))
        else:
            benchmarks.append(benchmark)
    if not benchmarks:
        why = "; ".join(f"{o.benchmark}: {o.reason}" for o in omitted) or "no held-out text was given"
        raise EvalError(f"no {split} benchmark could be built ({why}): add files or lower evaluation.min_clusters")
    return Suite(split=split, benchmarks=tuple(benchmarks), digest=_digest(split, benchmarks), omitted=tuple(omitted))


def item_text(item: Item) -> str:
    """What an item says when it is answered rightly: a chunk, or a question followed by its true answer."""
    return item.text + (item.choices[item.answer] if item.choices else "")


def suite_texts(suite: Suite) -> list[str]:
    """What training data must not contain."""
    return [item_text(item) for benchmark in suite.benchmarks for item in benchmark.items]


def save_suite(suite: Suite, path: Path) -> Path:
    """Write a suite as JSON, whole or not at all."""
    write_whole(path, suite.model_dump_json().encode())
    return path


def load_suite(path: Path) -> Suite:
    """Read a suite back.

    Raises:
        EvalError: the file is missing, is no suite, or its questions are not those that its digest names.
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError("no plain file")
        suite = Suite.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise EvalError(f"no suite can be read from {path} ({type(error).__name__}): restore it from a copy") from error
    if _digest(suite.split, suite.benchmarks) != suite.digest:
        raise EvalError(
            f"the questions in {path} were altered after they were cut: restore the file or start a new run"
        )
    return suite


def _digest(split: str, benchmarks: Sequence[Benchmark]) -> str:
    """16 hex digits that name the split and every question in order."""
    content = json.dumps([split, [b.model_dump(mode="json") for b in benchmarks]], sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def _too_few(benchmark: Benchmark, config: EvalConfig) -> str:
    """Why a benchmark cannot carry an error estimate; empty if it can."""
    clusters = len({item.cluster for item in benchmark.items})
    if clusters < config.min_clusters:
        what = "held-out source files with usable text" if benchmark.kind in MADE else "clusters of questions"
        return f"{clusters} {what}, {config.min_clusters} wanted"
    if len(benchmark.items) < config.min_items:
        return f"{len(benchmark.items)} questions, {config.min_items} wanted"
    return ""


def _candidates(
    split: Split, heldout: Sequence[HeldOut], config: EvalConfig, seed: int, used: set[str]
) -> Iterator[Benchmark]:
    """Every benchmark that the configuration asks for, however few its items."""
    domains = sorted({h.domain for h in heldout})
    texts = {d: [h for h in heldout if h.domain == d] for d in domains}
    for domain in domains if config.bpb_items else []:
        name, items = f"bpb_{domain}", _bpb_items(texts[domain], config, seed, used)
        yield Benchmark(name=name, kind="bpb", domain=domain, metric="bits_per_byte", items=tuple(items))
    for domain in domains if config.cloze_items else []:
        name, items = f"cloze_{domain}", _cloze_items(texts[domain], config, seed, used)
        yield Benchmark(name=name, kind="cloze", domain=domain, metric="margin", items=tuple(items))
    if split != "sealed" and config.arithmetic_items and config.arithmetic_domain in domains:
        items = arithmetic.items(split, config, seed)
        yield Benchmark(
            name="arithmetic", kind="arithmetic", domain=config.arithmetic_domain, metric="margin", items=tuple(items)
        )


def _bpb_items(texts: Sequence[HeldOut], config: EvalConfig, seed: int, used: set[str]) -> list[Item]:
    found = {chunk: h.source_file for h in _ordered(texts) for chunk in _chunks(h.text, config.bpb_bytes)}
    drawn = spread(((file, chunk) for chunk, file in found.items() if chunk not in used), config.bpb_items, seed)
    return [Item(id=f"bpb-{rank(0, file, text):016x}", cluster=file, text=text) for file, text in drawn]


def _cloze_items(texts: Sequence[HeldOut], config: EvalConfig, seed: int, used: set[str]) -> list[Item]:
    """True continuations against continuations of other files in the domain, of the most similar length."""
    found = {_TURN.join(pair): h.source_file for h in _ordered(texts) for pair in _turns(h.text, config)}
    pool = [(file, key) for key, file in found.items() if key.replace(_TURN, "") not in used]
    drawn = spread(pool, config.cloze_items, seed)
    endings = sorted({(file, key.split(_TURN)[1]) for file, key in spread(pool, 8 * config.cloze_items, seed)})
    items = []
    for file, key in drawn:
        context, gold = key.split(_TURN)
        wrong = _distractors(gold, file, endings, config.choices - 1, seed)
        if len(wrong) == config.choices - 1:
            place = rank(seed, key) % config.choices
            choices = (*wrong[:place], gold, *wrong[place:])
            name = f"cloze-{rank(0, file, key):016x}"
            items.append(Item(id=name, cluster=file, text=context, choices=choices, answer=place))
    return items


def _distractors(gold: str, file: str, endings: Sequence[tuple[str, str]], count: int, seed: int) -> list[str]:
    """`count` different continuations from other source files, drawn among those within four bytes of the true one."""
    length = len(gold.encode())
    others = {text for source, text in endings if source != file and text != gold}
    return sorted(others, key=lambda text: (abs(len(text.encode()) - length) // 5, rank(seed, gold, text)))[:count]


def _ordered(texts: Sequence[HeldOut]) -> list[HeldOut]:
    """By file and text, so that a text found in two files is always taken for the same one of them."""
    clean = (HeldOut(h.text.encode("utf-8", "replace").decode(), h.domain, h.source_file) for h in texts)
    return sorted(clean, key=lambda h: (h.source_file, h.text), reverse=True)


def _chunks(text: str, size: int) -> Iterator[str]:
    """Consecutive pieces of size/2 to `size` bytes, cut at white space where there is some."""
    data, start = text.encode(), 0
    while len(data) - start >= size // 2:
        piece = _head(data[start : start + size], len(data) - start > size)
        start += len(piece.encode())
        if _wordy(piece) and len(piece.strip().encode()) >= size // 2:
            yield piece.strip()


def _head(data: bytes, more: bool) -> str:
    """`data` without its last broken word (if the text goes on and a gap lies in the second half) or character."""
    text = data.decode("utf-8", "ignore")
    gap = max(text.rfind(" "), text.rfind("\n"))
    return text[:gap] if more and gap > len(text) // 2 else text


def _turns(text: str, config: EvalConfig) -> Iterator[tuple[str, str]]:
    """(context, continuation) pairs that do not overlap; a continuation begins with the space before its first word."""
    before, after = config.cloze_context_bytes, config.cloze_choice_bytes
    gaps = [m.start() for m in _GAP.finditer(text)]
    if len(gaps) * 40 < len(text):  # a script without spaces between words
        gaps = [m.start() for m in _BETWEEN.finditer(text)]
    reached = 0
    for gap in gaps:
        context = text[max(reached, gap - before) : gap]
        if len(context.encode()) < before * 3 // 4:
            continue
        context = _tail(context.encode()[-before:])
        ending = _head(text[gap : gap + after].encode()[:after], gap + after < len(text)).rstrip()
        if len(ending.encode()) >= after // 2 and _wordy(ending) and _wordy(context):
            yield context, ending
            reached = gap + len(ending)


def _tail(data: bytes) -> str:
    """`data` without its first broken character or word (if a gap lies in the first half)."""
    text = data.decode("utf-8", "ignore")
    gap = text.find(" ")
    return (text[gap + 1 :] if 0 <= gap < len(text) // 2 else text).lstrip()


def _wordy(text: str) -> bool:
    """Whether at least half of what is not white space is letters or digits: no rulers, no tables of symbols."""
    shown = [c for c in text if not c.isspace()]
    return bool(shown) and 2 * sum(c.isalnum() for c in shown) >= len(shown) and "\0" not in text
