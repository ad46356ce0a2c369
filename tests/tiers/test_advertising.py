"""Advertising of gambling, sex and doubtful goods is dropped; laws, reports and articles on the same subjects are kept."""

import pytest

from coevo.tiers.clean import PASSED, clean
from coevo.tiers.filters.advertising import sorts

from .test_clean import table

LAW = (
    "第一条 为了加强彩票管理，规范彩票市场发展，维护彩票市场秩序，根据有关法律制定本条例。\n"
    "第二条 本条例所称彩票，是指国家为筹集社会公益资金，特许发行、依法销售，自然人自愿购买，并按照特定规则获得中奖机会的凭证。\n"
    "第三条 彩票发行机构应当在开奖前公布投注规则，彩票代销者不得向未成年人销售彩票，不得以赊销方式销售彩票。\n"
)
REPORT = (
    "警方昨日通报，经过三个月的侦查，打掉一个跨境赌博团伙，抓获犯罪嫌疑人二十三名。据介绍，该团伙在境外租用服务器开设赌博网站，"
    "吸引境内人员投注百家乐和时时彩，涉案金额超过两亿元。检察机关已经对主要成员以开设赌场罪批准逮捕，案件正在进一步审理之中。"
)
RULES_OF_A_GAME = (
    "百家乐是一种起源于意大利的纸牌游戏，十五世纪传入法国。玩家可以在庄家和闲家之间下注，牌面点数之和的个位数接近九的一方获胜。"
    "从概率论的角度看，赌场的优势来自抽水，因此长期投注的期望收益总是负的，数学家曾经用马尔可夫链研究过这种游戏。"
)
MEDICINE = (
    "青春期的性教育应当包括生殖系统的结构、月经与遗精的生理过程、避孕方法以及性传播疾病的预防。调查显示，接受过完整性教育的学生发生"
    "意外怀孕的比例更低。专家建议学校与家长合作，用科学而坦率的语言回答孩子的问题，避免他们从色情视频里获得错误的知识。"
)
CASINO = (
    "澳门娱乐城官方网站欢迎您，新用户注册送彩金八十八元，首存返利百分之百，百家乐、老虎机、时时彩应有尽有，真人荷官在线发牌，"
    "提现秒到账，信誉保证。立即注册开户，加微信客服领取优惠，手机APP下载即可投注，稳赚不赔，代理加盟火热招募中。"
)
LOTTERY = (
    "北京赛车计划群，老师带你稳赚，精准预测时时彩、快三、幸运飞艇，日入过千不是梦。现在加微信即可免费领取计划，充值返利，"
    "投注平台信誉好，提现快，网上彩票投注平台首选，六合彩特码提前公布，欢迎广大彩民前来投注，客服二十四小时在线。"
)
ADULT = (
    "成人视频免费观看，高清无码人妻巨乳，国产自拍偷拍，日韩女优写真，同城约炮裸聊，美女主播激情视频在线播放，少妇诱惑，"
    "更多成人电影请收藏本站永久网址。一夜情交友，学生妹上门服务，全套服务，让你欲罢不能，激情小说每天更新。"
)
INVOICES = (
    "本公司长期代开发票，办理各类证件，刻章，高仿文凭学历，价格优惠，诚信经营，绝对保密，货到付款。加微信详谈，咨询：请联系业务经理。"
    "另有无抵押贷款，信用卡套现，黑户也能下款，当天放款，欢迎来电咨询，名额有限，先到先得，无效退款。"
)
CASINO_EN = (
    "Best online casinos of the year. Claim a welcome bonus and 200 free spins today, and play slot games for real money with "
    "instant withdrawals and live dealers. Use the bonus code at sign up and get a no deposit bonus. Our casino games pay out "
    "more, the minimum deposit is low, and the wagering requirements are the best of all betting sites. Join now and play now to "
    "hit the jackpot, and share the odds of roulette, blackjack and poker with your friends."
)
ADULT_EN = (
    "Free porn videos of hot girls and horny milfs, updated every day with the best xxx scenes. Watch amateur teens with big tits "
    "in hardcore threesomes, live sex cams and nude photos of naughty babes. The hottest cam girls show their pussy to you, and "
    "you can chat with sluts that want to fuck tonight. Join this sex dating site and have the free sex videos with no limits."
)
PHARMACY = (
    "Buy cheap viagra and generic cialis from our online pharmacy without prescription, with overnight delivery and free shipping. "
    "The lowest prices on pills and drugs are to be had here, with a money back guarantee. Order now and save on tramadol, "
    "levitra and weight loss pills that work with every credit card, and get a discount on the next order that you place."
)
STUDY = (
    "The history of gambling in the United States is a story of prohibition and return. By 1910 casinos and lotteries were "
    "illegal in nearly every state, and poker and roulette were played in back rooms. Nevada made casinos legal in 1931, and the "
    "growth of Las Vegas was to follow. Studies of slot machines have shown that near misses keep players at their seats, and "
    "that the odds of a jackpot are poorly understood by those who bet the most. Regulators have asked for limits on deposits."
)
HEALTH = (
    "Sildenafil, sold as Viagra, is a drug that was first studied for high blood pressure and angina. It works by blocking an "
    "enzyme that breaks down cyclic GMP, so that blood vessels in the penis widen. Doctors have to ask about heart disease before "
    "a prescription is written, and the drug must not be taken with nitrates. Pills that are sold by an online pharmacy are often "
    "counterfeit, and tests have found that a third of them hold the wrong dose."
)


@pytest.mark.parametrize(
    ("text", "domain", "sort"),
    [
        (CASINO, "zh", "gambling"),
        (LOTTERY, "zh", "gambling"),
        (ADULT, "zh", "adult"),
        (INVOICES, "zh", "trade"),
        (CASINO_EN, "en", "gambling"),
        (ADULT_EN, "en", "adult"),
        (PHARMACY, "en", "trade"),
    ],
)
@pytest.mark.parametrize("kind", ["html", "text"])
def test_an_offer_to_the_reader_is_dropped(text: str, domain: str, sort: str, kind: str) -> None:
    verdict = clean(table(text, domain=domain, kind=kind)).to_pylist()[0]["reason"]
    assert verdict.startswith(f"advertises-{sort}: "), verdict


@pytest.mark.parametrize(
    ("text", "domain"),
    [(LAW, "zh"), (REPORT, "zh"), (RULES_OF_A_GAME, "zh"), (MEDICINE, "zh"), (STUDY, "en"), (HEALTH, "en")],
    ids=["law", "report", "game", "medicine", "study", "health"],
)
def test_a_text_on_the_same_subject_is_kept(text: str, domain: str) -> None:
    assert clean(table(text, domain=domain)).to_pylist()[0]["reason"] == PASSED


def test_every_word_of_the_lists_is_a_pattern() -> None:
    for language in ("zh", "en"):
        names = [sort.name for sort in sorts(language)]
        assert names == ["gambling", "adult", "trade"]
