"""Charts and formats: positions are right, text is escaped, numbers are written one way."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.loop.view import charts, formats

HOSTILE = "<script>\"'&/L3"
NUMBERS = st.floats(-1e3, 1e3, allow_nan=False).map(lambda x: round(x, 4))


def estimate(low: float, gain: float, high: float) -> dict[str, object]:
    return {"low": low, "gain": gain, "high": high, "verdict": "gain" if low > 0 else "unresolved"}


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS).map(sorted), max_size=5))
def test_an_axis_holds_all_intervals_and_zero_in_order(rows: list[list[float]]) -> None:
    scale = charts.Scale([estimate(*r) for r in rows])
    for low, gain, high in [*rows, [0.0, 0.0, 0.0]]:
        assert 0 <= scale.at(low) <= scale.at(gain) <= scale.at(high) <= 100
    assert 0.0 in scale.ticks
    assert 2 <= len(scale.ticks) <= 12


def test_drawings_are_well_formed_and_escaped() -> None:
    row = estimate(-0.1, 0.2, 0.4)
    scale = charts.Scale([row])
    drawn = [
        charts.shares({HOSTILE: 0.7, "en/L1": 0.3}, ["en"], HOSTILE),
        charts.intervals([row, row], scale, HOSTILE),
        charts.axis(scale, HOSTILE),
        charts.sparkline([1.0], HOSTILE),
        charts.sparkline([2.0, 2.0, 1.0], HOSTILE, 0.0),
        charts.portions({"count_in": 0, "kept": 0, "dropped": 0, "quarantined": 0}),
        charts.meter(1.7, HOSTILE),
    ]
    for drawing in drawn:
        assert ElementTree.fromstring(drawing).tag == "svg"
        assert "<script" not in drawing


def test_a_mixture_fills_the_bar_by_its_shares() -> None:
    tree = ElementTree.fromstring(charts.shares({"en/L1": 0.25, "en/L2": 0.75}, ["en"], "mix"))
    rects = list(tree.iter("rect"))
    assert [float(r.attrib["x"].rstrip("%")) for r in rects] == [0.0, 25.0]
    assert [t.text for t in tree.iter("title")] == ["en/L1 25.0 %", "en/L2 75.0 %"]


@given(st.text())
def test_plain_text_holds_nothing_that_moves_a_cursor(text: str) -> None:
    shown = formats.plain(text)
    assert not any(ord(c) < 32 and c not in "\n\t" for c in shown)
    assert not any(c in shown for c in "\x7f\x9b\u202e\u2066\u200b")
    shown.encode("utf-8")
    assert len(shown) < 280


def test_safe_reaches_every_text_and_caps_it() -> None:
    data = formats.safe({"a\x1b": ["\x1b[2J", {"b": "x" * 9000}], "n": 1.5, "t": None})
    assert data == {"a\ufffd": ["\ufffd[2J", {"b": "x" * 4000 + " … (+5,000 characters)"}], "n": 1.5, "t": None}


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (formats.signed(0.0214), "+0.021"),
        (formats.signed(-0.0214), "\u22120.021"),
        (formats.signed(-0.0001), "0.000"),
        (formats.signed(None), "\u2013"),
        (formats.count(12340), "12,340"),
        (formats.count(18_240_000), "18.2 M"),
        (formats.percent(0.234), "23 %"),
        (formats.duration(3.21), "3.2 s"),
        (formats.duration(59.7), "1 min 0 s"),
        (formats.duration(312), "5 min 12 s"),
        (formats.duration(12_000), "3 h 20 min"),
        (formats.usd(0), "$0"),
        (formats.usd(0.00021), "$0.0002"),
        (formats.usd(1.239), "$1.24"),
    ],
)
def test_numbers_are_written_one_way(written: str, wanted: str) -> None:
    assert written == wanted


def test_a_long_diff_is_cut_and_says_so() -> None:
    told = formats.diff("", "\n".join(str(i) for i in range(500)), lines=10)
    assert len(told) == 11
    assert told[-1]["text"] == "… 491 more lines"
