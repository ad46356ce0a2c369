"""Rule judges: layout, language, word order, padding, what is left ungraded, and how many canaries pass."""

import gzip
import json
import random
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.agents import judge_orders, pool, word_order
from coevo.agents.calibration import Calibration, calibrate, grades_of
from coevo.agents.canaries import padded, shuffled
from coevo.agents.scorer import Scorer
from coevo.agents.text_grades import RUBRICS, grade
from coevo.tiers.decision import Action
from coevo.tiers.ranking import spearman

from .offline import CODE, GOOD, OFFLINE, document

SHARED = Path(__file__).parents[3] / "shared" / "data"
CHINESE = (
    "苏州园林是中国古典园林的代表，其历史可以追溯到春秋时期吴王的园囿。现存的园林多建于明清两代，因为当时苏州经济繁荣，"
    "文人和官员纷纷在城中购地造园。园林的面积一般不大，但是通过假山、水池、花木和建筑的安排，使游人在有限的空间里看到不断"
    "变化的景色。例如，拙政园以水池为中心，建筑大多临水而建；留园则用长廊把各个部分连接起来。一九九七年，这些园林被列入"
    "世界遗产名录。"
)
SPAM = (
    "澳门新葡京娱乐城注册送彩金，百家乐在线投注，真人棋牌游戏，注册即送体验金，客服在线，欢迎开户投注",
    "代开各类发票，增值税发票，餐饮发票，税点优惠，可先验后付款，加微信号咨询，长期有效，免费送货",
    "首页 | 关于我们 | 联系我们 | 产品中心 | 新闻资讯 | 招商加盟 | 在线留言 | 网站地图 版权所有 备案号",
    "亲，点击下方链接领取优惠券！限时秒杀，全场五折，错过再等一年！加微信领红包，前一百名下单送豪礼！",
)


def grades(text: str, domain: str = "en") -> dict[str, float]:
    columns, _ = grade([text], [domain])
    return {name: float(values[0]) for name, values in columns.items()}


@pytest.mark.parametrize("width", [30, 72, 10_000])
@pytest.mark.parametrize(("text", "domain"), [(GOOD, "en"), (CHINESE, "zh"), (GOOD, "math")])
def test_line_breaks_in_prose_change_no_grade(text: str, domain: str, width: int) -> None:
    flowing = " ".join(text.split())
    if domain == "zh":
        lines = "\n".join(text[at : at + width] for at in range(0, len(text), width))
    else:
        lines = textwrap.fill(flowing, width, break_long_words=False, break_on_hyphens=False)
    assert grades(lines, domain) == pytest.approx(grades(flowing, domain))


@pytest.mark.parametrize("spam", SPAM)
def test_chinese_prose_stands_above_spam(spam: str) -> None:
    prose, low = grades(CHINESE, "zh"), grades(spam, "zh")
    assert prose["education"] > 0.3 and prose["clarity"] > 0.4
    assert low["education"] < 0.1 and low["clarity"] < 0.3
    assert all(prose[r] > low[r] + 0.2 for r in RUBRICS)


@pytest.mark.parametrize("kind", ["words", "characters", "padded"])
@pytest.mark.parametrize(("text", "domain"), [(GOOD, "en"), (CHINESE, "zh"), (CODE, "code")])
def test_disorder_and_padding_lower_every_grade(text: str, domain: str, kind: str) -> None:
    rng = random.Random(5)
    spoiled = {
        "words": lambda: shuffled(text, rng),
        "characters": lambda: "".join(rng.sample(text, len(text))),
        "padded": lambda: padded(text),
    }[kind]()
    before, after = grades(text, domain), grades(spoiled, domain)
    assert all(before[r] > after[r] for r in RUBRICS), (before, after)


