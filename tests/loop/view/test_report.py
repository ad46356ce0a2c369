"""The report: one file, nothing loaded, nothing run, every document escaped, and a browser can show it."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from coevo.loop.run_db import RunDB
from coevo.loop.view.reader import RunReader
from coevo.loop.view.report import render, write_report

from .conftest import HOSTILE, write_run

VOID = {"meta", "link", "br", "img"}


@pytest.fixture(scope="module")
def page(run_folder: Path) -> str:
    return rendered(run_folder)


def rendered(folder: Path) -> str:
    with RunReader(folder) as run:
        return render(run)


class Outline(HTMLParser):
    """Collects tags, attributes and unbalanced ends."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(k, v or "") for k, v in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(k, v or "") for k, v in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    assert found.open == []
    return found


def test_the_page_is_well_formed_runs_nothing_and_loads_nothing(page: str) -> None:
    found = outline(page)
    assert not {"script", "iframe", "object", "embed", "img", "form", "base"} & set(found.tags)
    assert not [k for k, _ in found.attributes if k.startswith("on")]
    assert [v for k, v in found.attributes if k in ("src", "href", "action", "data")] == ["data:,"]
    assert "url(" not in page
    assert "@import" not in page
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("http-equiv", "Content-Security-Policy") in found.attributes
    assert ("content", policy) in found.attributes


def test_hostile_text_is_shown_escaped(page: str) -> None:
    assert "alert(&#39;x&#39;)" in page
    assert "<script" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\u2066]", page)


def test_it_says_whether_it_helped_and_shows_every_section(page: str) -> None:
    text = re.sub(r"<[^>]+>", " ", page)
    for wanted in (
        "After 3 rounds the accepted model is better than its base on hidden items",
        "rules, no language model",
        "Main against control, equal tokens",
        "feedback says gain, hidden says loss",
        "failed 3 of 8 canaries",
        "3 licence lines removed",
        "Failed their check",
        "Demoted by measured effect",
        "Every step accounts for every document",
        "bpb_math",
        "coevo resume demo --rounds 4",
        "mechanism: horizon_blr",
    ):
        assert wanted in text, wanted


def test_the_same_run_gives_the_same_page(run_folder: Path, page: str) -> None:
    assert rendered(run_folder) == page


def test_writing_replaces_the_page_whole(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "one", finished=1)
    (folder / "report.html").write_text("old")
    assert write_report(folder) == folder / "report.html"
    assert (folder / "report.html").read_text().endswith("</html>")
    assert not list(folder.glob(".report-*"))


def test_a_run_that_has_only_prepared_has_a_report(tmp_path: Path) -> None:
    page = rendered(write_run(tmp_path / "new", finished=0))
    outline(page)
    assert "No round has finished yet" in page


def test_a_round_under_way_does_not_break_the_page(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "half", finished=1)
    with RunDB(folder / "run.db", create=True) as db:
        plan = db.rows("rounds", round=1)[0]["plan"] | {"round": 2}
        db.insert("rounds", {"round": 2, "status": "running", "plan": plan})
    page = rendered(folder)
    outline(page)
    assert "under way" in page


def test_a_hostile_run_name_and_rubric_are_escaped(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a<b>&'\"", finished=1)
    with RunDB(folder / "run.db", create=True) as db:
        db.insert("rubrics", {"round": 1, "rubric": HOSTILE, "weight": 0.1, "trust": 0.5, "worth": None})
        db.insert("costs", {"round": 1, "role": HOSTILE, "model": HOSTILE, "calls": 1})
    page = rendered(folder)
    outline(page)
    assert "<b>&amp;" not in page
    assert "<script" not in page


FRAME = """<iframe id=f width={width} height=1400 src="{page}"></iframe><p id=out></p><script>
f.onload = () => {{ out.textContent = "width " + f.contentDocument.documentElement.scrollWidth }}</script>"""


@pytest.mark.slow
@pytest.mark.parametrize("width", [1180, 500])
def test_a_browser_shows_it_without_scrolling_sideways(page: str, tmp_path: Path, width: int) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    report, frame, picture = tmp_path / "report.html", tmp_path / "frame.html", tmp_path / "report.png"
    report.write_text(page, encoding="utf-8")
    frame.write_text(FRAME.format(width=width, page=report.as_uri()), encoding="utf-8")

    def browse(*options: str) -> str:
        common = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={tmp_path}/p"]
        done = subprocess.run([chromium, *common, *options], check=True, capture_output=True, text=True, timeout=90)
        return done.stdout

    browse(f"--window-size={width},1400", f"--screenshot={picture}", report.as_uri())
    assert picture.stat().st_size > 40_000  # a blank page of this size is under 10 kB
    assert picture.read_bytes()[16:20] == width.to_bytes(4, "big")
    seen = browse("--allow-file-access-from-files", "--virtual-time-budget=3000", "--dump-dom", frame.as_uri())
    found = re.search(r"width (\d+)", seen)
    assert found, seen
    assert int(found[1]) <= width
