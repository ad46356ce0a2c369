"""Edit programs do what they say, and what they may not change stays."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.agents.comments import code_lines
from coevo.agents.edit_guards import EditRefused, figures, formulas, snippets
from coevo.agents.edit_program import Add, EditProgram, Keep, Remove, Replace, apply, lines_of

TEXT = "menu\nIn 1905 four papers appeared.\nThey were read.\n\nThe end of it."


Edit = Keep | Remove | Replace | Add


def program(*edits: Edit) -> EditProgram:
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
def test_what_is_refused(edit: Edit, reason: str) -> None:
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


C = """\
/* Copyright
 * me */
#include <a.h>
# define B 2
int f(int *p) {
  *p = 3; // set
  --p;
  /* note */
  return *p;
}"""


def test_code_of_other_languages_keeps_all_that_is_no_comment() -> None:
    assert apply(program(remove(1, 2), remove(8, 8)), C, code=True).text.startswith("#include")
    for edit in (remove(3, 3), remove(4, 4), remove(6, 6), remove(7, 7), remove(1, 1), replace(8, 8, "  /* note")):
        with pytest.raises(EditRefused, match="cannot tell whether"):
            apply(program(edit), C, code=True)


ZH = """\
首页

第三章介绍了一九九八年的五种方法，共有二十个例子。
其中 $x^2$ 是平方，`f(x)` 是函数。
谢谢阅读，欢迎转发分享。"""


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (replace(3, 3, "第三章介绍了一九九九年的五种方法，共有二十个例子。"), "numbers would change .一九九八"),
        (replace(3, 3, "第三章介绍了一九九八年的五种方法，共有十二个例子。"), "numbers would change .二十"),
        (replace(4, 4, "其中 $x^3$ 是平方，`f(x)` 是函数。"), "numbers would change"),
        (replace(4, 4, "其中 $y^2$ 是平方，`f(x)` 是函数。"), r"formulas would change .\$x\^2"),
        (replace(4, 4, "其中 $x^2$ 是平方，`g(x)` 是函数。"), r"code would change .f\(x\)"),
        (replace(5, 5, "Thank you very much for reading this."), "another language: in Latin script"),
        (replace(5, 5, "本段原文与主题无关，因此改写成全新的内容。"), "rewrites: only"),
        (Add(op="add", after=2, text="共二十三人"), "brings numbers"),
        (Add(op="add", after=2, text="Chapter overview"), "another language"),
    ],
)
def test_chinese_text_keeps_its_numbers_formulas_and_language(edit: Edit, reason: str) -> None:
    with pytest.raises(EditRefused, match=reason):
        apply(program(edit), ZH, code=False)


def test_chinese_text_is_cleaned() -> None:
    full_width = ZH.replace("20", "二十").replace("阅读", "阅　读")
    done = apply(
        program(remove(1, 2), Add(op="add", after=2, text="# 方法"), replace(5, 5, "谢谢阅读，欢迎转发分享。")),
        full_width,
        code=False,
    )
    assert done.text == "# 方法\n" + "\n".join(ZH.split("\n")[2:])
    assert apply(program(replace(1, 1, "共12人到场")), "共１２人到场\n第二行文字", code=False).text.startswith("共12人")


TEX = """\
Menu
We solve
\\begin{align}
a &= b \\\\
c &= d
\\end{align}
and then $-5\\%$ of ``all'' is lost.
```
x = 1
```
The very long end of this text, so that little of it would go."""


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (remove(4, 4), "a formula would change to"),
        (remove(6, 6), "a formula would be left open"),
        (remove(10, 10), "a code block would be left open"),
        (replace(2, 2, "We solve $a$"), "formulas would change"),
        (replace(7, 7, "and then $5\\%$ of ``all'' is lost."), "numbers would change"),
        (replace(7, 7, "and then $-5\\%$ of \\emph{all} is lost."), "commands of LaTeX would change"),
        (Add(op="add", after=2, text="Let $z$ be"), "added text brings formulas"),
    ],
)
def test_formulas_and_blocks_stay_whole(edit: Edit, reason: str) -> None:
    with pytest.raises(EditRefused, match=reason):
        apply(program(edit), TEX, code=False)


def test_whole_formulas_and_blocks_may_go_and_broken_encoding_be_repaired() -> None:
    assert "align" not in apply(program(remove(1, 6)), TEX, code=False).text
    assert "x = 1" not in apply(program(remove(8, 10)), TEX, code=False).text
    fixed = "über Äpfel und Öl schreibt er größere Bücher"
    broken = "Menu\n" + fixed.encode().decode("cp1252")
    assert apply(program(replace(2, 2, fixed)), broken, code=False).text == f"Menu\n{fixed}"


def test_what_is_named_to_be_kept_is_kept() -> None:
    keep = Keep(op="keep", first=1, last=5)
    assert apply(program(keep), TEXT, code=False).text == TEXT
    with pytest.raises(EditRefused, match="line 2 is edited twice"):
        apply(program(keep, remove(2, 2)), TEXT, code=False)


LINES = st.integers(1, 8)
EDITS = st.one_of(
    st.builds(remove, LINES, LINES),
    st.builds(lambda a, b: Keep(op="keep", first=a, last=b), LINES, LINES),
    st.builds(replace, LINES, LINES, st.text("ab 19\n.", max_size=20)),
    st.builds(lambda n, t: Add(op="add", after=n - 1, text=t), LINES, st.text("ab 19\n", max_size=10)),
)


@given(st.text("ab 19.\n\r\u2028#=", max_size=60), st.lists(EDITS, max_size=4), st.booleans())
def test_any_program_is_applied_or_refused_and_brings_no_number(text: str, edits: list[Edit], code: bool) -> None:
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


PROSE = st.lists(st.text("abc 12三十$\\`是", max_size=12), min_size=1, max_size=8).map("\n".join)


@given(PROSE, st.lists(EDITS, max_size=4), st.booleans())
def test_lines_that_no_edit_names_stay_in_their_order(text: str, edits: list[Edit], code: bool) -> None:
    try:
        edited = apply(program(*edits), text, code=code)
    except EditRefused:
        return
    named = {i for e in edits if isinstance(e, Remove | Replace) for i in range(e.first, e.last + 1)}
    kept = [line for i, line in enumerate(lines_of(text), 1) if i not in named]
    rest = iter(lines_of(edited.text))
    assert all(line in rest for line in kept)


@given(PROSE, st.lists(EDITS, max_size=4))
def test_no_formula_and_no_snippet_is_ever_new(text: str, edits: list[Edit]) -> None:
    try:
        edited = apply(program(*edits), text, code=False)
    except EditRefused:
        return
    assert not Counter(formulas(edited.text)) - Counter(formulas(text))
    assert not Counter(snippets(edited.text)) - Counter(snippets(text))


@given(st.text(max_size=200))
def test_guards_read_any_text(text: str) -> None:
    assert figures(text) == figures(text + "\n") and code_lines(text) is not None
    assert apply(program(), text + "x", code=False).text == text + "x"