UNREADABLE = {
    "Japanese": ("これはにほんごのぶんしょうです。ひらがなでかかれています。よめますか。" * 2, "script"),
    "Russian": ("Этот текст написан на русском языке, и правила не могут его прочитать." * 2, "script"),  # noqa: RUF001
    "Arabic": ("هذا النص مكتوب باللغة العربية ولا تستطيع القواعد قراءته على الإطلاق هنا وهناك" * 2, "script"),
    "Korean": ("이 글은 한국어로 쓰여 있으며 규칙으로는 읽을 수 없습니다. 그래서 점수가 없습니다." * 2, "script"),
    "short": ("Only a few words.", "too short"),
    "empty": ("", "too short"),
    "unbroken": ("A word: " + "abcdefghij" * 12 + " and a few words of the usual kind behind it.", "words of"),
    "binary": ("\x00\x01\ufffd\x03 data \x05\x06 " * 30, "control"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_left_ungraded_with_the_reason(kind: str) -> None:
    text, reason = UNREADABLE[kind]
    good, other = pool.run(Scorer(OFFLINE, round=0), [document(GOOD), document(text)])
    assert good.action is Action.SCORE and set(good.scores) == set(RUBRICS)
    assert other.action is Action.NONE and not other.scores and not other.error
    assert other.reason.startswith("not graded: ") and reason in other.reason


@pytest.mark.parametrize("symbols", ["β, δ, λ and ∑ of x² ≤ ∫ f", "naïve café Übermut œuvre"])
def test_latin_text_with_accents_and_greek_signs_is_read(symbols: str) -> None:
    assert not np.isnan(grades(f"{GOOD} {symbols}")["education"])


def test_canaries_of_every_kind_pass_more_often_than_half() -> None:
    scorer = Scorer(OFFLINE, round=0)

    def result_of(rubric: str) -> Calibration:
        return calibrate(lambda texts: grades_of(scorer.batch(texts), rubric, texts), rubric)

    shares = []
    for result in map(result_of, RUBRICS):
        assert result.trust > 0.4 and result.accuracy > 0.8, result.reason
        shares.append(result.canaries)
    for kind, least in (("length", 0.9), ("nonsense", 0.6), ("stuffing", 0.6), ("orders", 0.9)):
        assert np.mean([s[kind] for s in shares]) >= least, kind


WORDS = [*judge_orders._VERBS, "yes", '"yes', "10", "top", "full", "perfect", "the", "word", "scores", "often", ","]


@given(st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from([" ", "  ", "\n"]))
def test_the_quick_search_for_orders_misses_none(words: list[str], gap: str) -> None:
    text = gap.join(["score", *words])  # `score` is one of the words without which nothing is searched for
    assert judge_orders.orders(text) == len(judge_orders._ORDER.findall(text))


def test_tokens_ignore_case_and_white_space_and_keep_signs() -> None:
    one, other = (
        word_order.tokens("Ice floats,\n\n because 水冰 weighs 12.5"),
        word_order.tokens("ice FLOATS, because 水冰 weighs 12.5 "),
    )
    assert np.array_equal(one.words, other.words) and np.array_equal(one.classes, other.classes)
    assert one.lengths.tolist() == [3, 6, 1, 7, 1, 1, 6, 2, 1, 1]
    assert len(word_order.tokens("").words) == len(word_order.tokens(" \n").words) == 0


def test_the_stored_table_is_read_as_it_was_written() -> None:
    values = np.linspace(-3, 3, 1 << word_order.BITS, dtype=np.float32)
    read = word_order._unpacked(word_order.packed(values, 0.35), 0.35)
    assert read.shape == values.shape
    assert np.abs(read - np.clip(values, -7 * 0.35, 7 * 0.35)).max() <= 0.35 / 2 + 1e-6


@pytest.mark.parametrize(("text", "domain"), [(GOOD, "en"), (CHINESE, "zh"), (CODE, "code")])
def test_neighbours_of_real_text_are_likelier_than_those_of_shuffled_text(text: str, domain: str) -> None:
    scores = word_order.model().scores
    assert scores(word_order.tokens(text))[0] > scores(word_order.tokens(shuffled(text, random.Random(2))))[0] + 0.2, (
        domain
    )


def test_coded_bytes_are_graded_low() -> None:
    coded = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\n" * 6
    assert max(grades(coded).values()) < 0.2


@pytest.mark.skipif(not (SHARED / "l0").exists(), reason="the corpora of ../shared/data are not here")
def test_the_share_of_latin_letters_does_not_select_chinese() -> None:
    texts = []
    for name in ("cmrc2018-wiki", "yihui-cn", "houbb-blog", "lctt-published"):
        with gzip.open(SHARED / "l0" / "zh" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            texts += [
                t for t, _ in zip((json.loads(line)["text"] for line in file), range(60), strict=False) if len(t) > 200
            ]
    latin = np.array([sum(c.isascii() and c.isalpha() for c in t[:8000]) / len(t[:8000]) for t in texts])
    mean = np.mean([*grade(texts, ["zh"] * len(texts))[0].values()], axis=0)
    kept = ~np.isnan(mean)
    assert abs(spearman(latin[kept], mean[kept])) < 0.3
