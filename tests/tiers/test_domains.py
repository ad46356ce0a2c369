"""Domain packs: the rules are each domain's own, and the page that says how to add one is true."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from coevo.tiers.clean import clean
from coevo.tiers.config import CleanConfig
from coevo.tiers.domains import packs
from coevo.tiers.errors import InputError
from coevo.tiers.ingest.identify import identify

PAGE = Path(__file__).parents[2] / "docs" / "domains.md"
CHINESE = "数据清洗是很重要的一步，我们需要把编码弄对，然后再去掉重复的段落，最后才能用来训练模型。"
PROSE = "The quick brown fox jumps over the lazy dog, and then it rests with the others that have been there. "


@pytest.fixture
def fresh() -> Iterator[None]:
    packs.cache_clear()
    yield
    packs.cache_clear()


def reason(text: str, domain: str, source: str = "x/a", kind: str = "text", config: CleanConfig | None = None) -> str:
    columns = {"id": ["1"], "text": pa.array([text], pa.large_string()), "domain": [domain], "kind": [kind]}
    return str(clean(pa.table(columns | {"source": [source]}), config)["reason"][0])


def varied(n: int) -> str:
    """Sentences of words of their own."""
    draw = random.Random(n)
    words = ["".join(draw.choice("bdgklmnprstv") + draw.choice("aeiou") for _ in range(3)) for _ in range(6 * n)]
    return " ".join(
        f"The {a} of {b} {c} and {d} {e} with {f}." for a, b, c, d, e, f in zip(*[iter(words)] * 6, strict=True)
    )


@pytest.mark.parametrize(
    ("text", "domain", "source", "kind", "rule"),
    [
        (varied(20), "en", "http://10.0.0.1/a", "html", "url-address"),
        (varied(20), "en", "http://best-casino.example/a", "html", "url-gambling"),
        (varied(20), "en", "http://x.org/essex-county", "html", "passes"),
        (varied(2), "en", "http://x.org/a", "html", "few-words"),
        (
            varied(20) + "\n".join(f"\nA comment of {i} people who have seen it" for i in range(30)),
            "en",
            "x/a",
            "html",
            "passes",
        ),
        ("\n".join(f"Item number{i} of the list" for i in range(90)), "en", "http://x.org/a", "html", "fineweb-"),
        ("这是一段没有任何标点符号的文字" * 30, "zh", "x/a", "text", "no-chinese-punctuation"),
        (varied(20), "zh", "x/a", "text", "few-han"),
        ("吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 6, "zh", "x/a", "text", "japanese"),
        ("锟斤拷数据清洗，锟斤拷是很重要的。" * 12, "zh", "x/a", "text", "chinese-mojibake"),
        (
            "\n".join(f"春风{i}秋月{i}夏雨{i}冬雪{i}山川{i}，" for i in range(20)),
            "zh",
            "x/a",
            "html",
            "few-chinese-function",
        ),
        ("\n".join(f"这是第{i}个，我们的链接也在" for i in range(40)), "zh", "x/a", "html", "chinese-line-punct"),
        ("\n".join(f"这是第{i}个，也好。" for i in range(40)), "zh", "x/a", "html", "chinese-short-lines"),
        ("\n".join(f"这是第{i}个，也好。" for i in range(40)), "zh", "x/a", "text", "passes"),
        ("Let $x$ be prime. " + "\\frac{a}{b " * 30, "math", "x/a", "text", "latex-unbalanced"),
        ("Let $x$ be so. " + "$\\mathchoice{{\\sum_{(x:A)}}}{a}\\{$ " * 30, "math", "x/a", "text", "passes"),
        ("def f(x):\n    y = x + 1\n    return y\n" * 5, "code", "p/node_modules/a.js", "source", "vendored"),
        ("def f(x):\n    y = x + 1\n    return y\n" * 5, "code", "p/a.min.js", "source", "minified"),
        (
            "".join(f"// {i} words of a licence and more\n" for i in range(12)),
            "code",
            "p/a.c",
            "source",
            "comments-only",
        ),
    ],
)
def test_each_domain_has_its_own_rules(text: str, domain: str, source: str, kind: str, rule: str) -> None:
    assert reason(text, domain, source, kind, CleanConfig(house=False)).startswith(rule)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("http://sub.spam.example/a", "url-blocked: spam.example"),
        ("https://www.fine.org/ads/2020/x.html", "url-blocked: fine.org/ads"),
        ("https://fine.org/adsense", "passes"),
        ("https://fine.org/free-porn-pics", "url-adult: porn"),
        ("https://hotsexcamgirls.org/", "url-adult: sexcam"),
        ("https://essex-camera-club.org/", "passes"),
        ("https://middlesex.ac.uk/sexual-health", "passes"),
        ("https://x.org/sex-education", "passes"),
        ("https://x.org/hot-naked-girls", "url-adult: girls and hot"),
        ("https://stats.org/poker-odds", "url-gambling: odds and poker"),
        ("https://stats.org/poker", "passes"),
        ("https://x.org/buyviagra.html", "url-trade: buyviagra"),
        ("https://x.org/a.pdf", "url-file"),
    ],
)
def test_addresses_are_judged_by_the_list_in_the_house_and_by_the_users_own(
    url: str, wanted: str, tmp_path: Path
) -> None:
    (tmp_path / "own.txt").write_text("# a list\nhttps://www.Fine.org/ads/\n\n")
    config = CleanConfig(block_urls=("spam.example", str(tmp_path / "own.txt")))
    assert reason(varied(20), "en", url, "text", config).startswith(wanted)


@pytest.mark.parametrize("bad", ["no host", "nowhere.txt"])
def test_a_list_of_addresses_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(InputError, match=r"clean.block_urls"):
        reason(varied(20), "en", config=CleanConfig(block_urls=(bad,)))


def test_texts_of_this_machine_and_of_no_pack_are_judged_by_the_common_rules_only() -> None:
    code = "def f(x):\n    y = x + 1\n    return y\n" * 5
    rest = CleanConfig(house=False)
    assert reason(code, "code", "p/vendor/a.js", "source", rest).startswith("vendored")
    assert reason(code, "code", "site/pip/_vendor/a.js", "source", rest).startswith("passes")
    assert reason(code, "code", "p/vendor/a.js", "source", CleanConfig(house=False, packs=False)).startswith("passes")


def test_published_families_are_applied_where_asked_for() -> None:
    text = varied(20).replace(".", " {x}.")
    assert reason(text, "en").startswith("passes")
    assert reason(text, "en", config=CleanConfig(families=("c4",))) == "c4-curly-bracket: 1 > 0"
    assert reason(PROSE * 40, "en", config=CleanConfig(house=False, families=("gopher-repetition",))).startswith(
        "gopher-"
    )
    assert reason(varied(20), "en", config=CleanConfig(families=("gopher-quality", "c4"))).startswith("passes")
    with pytest.raises(InputError, match="gopher-quality"):
        reason(text, "en", config=CleanConfig(families=("gopher",)))


def test_the_page_that_says_how_to_add_a_pack_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    (module,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    (entry,) = re.findall(r'```toml\n\[project.entry-points."(.*?)"\]\nrecipes = "(.*?)"', PAGE.read_text("utf-8"))
    (tmp_path / "recipes.py").write_text(module)
    (tmp_path / "recipes-1.dist-info").mkdir()
    (tmp_path / "recipes-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: recipes\nVersion: 1\n")
    (tmp_path / "recipes-1.dist-info" / "entry_points.txt").write_text(f"[{entry[0]}]\nrecipes = {entry[1]}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    text = f"Ingredients: one tablespoon of {varied(20)}"
    assert identify(text, "a.txt").domain == "recipes"
    assert reason(text, "recipes") == "no-steps: 0 < 2"
    assert reason(f"{text}\n1. Stir it.\n2. Bake it.", "recipes").startswith("passes")
    (tmp_path / "recipes-1.dist-info" / "entry_points.txt").write_text(f"[{entry[0]}]\nrecipes = recipes:claim\n")
    packs.cache_clear()
    with pytest.raises(InputError, match="wanted a coevo"):
        packs()
