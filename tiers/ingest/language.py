"""Which language a text is in: by its script, and where scripts are shared, by the small words of each language."""

import re
from collections import Counter
from dataclasses import dataclass

READ = 20_000
"""Characters looked at: enough to be sure, so that a book costs no more than a page."""
SCRIPTS = {
    "han": r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]",
    "kana": r"[\u3040-\u30ff\u31f0-\u31ff]",
    "hangul": r"[\uac00-\ud7af\u1100-\u11ff]",
    "cyrillic": r"[\u0400-\u04ff]",
    "greek": r"[\u0370-\u03ff]",
    "arabic": r"[\u0600-\u06ff\u0750-\u077f]",
    "hebrew": r"[\u0590-\u05ff]",
    "thai": r"[\u0e00-\u0e7f]",
    "devanagari": r"[\u0900-\u097f]",
    "latin": r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]",
}
BY_SCRIPT = {
    "han": "zh",
    "hangul": "ko",
    "greek": "el",
    "arabic": "ar",
    "hebrew": "he",
    "thai": "th",
    "devanagari": "hi",
}
HAN_WEIGHT = 3
"""A Han character says about what three Latin letters do."""
KANA_SHARE = 0.05
"""Japanese has at least this share of kana among its Han and kana; Chinese that quotes a name has less."""
FUNCTION_WORDS = {
    "en": "the of and to in is that it for was with as on are be this by not or from at which an have you we can if but they has",
    "de": "der die und das den von zu ist mit des sich nicht auf dem ein eine für als auch es werden wird bei einer im am oder aus",
    "fr": "le la les de des et est une un dans que qui pour pas sur au par ce avec il vous sont nous plus ne se du cette aux ou",
    "es": "el la los las de que y en un una por con para se del al es no lo como más su sus este esta o pero son fue entre",
    "it": "il la di che e un una per del della non con sono le si dei nel alla da più come anche al gli i delle questo ha o",
    "pt": "o a os as de que e do da em um uma para com não por dos das no na se ao mais como mas foi ou são você seu sua",
    "nl": "de het een van en in is dat op te zijn met voor niet aan er om ook als bij door naar maar wordt worden deze dit of uit",
    "pl": "w i na z się do nie to jest że o jak po co przez od za dla oraz ale są być lub tym może tego jego który które",
    "sv": "och att det i en som på är av för med den till ett har de inte om var kan från eller när vi så men du sig ut",
    "cs": "a v se na je že to s z do o i k ve pro za by jsou ale jako od při po tak které nebo který není byl podle už",
    "ru": "и в не на что с как по это из к для от но за то так его же все или мы был она они бы вы был при также",
    "uk": "і в не на що з як це та до для від але за у й або його ми був вона вони ви при також є про який яка які",
    "tr": "ve bir bu da de için ile ne çok olarak daha var olan gibi kadar en ama ya veya sonra her ki mi olduğu değil",
    "vi": "của và là có trong được cho không một những các với này để khi người đã từ cũng đến như về tại ra trên",
    "id": "yang dan di untuk dengan dari pada ini itu tidak dalam ke akan adalah oleh sebagai atau juga dapat anda ada bisa",
    "ro": "și în de la a cu pe care nu este un o din pentru mai că sunt se fi sau prin dar după fost ca al această",
}  # fmt: skip
"""Frequent small words by ISO 639-1 code."""
WORDS = {language: frozenset(words.split()) for language, words in FUNCTION_WORDS.items()}
MIN_WORDS = 8
MIN_SHARE = 0.06
"""Running text has at least this share of its language's small words; lists, code and names have less."""
MARGIN = 1.15
"""How much more of them than of any other language's."""
CODE_AND_MATH = re.compile(r"```.*?(?:```|\Z)|\$\$.*?\$\$|\$[^$\n]{1,300}\$|https?://\S+", re.S)


@dataclass(frozen=True, slots=True)
class Language:
    """What a text was found to be written in."""

    code: str
    """ISO 639-1, "" where it cannot be told."""
    share: float
    """Of the letters (other scripts) or words (shared scripts) that say so."""


def language(text: str) -> Language:
    """The language that most of a text is in; code fences, formulas and addresses do not count.

    Args:
        text: its first `READ` characters are looked at.
    """
    plain = CODE_AND_MATH.sub(" ", text[:READ])
    counts = Counter({name: len(re.findall(pattern, plain)) for name, pattern in SCRIPTS.items()})
    east = counts["han"] + counts["kana"]
    weighed = counts | {"han": HAN_WEIGHT * counts["han"], "kana": HAN_WEIGHT * counts["kana"]}
    total = sum(weighed.values())
    if total == 0:
        return Language("", 0.0)
    if HAN_WEIGHT * east >= 0.5 * total:
        japanese = counts["kana"] >= KANA_SHARE * east
        return Language("ja" if japanese else "zh", HAN_WEIGHT * east / total)
    script, most = max(weighed.items(), key=lambda item: item[1])
    if script in BY_SCRIPT:
        return Language(BY_SCRIPT[script], most / total)
    return _by_words(plain)


def _by_words(text: str) -> Language:
    """Among languages that share a script, the one whose small words stand most often."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    if len(words) < MIN_WORDS:
        return Language("", 0.0)
    counts = Counter(words)
    hits = {code: sum(counts[w] for w in small) for code, small in WORDS.items()}
    (best, most), (_, next_most) = Counter(hits).most_common(2)
    share = most / len(words)
    return Language(best if share >= MIN_SHARE and most >= MARGIN * next_most else "", share)
