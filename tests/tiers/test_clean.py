from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.tiers.clean import PASSED, clean
from coevo.tiers.config import CleanConfig
from coevo.tiers.filters import RULES, Batch
from coevo.tiers.filters.batch import CLASSES
from coevo.tiers.filters.words import cut, words_and_marks
from coevo.tiers.tokens import SPACES, ngrams, tokenize

PROSE = (
    "The committee met on Tuesday to talk about the bridge that was damaged in the storm. Several members said that "
    "repairs have to begin before winter, and a plan with costs was promised for the next meeting of the council. "
    "People who live near the river were invited to write down what they saw, so that nothing would be forgotten.\n"
)
CODE = '''import math


class Circle:
    """A circle about the origin."""

    def __init__(self, radius: float) -> None:
        self.radius = radius

    def area(self) -> float:
        return math.pi * self.radius**2

    def scaled(self, factor: float) -> "Circle":
        if factor <= 0:
            raise ValueError("factor must be positive")
        return Circle(self.radius * factor)
'''
MATH = """Greatest common divisor of two integers, by Euclid's algorithm.

>>> gcd(12, 18)
6
>>> gcd(2**10, 1000)
8
>>> [gcd(n, 6) for n in range(7)]
[6, 1, 2, 3, 2, 1, 6]
"""
CHINESE = (
    "数据清洗是训练语言模型之前最重要的一步。我们首先检查文本的编码是否正确,然后去掉重复的段落和没有意义的符号。"
    "接着由专家给一小部分样本打分,再训练一个小模型去判断其余的文本。最后,只有质量足够高的内容才会进入下一个阶段,"
    "其余的内容会连同原因一起保存下来,以便以后可以重新检查每一个决定。"
)
WORDS = [
    f"{a}{b}{c}" for a in ("ba", "de", "ki", "lo") for b in ("ran", "tos", "mil", "pek") for c in ("a", "en", "ish")
]


def table(*texts: str, domain: str = "en", kind: str = "text", source: str = "s/a.txt") -> pa.Table:
    n = len(texts)
    return pa.table(
        {
            "id": [str(i) for i in range(n)],
            "text": pa.array(texts, pa.large_string()),
            "domain": [domain] * n,
            "kind": [kind] * n,
            "source": [source] * n,
        }
    )


def reason(text: str, domain: str = "en", kind: str = "text", source: str = "s/a.txt") -> str:
    verdict = clean(table(text, domain=domain, kind=kind, source=source)).to_pylist()[0]
    assert verdict["kept"] == (verdict["reason"] == PASSED)
    return str(verdict["reason"])


def code_reason(text: str, source: str = "s/a.py") -> str:
    return reason(text, "code", "source", source)


