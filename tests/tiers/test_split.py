import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.tiers.errors import InputError
from coevo.tiers.ingest.sample import Sample
from coevo.tiers.split import source_file, split, unit_hash

FILES = [f"stdlib/module_{i}.py" for i in range(2_000)]


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("stdlib/json/decoder.py#JSONDecoder.decode", "stdlib/json/decoder.py"),
        ("a/b.txt#3#1", "a/b.txt"),
        ("plain", "plain"),
    ],
)
def test_a_source_points_into_its_file(source: str, file: str) -> None:
    assert source_file(source) == file


def test_shares_are_about_as_asked() -> None:
    parts = list(split(FILES, seed=0, feedback=0.06, hidden=0.1).values())
    assert parts.count("feedback") == pytest.approx(120, abs=40)
    assert parts.count("hidden") == pytest.approx(200, abs=50)


def test_a_files_part_depends_on_its_name_alone() -> None:
    whole, half = split(FILES, 0), split(FILES[::2], 0)
    assert all(whole[name] == part for name, part in half.items())
    assert split(FILES[::-1] + FILES, 0) == whole
    assert split(FILES, 1) != whole


def test_the_sample_and_the_split_are_drawn_apart() -> None:
    """The first files of a sample are held out no more often than others."""
    from coevo.tiers.config import IngestConfig

    sample = Sample(IngestConfig(), 0)
    first = sorted(FILES, key=sample.key)[:500]
    parts = split(FILES, 0)
    held = [parts[name] != "train" for name in first]
    assert sum(held) == pytest.approx(60, abs=30)


@given(st.sets(st.text(max_size=8), min_size=3, max_size=12), st.integers(0, 99))
def test_every_part_gets_a_file(names: set[str], seed: int) -> None:
    parts = split(names, seed)
    assert set(parts) == names
    assert set(parts.values()) == {"train", "feedback", "hidden"}


@given(st.text(), st.integers())
def test_hashes_lie_in_the_unit_interval(name: str, seed: int) -> None:
    assert 0 <= unit_hash(name, seed) < 1


@pytest.mark.parametrize(("feedback", "hidden"), [(0, 0.1), (0.1, 0), (0.5, 0.5)])
def test_shares_that_leave_a_part_empty_are_refused(feedback: float, hidden: float) -> None:
    with pytest.raises(InputError, match="held-out shares"):
        split(FILES, 0, feedback, hidden)


def test_two_files_are_too_few() -> None:
    with pytest.raises(InputError, match="at least 3 source files"):
        split(["a#1", "b", "b"], 0)
