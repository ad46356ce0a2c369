"""Edit programs do what they say, and what they may not change stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.agents.edit_program import Add, EditProgram, EditRefused, Remove, Replace, apply, lines_of

TEXT = "menu\nIn 1905 four papers appeared.\nThey were read.\n\nThe end of it."


def program(*edits: Remove | Replace | Add) -> EditProgram:
    return EditProgram(edits=edits, reason="because")


def remove(first: int, last: int) -> Remove:
    return Remove(op="remove", first=first, last=last)


def replace(first: int, last: int, text: str) -> Replace:
    return Replace(op="replace", first=first, last=last, text=text)


def test_a_program_is_applied_and_its_diff_kept() -> None:
    edited = apply(
        program(remove(1, 1), replace(3, 3, "They were widely read."), Add(op="add", after=4, text="Summary")),
        TEXT,
        code=False,
    )
    assert edited.text == "In 1905 four papers appeared.\nThey were widely read.\n\nSummary\nThe end of it."
    assert "-menu" in edited.diff and "+Summary" in edited.diff and edited.removed_lines == 2


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (remove(1, 9), "not within the 5 lines"),
        (remove(3, 2), "not within"),
        (remove(2, 5), "would delete"),
        (replace(2, 2, "In 1906 four papers appeared."), r"numbers would change \(1905\)"),
        (replace(3, 3, "They were read 3 times."), r"numbers would change \(3\)"),
        (Add(op="add", after=5, text="It is 42."), "brings numbers"),
        (Add(op="add", after=6, text="x"), "not within"),
        (replace(1, 5, "1905"), "would delete"),
    ],
)
def test_what_is_refused(edit: Remove | Replace | Add, reason: str) -> None:
    with pytest.raises(EditRefused, match=reason):
        apply(program(edit), TEXT, code=False)


def test_a_line_is_edited_once_and_only_shown_lines_are() -> None:
    with pytest.raises(EditRefused, match="line 1 is edited twice"):
        apply(program(remove(1, 1), replace(1, 2, "In 1905 four papers appeared.")), TEXT, code=False)
    with pytest.raises(EditRefused, match="within the 2 lines shown"):
        apply(program(remove(3, 3)), TEXT, code=False, shown_lines=2)


def test_two_swapped_numbers_are_a_changed_number() -> None:
    with pytest.raises(EditRefused, match="their order"):
        apply(program(replace(1, 1, "from 7 to 3")), "from 3 to 7\nmore text here", code=False)


CODE = '# Copyright 2020\n"""Doc."""\nX = 1\n\n\ndef f(a):\n    # note\n    return a + X\n'


def test_comments_and_docstrings_of_code_may_change_and_nothing_else() -> None:
    edited = apply(program(remove(1, 1), replace(2, 2, '"""Better words."""')), CODE, code=True)
    assert edited.text.startswith('"""Better')
    for edit in (
        remove(3, 3),
        replace(8, 8, "    return X + a"),
        replace(6, 6, "def g(a):"),
        replace(8, 8, "  return"),
    ):
        with pytest.raises(EditRefused, match="code would change"):
            apply(program(edit), CODE, code=True)


def test_code_that_no_parser_reads_loses_comments_only() -> None:
    text = "// licence\nint main() {\n  return 0;\n}"
    assert apply(program(remove(1, 1)), text, code=True).text.startswith("int main")
    with pytest.raises(EditRefused, match="cannot tell whether"):
        apply(program(remove(3, 3)), text, code=True)


LINES = st.integers(1, 8)
EDITS = st.one_of(
    st.builds(remove, LINES, LINES),
    st.builds(replace, LINES, LINES, st.text("ab 19\n.", max_size=20)),
    st.builds(lambda n, t: Add(op="add", after=n - 1, text=t), LINES, st.text("ab 19\n", max_size=10)),
)


@given(st.text("ab 19.\n\r\u2028#=", max_size=60), st.lists(EDITS, max_size=4), st.booleans())
def test_any_program_is_applied_or_refused_and_brings_no_number(
    text: str, edits: list[Remove | Replace | Add], code: bool
) -> None:
    try:
        edited = apply(program(*edits), text, code=code)
    except EditRefused:
        return
    # Joining two lines must not join their figures either, so numbers are compared line by line.
    before = {n for line in lines_of(text) for n in re.findall(r"\d+", line)}
    after = {n for line in lines_of(edited.text) for n in re.findall(r"\d+", line)}
    assert after <= before
    assert edited.text.strip()
    if not edits:
        assert edited.text == text