@pytest.mark.parametrize(
    ("text", "domain", "kind", "source"),
    [
        (PROSE, "en", "text", "s/a.txt"),
        (CODE, "code", "source", "s/a.py"),
        (MATH, "math", "docstring", "s/a.py#gcd"),
        (CHINESE, "zh", "text", "s/a.txt"),  # no prose rule takes Chinese for a text without words
        (CODE[40:], "code", "source", "s/a.py#3"),  # a piece need not parse
        (CODE.replace("def", "function"), "code", "source", "s/a.js"),  # nor need what is not Python
        ("See <https://example.org/a/b> and <me@example.org>.\n" + PROSE, "en", "text", "s/a.md"),
    ],
)
def test_good_texts_pass(text: str, domain: str, kind: str, source: str) -> None:
    assert reason(text, domain, kind, source) == PASSED


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Too short.", "too-short: 10 < 120"),
        (CHINESE, "other-script: 1 > 0.3"),
        ("जबकि\nउच्च\nकिये\nthe\nशरीर\nto\nचार\nजल\n" * 8, "other-script: 0.7"),  # a stop list of Hindi
        ("\n".join(f"{w}ing" for w in PROSE.split()), "word-list: 1 > 0.8"),
        (PROSE * 700, "too-long: "),
        (PROSE + "\ufffd" * 20, "encoding-damage: 0.0"),
        (PROSE.replace("e", "Ã©"), "encoding-damage: 0."),
        ("+------+------+ | 12.50 | 13.75 | ok |\n" * 8, "few-letters: 0."),
        ("a b c d e f g h i j k l m n o p q r s t u v w x y z " * 5, "short-words: 1 < 2.5"),
        (" ".join(f"some_identifier_number_{w}" for w in WORDS), "long-words: "),
        ("\n".join(f"- [The {w} of it]({w}/index.html)" for w in WORDS), "link-list: 0.9"),
        (" ".join(WORDS[:40] + WORDS[:20]), "few-function-words: 0 < 2"),
        (PROSE.replace(" ", " # ", 30), "many-symbols: 0."),
        ("\n".join(f"- the {w} and that {v}" for w, v in pairwise(WORDS)), "many-bullets: 1 > 0.9"),
        ("\n".join(f"The {w} and that of {v} ..." for w, v in zip(WORDS, WORDS[9:], strict=False)), "many-symbols: "),
        ("\n".join(f"The story of {w} and that which befell ends in …" for w in WORDS), "broken-off-lines: 1 > 0.3"),
        ("<div class='a'><p style='color:red'><b>The words</b></p></div>\n" * 5 + PROSE, "markup: 0."),
        ("Lorem ipsum dolor sit amet. " + PROSE, "lorem-ipsum: 1 > 0"),
        (PROSE + "A line that stands here again and again.\n" * 9, "duplicate-lines: 0."),
        (PROSE + "\n".join(WORDS[:12]) + ("\n" + PROSE) * 2, "duplicate-line-characters: 0."),
        (PROSE + "the best deal of " * 30, "top-2-gram: 0."),
        (" ".join(WORDS) + " " + PROSE + PROSE[:100] * 2, "duplicate-5-gram: 0."),
    ],
)  # fmt: skip
def test_each_rule_for_text_refuses_with_name_value_and_limit(text: str, wanted: str) -> None:
    got = reason(text)
    assert got.startswith(wanted), got
    assert " < " in got or " > " in got


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (CODE + "print 'hello'\n", "does-not-parse: Missing parentheses in call to 'print'"),
        ("x = " + "(" * 300 + ")" * 300 + "\n" + CODE, "does-not-parse: "),
        ("# This file was automatically generated by protoc. DO NOT EDIT.\n" + CODE, "generated: 2 > 0"),
        ("; ".join(f"{w} = 1" for w in WORDS[:40]), "long-lines: "),
        (CODE * 3 + f"s = '{'lorem ' * 200}'\n", "long-line: "),
        ("()[]{};+-*/=<>!&|^~%\n" * 12, "few-letters: 0 < 0.25"),
        ("values = [\n" + "".join(f"    word_{i:03d} * {i * 7919},\n" for i in range(60)) + "]\n", "many-digits: 0."),
        ("names = [\n" + "".join(f"    'person {w}',\n" for w in WORDS) + "]\n", "literal-lines: 0."),
        (f"data = ('{'QWxhZGRpbjpvcGVuIHNlc2FtZQ' * 12}')\n" + CODE, "encoded-data: 0."),
    ],
)
def test_each_rule_for_code_refuses_with_name_value_and_limit(text: str, wanted: str) -> None:
    source = "s/a.py" if wanted.startswith("does-not-parse") else "s/a.py#1"
    assert code_reason(text, source).startswith(wanted), code_reason(text, source)


