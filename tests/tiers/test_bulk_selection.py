"""L2 in bulk: a student of the judges grades every row, the draw is that of `select`, kills change nothing."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from coevo.tiers.bulk.build import Built, batches, build
from coevo.tiers.bulk.selection import Raised, select_l2
from coevo.tiers.config import BulkConfig, BulkSelection, SourceConfig
from coevo.tiers.engine import Inline, Processes
from coevo.tiers.errors import InputError
from coevo.tiers.select import select
from coevo.tiers.store import SELECTOR

from .building import CONFIG, files, judge

HERE = Path(__file__).parent


def corpus(folder: Path, n: int = 280) -> SourceConfig:
    """Two collections of texts whose words are long in the one and short in the other, and of any share between."""
    folder.mkdir()
    for name, syllables in (("short", 2), ("long", 4)):
        draw = random.Random(name)
        lines = []
        for i in range(n // 2):
            words = [
                "".join(draw.choice("bdgklmnprstv") + draw.choice("aeiou") for _ in range(draw.randint(1, syllables)))
                for _ in range(60)
            ]
            small = [draw.choice(("the", "of", "and", "with", "that", "to", "have", "be", "in")) for _ in words]
            said = [f"{a} {b}" for a, b in zip(small, words, strict=True)]
            text = ". ".join(" ".join(said[k : k + 6]).capitalize() for k in range(0, 60, 6)) + "."
            lines.append(json.dumps({"text": text, "id": i, "domain": "en", "source": name}))
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return SourceConfig(url=str(folder))


def built_in(folder: Path, source: SourceConfig) -> Built:
    return build([source], folder, CONFIG, Inline())


def rows(folder: Path, raised: Raised, stage: str) -> pa.Table:
    return pa.concat_tables(pq.read_table(folder / stage / Path(p).name) for p in raised.parts)


def test_every_row_is_graded_and_the_draw_is_that_of_select(tmp_path: Path) -> None:
    source = corpus(tmp_path / "source")
    built = built_in(tmp_path / "out", source)
    raised = select_l2(tmp_path / "out", built, CONFIG.selection, judge, "words", Inline())
    assert raised.agreement["en"].accepted and raised.agreement["en"].n == 60
    told = rows(tmp_path / "out", raised, "selected")
    assert told.num_rows == built.kept["en"] == raised.kept["en"] + raised.refused["en"]
    assert raised.kept["en"] == round(0.4 * built.kept["en"])
    assert not pc.any(pc.is_nan(told["grade"])).as_py()
    scores = pa.table({"doc_id": told["id"], "rubric": [SELECTOR] * told.num_rows, "score": told["grade"]})
    same = select(told.select(["id", "domain"]), scores, {SELECTOR: 1.0}, 0.4, 0)
    assert told["kept"].to_pylist() == same["kept"].to_pylist()
    assert told["reason"].to_pylist() == same["reason"].to_pylist()
    assert told["chance"].to_pylist() == pytest.approx(same["chance"].to_pylist())
    assert 0 < pc.min(told["chance"]).as_py() < 0.1, "the worst has a chance too"
    risen = [row for batch in batches(tmp_path / "out", raised.parts) for row in batch.to_pylist()]
    assert sorted(r["id"] for r in risen) == sorted(told["id"].filter(told["kept"]).to_pylist())
    share = sum("long/" in r["source"] for r in risen) / len(risen)
    assert share > 0.65, "the judge likes long words"
    sample = pq.read_table(tmp_path / "out" / "judged" / "sample.parquet")["source"].to_pylist()
    assert 20 <= sum("long/" in s for s in sample) <= 40, "each collection is judged alike"
    again = build([source], tmp_path / "two", CONFIG, engine := Processes(2))
    assert select_l2(tmp_path / "two", again, CONFIG.selection, judge, "words", engine) == raised


def test_a_domain_whose_student_does_not_agree_does_not_rise(tmp_path: Path) -> None:
    def guessing(documents: pa.Table) -> pa.Table:
        draw = random.Random(0)
        return judge(documents).set_column(2, "score", pa.array(draw.random() for _ in range(documents.num_rows)))

    built = built_in(tmp_path / "out", corpus(tmp_path / "source"))
    raised = select_l2(tmp_path / "out", built, CONFIG.selection, guessing, "guess", Inline())
    assert not raised.agreement["en"].accepted and "refused" in raised.agreement["en"].reason
    assert raised.kept == {} and raised.refused == built.kept
    assert set(rows(tmp_path / "out", raised, "selected")["reason"].to_pylist()) == {
        "not selected: unscored by selector"
    }
    with pytest.raises(InputError, match="other sources or settings"):
        select_l2(tmp_path / "out", built, BulkSelection(labels=61), guessing, "guess", Inline())


def test_nothing_to_select_from_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.jsonl").write_text('{"text": "short", "domain": "en"}')
    built = build([SourceConfig(url=str(tmp_path / "source"))], tmp_path / "out", BulkConfig(), Inline())
    raised = select_l2(tmp_path / "out", built, BulkSelection(), judge, "words", Inline())
    assert (raised.kept, raised.refused, raised.agreement) == ({}, {}, {})


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.blake2b((folder / name).read_bytes()).hexdigest() for name in files(folder)}


def test_a_build_killed_in_every_operator_ends_as_one_that_was_not(tmp_path: Path) -> None:
    source = corpus(tmp_path / "source")
    built = built_in(tmp_path / "whole", source)
    select_l2(tmp_path / "whole", built, CONFIG.selection, judge, "words", Inline())
    command = [sys.executable, "-m", "tests.tiers.building", source.url, str(tmp_path / "killed")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[1], check=True)
    told = json.loads(done.stdout)
    assert told["again"] == 0, "a part that was whole was made again"
    assert told["kills"] >= 6 and len(told["stages"]) >= 5, told
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")


def test_workers_end_with_who_started_them(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\nfrom coevo.tiers.engine import Processes\n"
        "if __name__ == '__main__':\n"
        "    for _ in Processes(2).map(time.sleep, [0.01, 0.01, 60, 60]): print('at work', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == "at work\n"
        workers = [p for p in psutil.Process(parent.pid).children(recursive=True) if "spawn_main" in str(p.cmdline())]
        assert len(workers) == 2
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        gone, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive and len(gone) == 2


def test_a_worker_that_is_killed_is_one_sentence() -> None:
    with pytest.raises(InputError, match="a worker was killed"):
        list(Processes(1).map(os._exit, [1]))
