"""What markup means survives extraction: exponents, lines of code, deeply nested text, text after an early end."""

import ast
import gzip
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import html as lxml_html

from coevo.tiers.ingest.extract import extract
from coevo.tiers.ingest.page_tree import flattened, page_tree

CASES = Path(__file__).parents[3] / "shared" / "cases"
BEFORE = "The river rises in the northern hills and runs for about two hundred kilometres before it meets the sea. " * 3
AFTER = "A second branch of the river was dammed in the last century to feed a small power station on its shore. " * 3
CODE = "def area(r):\n    if r < 0:\n        raise ValueError(r)\n\n    return 3.14 * r ** 2"


def page(body: str) -> str:
    article = f"<article><h1>A page</h1><p>{BEFORE}</p>{body}<p>{AFTER}</p></article>"
    return f"<!DOCTYPE html><html><head><title>A page</title></head><body>{article}</body></html>"


def text_of(body: str) -> str:
    text = extract(page(body)).text
    assert text is not None and BEFORE.strip() in text and AFTER.strip() in text
    return text


def between(text: str) -> str:
    return text.partition(BEFORE.strip())[2].partition(AFTER.strip())[0].strip("\n")


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("it has 100<sup>2</sup>=10000 leaves", "it has 100^2=10000 leaves"),
        ("about 3 x 10<sup>9</sup> litres", "about 3 x 10^9 litres"),
        ("a charge of 1.6 x 10<sup>-19</sup> C", "a charge of 1.6 x 10^-19 C"),
        ("a charge of 1.6 x 10<sup>−19</sup> C", "a charge of 1.6 x 10^-19 C"),  # noqa: RUF001
        ("2<sup>n+1</sup> nodes", "2^{n+1} nodes"),
        ("2<sup>n</sup> nodes", "2^n nodes"),
        ("sin<sup>2</sup>x + cos<sup>2</sup>x", "sin^{2}x + cos^{2}x"),
        ("(a+b)<sup>2</sup> is large", "(a+b)^2 is large"),
        ("<i>x</i><sup>2</sup> + <i>y</i><sup>2</sup>", "x^2 + y^2"),
        ("e<sup>-x<sup>2</sup></sup> falls", "e^{-x^2} falls"),
        ("12 km<sup>2</sup> of land", "12 km^2 of land"),
        ("water is H<sub>2</sub>O", "water is H₂O"),
        ("terms a<sub>1</sub> and a<sub>12</sub> differ", "terms a₁ and a₁₂ differ"),
        ("x<sub>i</sub><sup>2</sup> summed", "xᵢ^2 summed"),
        ("v<sub>max</sub> is reached", "vₘₐₓ is reached"),
        ("C<sub>B</sub> counts", "C_B counts"),
        ("log<sub>10</sub>100 is 2", "log₁₀100 is 2"),
        ("1<sup>3</sup>/<sub>4</sub> cups", "1 3/4 cups"),
        ("<sup>14</sup>C decays", "^{14}C decays"),
        ("the 17<sup>th</sup> century", "the 17th century"),
        ("le 1<sup>er</sup> mai et M<sup>me</sup> Curie", "le 1er mai et Mme Curie"),
        ('as it was<sup class="reference"><a href="#n1">[1]</a></sup> said', "as it was[1] said"),
        ('in 1999<sup><a href="#fn2">2</a></sup> it fell', "in 1999[2] it fell"),
    ],
)
def test_exponents_and_indices_stay_apart_from_their_base(markup: str, text: str) -> None:
    assert text in text_of(f"<p>We know that {markup}, and so does everybody who has lived there for long.</p>")