@pytest.mark.parametrize(
    ("text", "domain", "kind"),
    [  # each was dropped once, and is a good text
        (
            "# A page\n\n" + PROSE + "\n".join(f"```\n<div class='{w}'><b>{w}</b></div>\n```" for w in WORDS),
            "en",
            "text",
        ),
        (
            PROSE + "".join(f"<p>\n{v} {w} {w[::-1]}{i}\n</p>\n" for i, (v, w) in enumerate(pairwise(WORDS))),
            "en",
            "text",
        ),
        (PROSE + "\n".join(f"##### {w} [there](x.html#{w}) &#8217;" for w in WORDS[:9]), "en", "text"),
        (
            "# lastcomm\n\n> Show the last commands executed.\n\n"
            + "\n\n".join(
                f"- Display information about a given {w} on this host:\n\n`lastcomm {w}`" for w in WORDS[:9]
            ),
            "en",
            "text",
        ),
        ('# -*- coding: utf-8 -*-\n"""Automatically generated by Colaboratory."""\n' + CODE, "code", "source"),
        ("".join(f"from .{w} import {w}\n" for w in WORDS), "code", "source"),
        (CODE + CODE.replace("Circle", "Disc").replace("radius", "r").replace("factor", "by"), "code", "source"),
        (CHINESE + "\n```cpp\n" + "".join(CODE.replace("a", w) for w in WORDS[:6]) + "```\n", "zh", "text"),
        (
            PROSE + " ".join(f"See [{w}]({{{{< ref '{w * 9}.md' >}}}}) and https://x.org/{w * 9}" for w in WORDS[:9]),
            "en",
            "text",
        ),
        (
            PROSE + " ".join(WORDS) + "".join(f"\n```\n{CODE}```\nThen the {w} is {w}.\n" for w in WORDS[:9]),
            "en",
            "text",
        ),
        (CHINESE + " n = " + "1234567890" * 25, "zh", "text"),
        (
            "# ls\n\n> List containers.\n\n" + "\n\n".join(f"- List {w} containers:\n\n`ls {w}`" for w in WORDS[:20]),
            "en",
            "text",
        ),
    ],
)
def test_good_texts_that_were_dropped_once(text: str, domain: str, kind: str) -> None:
    assert reason(text, domain, kind, "s/a.py#1" if kind == "source" else "s/a.md") == PASSED


def test_newer_python_is_python() -> None:
    newer = CODE.replace("class Circle:", "class Circle[T: (int, str)]:").replace("def area(", "def area[U](")
    assert code_reason(newer, "s/a.py") == PASSED


def test_code_is_not_held_to_the_rules_for_prose() -> None:
    assert reason(CODE, "en", "text") != PASSED or code_reason(CODE) == PASSED
    assert code_reason("\n".join(f"self.{w} = {v}" for w, v in pairwise(WORDS))) == PASSED


def test_limits_are_the_users() -> None:
    assert clean(table("Short, but long enough for me."), CleanConfig(min_chars=10))["kept"].to_pylist() == [True]
    assert clean(table(PROSE), CleanConfig(min_chars=1_000))["reason"].to_pylist() == [
        f"too-short: {len(PROSE)} < 1000"
    ]


def test_verdicts_follow_the_texts_in_order_and_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [PROSE, "short", PROSE + "\ufffd" * 20, CHINESE] * 25
    whole = clean(table(*texts))
    monkeypatch.setattr("coevo.tiers.clean.BATCH_ROWS", 7)
    assert clean(table(*texts)).equals(whole)
    assert whole["kept"].to_pylist() == [True, False, False, False] * 25
    assert whole["id"].to_pylist() == [str(i) for i in range(100)]


def test_nothing_in_nothing_out() -> None:
    verdicts = clean(table())
    assert verdicts.num_rows == 0
    assert verdicts.schema.names == ["id", "kept", "reason"]


def test_rules_survive_any_text() -> None:
    odd = ["", " ", "\n", "\x01", "😀", "x", "汉", "\u200b" * 300, "a\n" * 5_000, "'" * 500, '"""' + "x" * 300]
    batch = Batch.of(table(*odd))
    for rule in RULES:
        assert len(rule(batch, CleanConfig())) == len(odd)
    assert clean(table(*odd, kind="source", source="s/a.py"))["kept"].to_pylist() == [False] * len(odd)


