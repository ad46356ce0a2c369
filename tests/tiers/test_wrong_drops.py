"""Kinds of good texts that a rule once dropped, and the bad texts beside them that must still be dropped."""

import random

import pytest

from coevo.tiers.clean import PASSED, clean
from coevo.tiers.filters.control import without_controls
from coevo.tiers.mend import mend, mended

from .test_clean import CODE, PROSE, reason, table

DIGITS = "".join(str(random.Random(1).randrange(10)) for _ in range(617))
HEX = f"{int(DIGITS):x}"
RSA = (
    "To build a key we choose two primes and multiply them. The modulus is public, and nobody has found a quick way to "
    "take it apart again. With the primes of our example the modulus becomes\n\n"
    f"n = {DIGITS}\n\n"
    "and the private exponent is the inverse of 65537 modulo the totient, which can be found with the algorithm of Euclid. "
    "In the format that servers have to read, the same number is written with sixteen digits to the base:\n\n"
    f"{HEX}\n\n"
    "A message is a number below the modulus. It is raised to the public exponent by the sender, and the owner of the key "
    "raises the result to the private exponent, which gives the message back.\n"
)
SHORTCODES = (
    'The chart below shows the answers to the survey.\n\n{{< image "assets/charts/2019/satisfied-with-my-work.svg" "Chart" >}}\n\n'
    "Most people said that they like their work and would recommend it to a friend.\n\n"
    '{% include figure.html src="/img/one.png" alt="A chart" width="600" %}\n\n'
    "Some said that they have too little time to learn, and that meetings are to blame.\n\n"
    '[gallery ids="11,12,13" columns="3"]\n\n[caption id="attachment_6" width="300"]A photograph of the team[/caption]\n\n'
    "We want to ask the same questions next year, so that we can see what the changes have done.\n"
)
STATUTE = "Section 12. Duties of the keeper.\n" + "".join(
    f"({letter}) The keeper of a dwelling to which this section applies shall, within {n} days of the notice, {duty}.\n"
    for n, (letter, duty) in enumerate(
        zip(
            "abcdefghijkl",
            [
                "repair the roof",
                "have the chimney swept",
                "mark every exit",
                "keep the stairs free",
                "test the alarm",
                "pay the fee",
                "answer the inspector",
                "store no fuel",
                "lock the cellar",
                "post the rules",
                "insure the building",
                "report any fire",
            ],
            strict=True,
        ),
        5,
    )
)
CHANGES = "".join(
    f"- {line} (#{n})\n"
    for n, line in enumerate(
        [
            "Fixed a crash that happened when a file was opened twice by the same reader",
            "The parser now accepts comments that begin in the last line of a block",
            "Added the option to keep temporary files, which helps to find out why a build failed",
            "Removed support for the old cache, whose format nobody has written since the spring",
            "Times are printed with their zone, and rounded to the second unless more is asked for",
            "The server waits for open connections before it ends, for half a minute at most",
            "Speed of the search is about twice what it was, as lists are sorted only once",
            "Documentation of the client explains how to be told about events",
        ],
        311,
    )
)
API = "".join(
    f"void {verb}{noun}({noun} value)\n{verb.capitalize()}s the {noun.lower()} of this connection, which must be open.\n"
    for verb in ("set", "check", "reset", "copy")
    for noun in ("Timeout", "Address", "Buffer", "Header")
)
VERSE = "床前看月色，心裡憶故園。\n舉杯問遠客，何日過江村。"
SUBTITLES = "".join(
    f"{n}\n00:0{n % 6}:1{n % 10},000 --> 00:0{n % 6}:1{n % 10},900\n{line}\n\n"
    for n, line in enumerate(
        [
            "Where have you been?",
            "I was at the station.",
            "Nobody told me that you would be late.",
            "The train had to stop.",
            "And you could not have called?",
            "My phone is broken, as you know.",
            "Then we must leave at once.",
            "Give me a minute to pack the bag.",
            "We do not have a minute.",
            "Take the letters with you.",
            "They are in the drawer.",
            "The drawer is empty!",
            "Somebody has been here.",
            "Do not touch the lamp.",
            "I can hear steps on the stairs.",
            "Be quiet and put out the light.",
            "It is only the neighbour.",
            "She has lost her cat again.",
        ],
        1,
    )
)
TABLE_OF_NUMBERS = (
    "int box[] = {\n"
    + "".join(
        f"    {', '.join(f'0x{random.Random(i * 9 + j).randrange(1 << 32):08x}' for j in range(6))},\n"
        for i in range(60)
    )
    + "};\n"
)
CIPHER = TABLE_OF_NUMBERS + "".join(
    f"int round_{name}(int left, int right) {{\n    int mixed = box[left & 255] ^ right;\n    return mixed + {n};\n}}\n"
    for n, name in enumerate(("one", "two", "three", "four", "five"))
)
COLOURS = [
    "amber",
    "black",
    "coral",
    "denim",
    "ebony",
    "fawn",
    "grape",
    "hazel",
    "ivory",
    "jade",
    "khaki",
    "lilac",
    "mauve",
    "navy",
    "ochre",
]
SNAPSHOT = (
    "from app import client\n\n\ndef test_schema():\n    answer = client.get('/schema')\n    assert answer.status_code == 200\n"
    "    body = answer.json()\n    assert body['open']\n    for part in body:\n        assert part\n    expected = {\n"
    + "".join(f"        '{w}{i}': '{w} of {i * 37}',\n" for i, w in enumerate(COLOURS * 4))
    + "    }\n    assert body == expected\n\n\ndef test_missing():\n    answer = client.get('/none')\n    assert answer.status_code == 404\n"
)
ATTACK = (
    "连分数攻击要求私钥足够小。这里把多个公钥放进同一个格，再用格基规约求出最短的向量，从而得到私钥之间的关系。先写出每个密钥满足的等式，"
    "然后把它们两两相乘，得到一组新的等式，写成矩阵的样子如下，其中每一列对应一个等式的系数，最后一行给出我们要找的界。\n\n$$\n"
    + "\\\\".join(
        " & ".join(f"{i}_{{{j}}}^{{{k}}}" for j, k in zip(range(9), range(3, 12), strict=True)) for i in range(14)
    )
    + "\n$$\n\n由此可以看出，只要私钥的长度不超过模数的三分之一左右，规约之后的第一个向量就包含了答案，剩下的只是简单的除法。\n"
)
THEOREM = "\\includegraphics{cover}\n\\begin{theorem}\nEvery finite group of prime order is cyclic, by the theorem of Lagrange: the order of $g$ divides $p$.\n\\end{theorem}"
DIALOGUE = "".join(
    f"{line}\n"
    for line in (
        "So you came back…",
        "I had to do it, as you know.",
        "Nobody has to do a thing like that.",
        "The house is as it was…",
        "And the garden with the pear tree?",
        "Gone…",
        "The pears were the best of it, and the shade in the heat of the day.",
        "Well…",
        "We planted another one.",
    )
)