LINES = CODE.split("\n")
LAYOUTS = {
    "pre": f"<pre>{CODE}</pre>",
    "pre, first line end ignored": f"<pre>\n{CODE}\n</pre>",
    "pre code": f"<pre><code>{CODE}</code></pre>",
    "coloured": "<pre>" + re.sub(r"(\w+)", r"<span class='k'>\1</span>", CODE).replace("<0", "&lt;0") + "</pre>",
    "br": "<pre><code>" + "<br>".join(LINES) + "</code></pre>",
    "br and spaces": "<p><code>"
    + "<br>".join(re.sub(r"^ +", lambda m: "&nbsp;" * len(m[0]), x) for x in LINES)
    + "</code></p>",
    "div a line": "<pre><code>" + "".join(f'<div class="line">{line}</div>' for line in LINES) + "</code></pre>",
    "div a line, line ends": "<pre>" + "\n".join(f"<div>{line}</div>" for line in LINES) + "</pre>",
    "list": "<pre><ol>" + "".join(f"<li>{line}</li>" for line in LINES) + "</ol></pre>",
    "numbered table": '<table class="highlighttable"><tr><td class="linenos"><pre>1\n2\n3\n4\n5</pre></td>'
    f'<td class="code"><div class="highlight"><pre>{CODE}</pre></div></td></tr></table>',
    "a row a line": '<table class="js-file-line-container">'
    + "".join(
        f'<tr><td class="blob-num" data-line-number="{i}"></td><td class="blob-code">{x}</td></tr>'
        for i, x in enumerate(LINES)
    )
    + "</table>",
    "numbered spans": "<pre>"
    + "\n".join(f'<span class="lineno">{i} </span>{x}' for i, x in enumerate(LINES))
    + "</pre>",
    "quoted": f"<blockquote><pre>{CODE}</pre></blockquote>",
    "in a list": f"<ul><li>Write this:<pre>{CODE}</pre></li></ul>",
    "in a figure": f'<figure class="highlight"><pre><code>{CODE}</code></pre></figure>',
    "in a layout table": f"<table><tr><td><pre>{CODE}</pre></td></tr></table>",
    "xmp": f"<xmp>{CODE}</xmp>",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_code_keeps_its_lines_and_indentation(layout: str) -> None:
    text = text_of(LAYOUTS[layout].replace("r < 0", "r &lt; 0" if layout != "xmp" else "r < 0"))
    block = between(text).removeprefix("- Write this:").strip("\n")
    assert block == CODE
    ast.parse(block)


def test_neighbouring_blocks_do_not_fuse_and_code_in_a_list_stands_apart() -> None:
    text = between(text_of("<pre><code>a = 1\nb = 2</code></pre><pre><code>c = 3</code></pre>"))
    assert text == "a = 1\nb = 2\n\nc = 3"
    listed = between(
        text_of("<ol><li>Write:<pre>x = 1\n</pre></li><li>and run:<pre>python a.py\npython b.py</pre></li></ol>")
    )
    assert listed == "- Write:\n\nx = 1\n\n- and run:\n\npython a.py\npython b.py"


def test_a_page_that_holds_the_stand_ins_keeps_them() -> None:
    text = text_of(
        "<p>Signs: \U00014400 \U00014401 \U00014402 \U00014403 of the Luwians, of which not all are read.</p>"
        "<pre>a  b\n\tc</pre>"
    )
    assert "\U00014400 \U00014401 \U00014402 \U00014403" in text and "a  b\n\tc" in text


DEEP = {
    "div": "<div>" * 300 + "{}" + "</div>" * 300,
    "very deep": "<div>" * 6000 + "{}" + "</div>" * 6000,
    "unclosed font": "<font>" * 400 + "{}",
    "mixed": "<div><span><b>" * 200 + "{}" + "</b></span></div>" * 200,
    "tables": "<table><tr><td>" * 120 + "{}" + "</td></tr></table>" * 120,
    "lists": "<ul><li>" * 200 + "{}" + "</li></ul>" * 200,
    "quotes": "<blockquote>" * 500 + "{}" + "</blockquote>" * 500,
}


@pytest.mark.parametrize("kind", DEEP)
def test_text_at_any_depth_is_read_and_so_is_what_follows(kind: str) -> None:
    inner = "<p>The last part of this page stands within many boxes, as pages written by old word processors do.</p>"
    text = text_of(DEEP[kind].format(inner))
    assert "stands within many boxes" in text


def test_flattening_leaves_a_shallow_page_as_it_is() -> None:
    shallow = page("<div><ul><li>one<li>two</ul></div><script>if (a < b) { x('</div>') }</script><br><img src=a>")
    assert flattened(shallow) == shallow
    assert max(len(list(node.iterancestors())) for node in page_tree("<p>" + "<i>" * 3000 + "deep").iter()) < 250


@pytest.mark.parametrize(
    "broken",
    [
        "<html><head><title>x</title></head></html><body>{}</body>",
        "<html><body><p>start</p></body></html>{}",
        "<html><body></html><div>{}</div></body></html>",
    ],
)
def test_text_after_an_early_end_of_the_page_is_read(broken: str) -> None:
    text = extract(broken.format(f"<p>{BEFORE}</p><p>{AFTER}</p>")).text
    assert text and BEFORE.strip() in text and AFTER.strip() in text


@pytest.mark.parametrize(
    "media", ["text/x-handlebars-template", "text/x-template", "text/html", "text/ng-template", "text/template"]
)
def test_markup_in_a_template_script_is_read_but_not_its_slots_nor_data(media: str) -> None:
    text = text_of(
        f"<script type='{media}'><div><p>{{{{title}}}} The mill below the bridge ground corn "
        "until 1956, and then it fell still.</p></div></script>"
    )
    assert "ground corn until 1956" in text and "{{" not in text
    data = text_of(f'<script type="{media}"><![CDATA[ {{"caption": "<p>hidden words</p>"}} ]]></script>')
    assert "hidden words" not in data


@pytest.mark.skipif(not CASES.exists(), reason="the collection of small failing inputs is not beside this checkout")
def test_the_collected_cases() -> None:
    texts = {path.stem: str(extract(path.read_text("utf-8")).text) for path in CASES.glob("0[123]*.html")}
    assert "100^2=10000" in texts["01_sup"] and "10^9" in texts["01_sup"]
    assert "if x:\n    y = 1\n    z = 2" in texts["02_c_br"] and "if x:\n    y = 1\n    z = 2" in texts["02_f_linediv"]
    assert (
        "second = 2\n\nthird = 3" in texts["02_b_two_precode"]
        and "- and run it:\n\npython a.py\npython b.py" in texts["02_i_li"]
    )
    assert "DEEPMARK300" in texts["03_deep300"]


@pytest.mark.parametrize(
    "hostile",
    [
        "<pre>" * 2000,
        "<sup>" * 2000 + "2",
        "<table class=highlight><td class=code>" * 300,
        "<code><br>" * 2000,
        "</p>" * 5000,
    ],
)
def test_hostile_markup_ends_in_a_text_or_a_reason(hostile: str) -> None:
    result = extract(page(hostile))
    assert result.text or result.reason


def test_every_python_block_of_real_pages_survives() -> None:
    folder = CASES.parent / "data" / "l0"
    if not folder.exists():
        pytest.skip("the real pages are not beside this checkout")
    parser = lxml_html.HTMLParser(encoding="utf-8")
    sources = [folder / "en" / "flink-web-html.jsonl.gz", folder / "zh" / "cosx-html.jsonl.gz"]
    blocks = kept = 0
    for row in itertools.chain.from_iterable(map(rows, sources)):
        if not re.search(r"<pre.*?\n.*?\n.*?</pre>", row.get("html", ""), re.S):
            continue
        tree = lxml_html.fromstring(row["html"].encode(), parser=parser)
        codes = [str(pre.text_content()).strip("\n").replace("\xa0", " ") for pre in tree.iter("pre")]
        text = str(extract(row["html"]).text) if any(map(_parses, codes)) else ""
        for code in filter(_parses, codes):
            blocks += 1
            kept += "\n".join(line.rstrip() for line in code.split("\n")) in text
    # trafilatura drops a section called "buttons", with two of them
    assert blocks >= 29 and kept >= 27, (blocks, kept)


def rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _parses(code: str) -> bool:
    try:
        return code.count("\n") > 2 and bool(ast.parse(code).body)
    except (SyntaxError, ValueError):
        return False