def test_counts_are_those_of_python() -> None:
    texts = ["Abc 12\n", "", "né 汉字!", "\x01\t"]
    counts = Batch.of(table(*texts).slice(1)).counts  # a slice: the buffers hold more than its rows
    assert set(counts) == set(CLASSES)
    assert counts["character"].tolist() == [len(t) for t in texts[1:]]
    assert counts["cjk"].tolist() == [0, 2, 0]
    assert counts["letter"].tolist() == [0, 4, 0]
    assert counts["control"].tolist() == [0, 0, 1]


def test_tokens_are_words_and_cjk_characters() -> None:
    tokens = tokenize(pa.array(["Hello, World-wide 42", "", "汉字 ok", "!!!"], pa.large_string()))
    assert tokens.words.to_pylist() == ["hello", "world", "wide", "42", "汉", "字", "ok"]
    assert tokens.offsets.tolist() == [0, 4, 4, 7, 7]
    assert tokenize(pa.array(["a-b  c\n"]), SPACES).words.to_pylist() == ["a-b", "c"]


def test_ngrams_stay_inside_their_text_and_equal_words_hash_equally() -> None:
    tokens = tokenize(pa.array(["a b c d", "b c", "x", "y b c"], pa.large_string()))
    hashes, starts, rows = ngrams(tokens.hashes, tokens.offsets, 2)
    assert rows.tolist() == [0, 0, 0, 1, 3, 3]
    assert [tokens.phrase(int(s), 2) for s in starts] == ["a b", "b c", "c d", "b c", "y b", "b c"]
    assert hashes[1] == hashes[3] == hashes[5]
    assert len(np.unique(hashes)) == 4


@pytest.mark.parametrize(
    ("piece", "wanted"),
    [  # what spaCy 3.8 makes of them
        ("(hello),", "( hello ) ,"), ("don't", "do n't"), ("we'll", "we 'll"), ("Bob's", "Bob 's"), ("end.", "end ."),
        ("Mr.", "Mr."), ("U.S.", "U.S."), ("e.g.", "e.g."), ("well-known", "well - known"), ("32-bit", "32 - bit"),
        ("1,000.50", "1,000.50"), ("$5", "$ 5"), ("10km", "10 km"), ("...", "..."), ("https://x.org/a-b?c=d", "https://x.org/a-b?c=d"),
        ("cannot", "can not"), ("and/or", "and/or"), ("a,b", "a , b"), ("**bold**", "* * bold * *"), ("“so”", "“ so ”"),
        ("...!", "... !"),
    ],
)  # fmt: skip
def test_words_are_cut_as_the_tokenizer_of_the_published_filters_does(piece: str, wanted: str) -> None:
    assert list(cut(piece)) == wanted.split()


@given(st.text(max_size=30))
def test_cutting_loses_no_character(text: str) -> None:
    for piece in text.split():
        assert "".join(cut(piece)) == piece


def test_marks_count_as_words_where_asked_for() -> None:
    found = words_and_marks(pa.array(["He said: no.", "", "  a\n(b) "], pa.large_string()))
    assert found.words.to_pylist() == ["He", "said", ":", "no", ".", "a", "(", "b", ")"]
    assert found.offsets.tolist() == [0, 5, 5, 9]
    assert found.part(np.array([False, True, True])).words.to_pylist() == ["a", "(", "b", ")"]
    listed = table(PROSE + " ".join(f"{w}, ({v});" for w, v in pairwise(WORDS)))
    quality = CleanConfig(house=False, packs=False, families=("gopher-quality",))
    assert clean(listed, quality)["kept"][0].as_py()
    marks = quality.model_copy(update={"words": "marks"})
    assert clean(listed, marks)["reason"][0].as_py().startswith("gopher-letters")


def test_fineweb_judges_what_c4_leaves() -> None:
    text = "\n".join(
        [*(f"This is sentence number {i} of the {w} text." for i, w in enumerate(WORDS[:9])), *(["Home"] * 40)]
    )
    alone = CleanConfig(house=False, packs=False, families=("fineweb",))
    assert clean(table(text), alone)["reason"][0].as_py().startswith("fineweb-short-lines")
    assert clean(table(text), alone.model_copy(update={"families": ("c4", "fineweb")}))["kept"][0].as_py()
