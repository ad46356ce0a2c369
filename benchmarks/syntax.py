"""Files that do not parse: how many real ones are dropped, how many damaged ones are found, and how fast.

Real are the code files of `--data` (l0/code) and of folders named with `--also`; each drop is printed, to be read.
Damaged are as many of each language with half of them cut off, a brace or bracket missing, a conflict of a merge left
in, lines numbered as on a page, or another language under their name. Beside the rule stands one that takes no error.
"""

import argparse
import gzip
import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from coevo.tiers.config import CleanConfig
from coevo.tiers.filters import Batch
from coevo.tiers.filters.syntax import SUFFIXES, parses

Files = dict[str, str]
LANGUAGE = {suffix: name for name, ends in SUFFIXES.items() for suffix in ends}
EACH = 40
"""Damaged files of a language and a damage, at most."""


def real(data: Path) -> Files:
    """Code files of the shared records, by repository and path."""
    found: Files = {}
    for packed in sorted((data / "l0" / "code").glob("*.jsonl.gz")):
        with gzip.open(packed, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if "text" in row and Path(row["path"]).suffix.lower() in LANGUAGE:
                    found[f"{row['repo']}/{row['path']}"] = row["text"]
    return found


def sampled(folder: Path, most: int) -> Files:
    """At most so many files of each suffix in a folder, not minified."""
    names = sorted(p for p in folder.rglob("*") if p.suffix.lower() in LANGUAGE and ".min." not in p.name)
    found: Files = {}
    for suffix in LANGUAGE:
        mine = [p for p in names if p.suffix.lower() == suffix and p.is_file()]
        for path in random.Random(0).sample(mine, min(most, len(mine))):
            found[str(path)] = path.read_bytes().decode("utf-8", "ignore")
    return {name: text for name, text in found.items() if 120 <= len(text) <= 100_000}


def half(text: str, draw: random.Random) -> str:
    """What stands before some place of its middle half."""
    return text[: draw.randint(len(text) // 4, 3 * len(text) // 4)]


def bracket(text: str, draw: random.Random) -> str:
    """Without one of its braces and brackets."""
    at = draw.choice([i for i, c in enumerate(text) if c in "{}()"] or [0])
    return text[:at] + text[at + 1 :]


def conflict(text: str, draw: random.Random) -> str:
    """With three lines twice, between the marks of a merge."""
    lines = text.split("\n")
    at = draw.randrange(len(lines))
    twice = ["<<<<<<< HEAD", *lines[at : at + 3], "=======", *lines[at : at + 3], ">>>>>>> other"]
    return "\n".join([*lines[:at], *twice, *lines[at + 3 :]])


def numbered(text: str, draw: random.Random) -> str:
    """As copied from a page."""
    return "\n".join(f"{i:4d}  {line}" for i, line in enumerate(text.split("\n"), 1))


def python(text: str, draw: random.Random) -> str:
    """A program of Python under its name."""
    return Path(draw.choice((__file__, argparse.__file__, json.__file__, random.__file__))).read_text("utf-8")


DAMAGES: tuple[Callable[[str, random.Random], str], ...] = (half, bracket, conflict, numbered, python)


def judged(files: Files, config: CleanConfig) -> dict[str, str]:
    """Reasons of what is dropped, by name."""
    n = len(files)
    names = {"domain": ["code"] * n, "kind": ["source"] * n, "source": list(files)}
    said = parses(Batch.of(pa.table({"text": pa.array(files.values(), pa.large_string()), **names})), config)
    return {name: reason for name, reason in zip(files, said.to_pylist(), strict=True) if reason}


def main() -> None:
    """Print the drops, a table of what is found, and one JSON line last."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with l0/code")
    parser.add_argument("--also", type=Path, action="append", default=[], help="a folder of real program text")
    given = parser.parse_args()
    rule = CleanConfig(parse_languages=tuple(SUFFIXES))
    strict = rule.model_copy(update={"max_parse_errors": 0.0, "max_parse_errors_c": 0.0})
    told: dict[str, object] = {"name": "syntax", "peer_name": "no error at all", "unit": "real files dropped"}
    files = real(given.data)
    for name, group in {"l0/code": files, **{str(f): sampled(f, 700) for f in given.also}}.items():
        began = time.perf_counter()
        dropped, errors = judged(group, rule), judged(group, strict)
        size = sum(map(len, group.values())) / 1e6
        print(f"{name}: {len(group)} files, {size:.1f} MB, {len(dropped)} dropped, {len(errors)} with an error")
        print(*(f"  {file}: {reason}" for file, reason in dropped.items()), sep="\n")
        told[name] = {"n": len(group), "ours": len(dropped), "peer": len(errors)}
        print(f"  {2 * size / (time.perf_counter() - began):.1f} MB/s")
    for damage in DAMAGES:
        draw = random.Random(1)
        for c in (False, True):
            of = [LANGUAGE[Path(f).suffix.lower()] for f in files]
            chosen: Files = {}
            for language in sorted({one for one in of if (one in ("c", "cpp")) == c}):
                mine = [f for f, one in zip(files, of, strict=True) if one == language and len(files[f]) >= 300]
                chosen |= {f: damage(files[f], draw) for f in draw.sample(mine, min(EACH, len(mine)))}
            found, all_found = len(judged(chosen, rule)), len(judged(chosen, strict))
            where = "C, C++" if c else "others"
            print(f"{damage.__name__:9} {where}: {found} of {len(chosen)} found, {all_found} with an error")
            told[f"{damage.__name__} {where}"] = [found, all_found, len(chosen)]
    print(json.dumps(told | {"ours": len(judged(files, rule)), "peer": len(judged(files, strict))}))


if __name__ == "__main__":
    main()