@pytest.mark.parametrize(
    ("text", "domain", "kind", "source"),
    [
        (RSA, "en", "text", "s/rsa.md"),
        (RSA, "en", "html", "s/rsa.html"),
        (SHORTCODES, "en", "text", "s/survey.md"),
        (STATUTE, "en", "text", "s/law.txt"),
        (STATUTE, "en", "html", "s/law.html"),
        (CHANGES, "en", "text", "s/CHANGES.md"),
        (API, "en", "html", "s/api.html"),
        (VERSE, "zh", "text", "s/verse.txt"),
        (SUBTITLES, "en", "text", "s/film.srt.txt"),
        (DIALOGUE, "en", "text", "s/play.txt"),
        (PROSE.strip() + "..", "en", "text", "s/one-line.txt"),
        (CIPHER, "code", "source", "s/cipher.c"),
        (SNAPSHOT, "code", "source", "s/test_schema.py"),
        ("# These tests are auto-generated with test data from a table of cases.\n" + CODE, "code", "source", "s/t.py"),
        ("# chatter contacts tags\n\n> Add a tag to a contact.\n> See also: `chatter show`, `chatter search`.\n> More information: "
         "<https://chatter.example/contacts.html>.\n\n- Add a tag to a contact:\n\n`chatter tags add {{number}} {{tag}}`\n\n"
         "- Add a tag using a custom store:\n\n`chatter tags add {{number}} {{tag}} --store {{path/to/store}}`\n", "en", "text", "s/t.md"),
        (ATTACK, "zh", "text", "s/attack.md"),
        (THEOREM, "math", "text", "s/a.tex"),
        ("Show that the group $G$ is abelian if and only if the map $x \\mapsto x^{-1}$ is a morphism.", "math", "text", "s/c.tex"),
        ("The union of two sets $A, B$ is the set of all elements of either\n\\[A \\cup B = \\{x : x \\in A \\lor x \\in B\\}\\]", "math", "text", "s/d.tex"),
        ("\\left( a + b \\right)^2 = a^2 + 2ab + b^2\n" * 1 + "\\leftarrow and \\definecolor are no macros of this text, "
         "which says how a square is expanded and why the mixed term has a factor of two.", "math", "text", "s/b.tex"),
    ],
)  # fmt: skip
def test_good_texts_of_a_kind_that_was_dropped_are_kept(text: str, domain: str, kind: str, source: str) -> None:
    assert reason(text, domain, kind, source) == PASSED


