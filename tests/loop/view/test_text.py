"""Terminal output: says the numbers, is plain in a pipe, and obeys no document."""

from pathlib import Path

import pytest

from coevo.eval.clustered import EXACT, Error
from coevo.eval.pair_means import MeanGain
from coevo.eval.score import Delta
from coevo.loop.view import deltas_text, story_text, tables, text
from coevo.loop.view.compare import compared, tried
from coevo.loop.view.story import why


def delta(benchmark: str, gain: float, se: float = 0.02) -> Delta:
    low, high = gain - 1.96 * se, gain + 1.96 * se
    verdict = "gain" if low > 0 else "loss" if high < 0 else "unresolved"
    return Delta.model_validate(
        {"benchmark": benchmark, "split": "hidden", "metric": "sd", "treatment": "a", "reference": "b", "before": 0.0}
        | {
            "after": gain,
            "gain": gain,
            "se": se,
            "dof": EXACT,
            "low": low,
            "high": high,
            "p": Error(se, EXACT).p(gain),
            "n": 840,
            "clusters": 90,
            "verdict": verdict,
        }
    )


def test_status_says_the_command_that_continues(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text.status(tables.status(run_folder.parent, "demo"))
    text.status(tables.status(run_folder.parent))
    out = capsys.readouterr().out
    assert out.count("coevo resume demo --rounds 4") == 2
    assert "660 calls" in out
    assert "\x1b" not in out


def test_an_empty_folder_says_how_to_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text.status(tables.status(tmp_path))
    assert "start one with: coevo run" in capsys.readouterr().out


def test_rounds_are_one_line_each(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text.rounds(tables.rounds(run_folder))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in lines if line[:1] in (["1"], ["2"], ["3"])] == ["main", "control", "main"]


def test_show_has_interval_n_and_verdict(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deltas_text.show(tables.show(run_folder, 2), whole=True)
    out = capsys.readouterr().out
    row = next(line for line in out.split("main against control")[2].splitlines() if line.startswith("composite"))
    assert row.split()[-2:] == ["840", "loss"]
    assert " to \u2212" in row
    assert "offline: (rules, no model)" in out


@pytest.mark.parametrize(
    "subject", ["2", "math/L3", "code/L4", "clarity", "hostile", "edited", "edit", "qa", "demoted"]
)
def test_every_story_can_be_told(
    run_folder: Path, documents: dict[str, str], subject: str, capsys: pytest.CaptureFixture[str]
) -> None:
    story_text.story(why(run_folder, documents.get(subject, subject)))
    out = capsys.readouterr().out
    assert len(out.splitlines()) > 5
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_markup_in_a_document_is_shown_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    deltas_text.compare(compared("[red]base[/red]", "[bold]x", [delta("composite", 0.1)]))
    assert "[bold]x is better than [red]base[/red]" in capsys.readouterr().out


def test_compare_puts_the_composite_first(capsys: pytest.CaptureFixture[str]) -> None:
    data = compared("uniform", "trust", [delta("arithmetic", -0.2), delta("composite", 0.01)])
    assert [r["benchmark"] for r in data["rows"]] == ["composite", "arithmetic"]
    deltas_text.compare(data)
    out = capsys.readouterr().out
    assert "trust is not told apart from uniform on hidden items: +0.010 sd (95 % interval \u22120.029 to +0.049" in out


def test_a_trial_counts_verdicts_and_gives_the_mean_its_interval(capsys: pytest.CaptureFixture[str]) -> None:
    gains = {0: 0.10, 1: 0.20, 2: 0.00}
    mean = MeanGain(
        benchmark="composite", gain=0.1, se=0.06, dof=2.0, low=-0.15, high=0.35, p=0.2, seeds=3, verdict="unresolved"
    )
    data = tried("horizon_blr", "uniform", {seed: delta("composite", g) for seed, g in gains.items()}, mean)
    assert [p["seed"] for p in data["pairs"]] == [0, 1, 2] and data["mean"]["dof"] == 2.0
    assert (
        "over 3 seeds: 2 gain, 1 unresolved, 0 loss; mean gain +0.100 sd (95 % interval \u22120.150 to +0.350)"
        in (data["sentence"])
    )
    assert data["sentence"].endswith(", unresolved.")
    deltas_text.trial(data)
    assert "+0.200" in capsys.readouterr().out


def test_a_trial_of_one_pair_has_the_pairs_interval() -> None:
    data = tried("horizon_blr", "uniform", {0: delta("composite", 0.1)}, None)
    assert data["mean"] is None
    assert (
        "over 1 seed: 1 gain, 0 unresolved, 0 loss; gain +0.100 sd (95 % interval +0.061 to +0.139), gain."
        in (data["sentence"])
    )
