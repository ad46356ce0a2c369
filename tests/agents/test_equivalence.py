"""Words are told from mathematics."""

import pytest

from coevo.agents.equivalence import prose


@pytest.mark.parametrize(
    ("answer", "words"),
    [("Paris", True), ("巴黎", True), ("35", False), (r"\sqrt{2}", False), ("sin x", False), ("5 m", False)],
)
def test_words_are_told_from_mathematics(answer: str, words: bool) -> None:
    assert prose(answer) is words