@pytest.mark.parametrize(
    ("text", "domain", "kind", "source", "rule"),
    [
        (f"{DIGITS}\n{HEX}\n" * 4 + "The key of the day, for those who want to have it and to try it out.", "en", "text", "s/a.txt", "few-letters"),
        ("papersize={7in,10in}, width=33pc, height=51pc, inner=.75in, outer=.75in, top=0.75in, twoside, ignorehead", "math", "text", "s/p.tex", "too-short"),
        ("\\part{Curves}\n" + "".join(f"\\practice{{curve{n}.tex}}\n" for n in range(12)), "math", "text", "s/list.tex", "latex-macros"),
        (TABLE_OF_NUMBERS, "code", "source", "s/table.c", "many-digits"),
        ("NAMES = {\n" + "".join(f"    'name {i}': 'value {i}',\n" for i in range(40)) + "}\n", "code", "source", "s/n.py", "literal-lines"),
        ("\n".join(f"- The {w} page and where to find {w}" for w in COLOURS), "en", "text", "s/a.md", "many-bullets"),
        ("\n".join(f"\\newcommand{{\\{a}{b}}}{{\\mathrm{{{a}{b}}}}}" for a in "abcd" for b in "efgh"), "math", "text", "s/m.tex", "latex-macros"),
        ("\n".join(f"The council of {w} has agreed on a plan for the old harbour that was..." for w in ("Bath", "Hull", "Leeds", "York", "Derby", "Luton")), "en", "text", "s/a.txt", "broken-off-lines"),
        ("var a=function(b,c){return b.d(c)};" * 60, "code", "source", "s/x.js", "long-lines"),
        ("Lorem ipsum dolor sit amet, consectetur adipisicing elit, sed do eiusmod tempor. " * 3, "en", "html", "s/a.html", "lorem-ipsum"),
        ("程序设计\n归档\n标签\n" + "\n".join(f"{a}{b}篇" for a in ("线程", "索引", "缓存", "队列", "事务", "日志") for b in ("原理，", "入门", "源码", "调优")), "zh", "html", "s/tags.html", "chinese"),
    ],
)  # fmt: skip
def test_bad_texts_of_the_same_look_are_dropped(text: str, domain: str, kind: str, source: str, rule: str) -> None:
    assert rule in reason(text, domain, kind, source)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("the\x08 old man\x08", "the old man"),
        ("N\x08NA\x08AM\x08ME of the _\x08f_\x08i_\x08l_\x08e", "NAME of the file"),
        ("\x1b[1;31merror\x1b[0m: no file\x07", "error: no file"),
        ("one\x0btwo and\x1fthree", "one\ntwo and three"),
        ("\x01\x02\x03\x04 ab", "\x01\x02\x03\x04 ab"),  # bytes of something else
    ],
)
def test_control_characters_are_mended(raw: str, wanted: str) -> None:
    filling = "" if raw == wanted else " and so it goes on for a while" * 3
    assert without_controls(raw + filling)[0] == wanted + filling


def test_an_essay_with_backspaces_is_kept_and_code_is_left_alone() -> None:
    docs = table(PROSE.replace(". ", ".\x08\x08\x08 "), 's = "\x08"\n' + CODE)
    kinds = docs.set_column(docs.column_names.index("kind"), "kind", [["text", "source"]])
    edits = mend(kinds)
    assert edits["reason"].to_pylist() == ["encoding: control character 2"]
    assert clean(mended(kinds, edits))["reason"][0].as_py() == PASSED
    assert clean(kinds)["reason"][0].as_py().startswith("encoding-damage")
