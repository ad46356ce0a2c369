"""Personal data in a text and what stands in for it: addresses of mail and of machines, numbers of telephones.

Mail and public IPv4 addresses as FineWeb replaces them (datatrove's PIIFormatter), but for what its patterns take in
vain: versions, `name@2x.png`, `git@host:`, algorithm and message names, addresses reserved for examples. Stand-ins are
addresses and numbers that nobody can have (RFC 2606, RFC 5737, 555-01xx), so a second pass changes nothing.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable

MAIL = re.compile(
    r"(?<![\w.!#$%&'*+=?^`{|}~/-])[A-Za-z0-9_][A-Za-z0-9!#$%&'*+=?^_`{|}~.-]*@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?\.){1,5}[A-Za-z]{2,18}(?![\w@/-]|\.\w|\()"
)
MAILS = ("email@example.com", "firstname.lastname@example.org")
NOBODY = re.compile(
    r"^(?:git|user|username|you|your[._-]?name|name|me|someone|email|test|noreply|no-reply|root|foo|bar|firstname\.lastname)@"
    r"|@(?:[\w-]+\.)*(?:example\.(?:com|org|net|edu)|[\w-]+\.(?:example|test|invalid|localhost|local)|localhost"
    r"|openssh\.com|users\.noreply\.github\.com)$"
    r"|\.(?:png|jpe?g|gif|svg|webp|ico|css|js|jsx|ts|tsx|json|py|md|html?|zip|gz|jar|so|dll|service|target|mount|timer)$",
    re.I,
)
"""Addresses of no person: for examples, of programs, and names of files that only look like one."""
TOP = re.compile(
    r"\.(?:com|org|net|edu|gov|mil|int|info|biz|name|io|dev|app|ai|me|tv|us|uk|de|fr|nl|be|ch|at|it|es|pt|se|no|dk|fi|"
    r"pl|cz|sk|hu|ro|ru|ua|gr|tr|il|in|cn|jp|kr|tw|hk|sg|au|nz|ca|br|mx|ar|cl|za|eu|ie)$",
    re.I,
)
"""How an address must end to be one in program text ..."""
ANY_TOP = re.compile(
    r"\.(?:[a-z]{2}|com|org|net|edu|gov|mil|int|info|biz|name|pro|coop|museum|cloud|online|site|tech|blog|xyz|club|shop|"
    r"email|studio|agency|academy|science|systems|global|world|page|live|news|space|network|digital|center|team)$",
    re.I,
)
"""... and elsewhere (countries, and the frequent ones of the others)."""
QUOTED = re.compile(r"[\"'`<#]|//|/\*|--|^\s*\*|author|mail|contact|maintain|copyright|written|thanks|report", re.I)
"""What stands before an address in program text, where `x@y.name` may be a product of matrices."""

ADDRESS = re.compile(r"(?:(?<=://)|(?<![\w.:/-]))(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\w)")
ADDRESSES = ("192.0.2.1", "198.51.100.1", "203.0.113.1")
NUMBERED = re.compile(
    r"(?:\b(?:version|release|ver|rev|build|section|chapter|figure|fig|table|clause|rfc|v)|版本|章节?|小节|§|[<>~^=]=)\W{0,3}$",
    re.I,
)
"""What four numbers with dots are, where this stands before them."""
RESOLVERS = frozenset(
    {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "114.114.114.114", "223.5.5.5", "1.2.3.4"}
)
"""Everybody's, and the address that stands for any."""

SMALL = 32
"""Four numbers below this are a version or a section, whatever stands before them."""

PHONE = re.compile(
    r"(?<![\w.+/=-])(?:"
    r"(?P<sure>\+[1-9]\d{0,2}[ .-]?(?:\(0\) ?)?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}|"
    r"(?<!\()(?:1[ .-])?\(\d{3}\) ?\d{3}[-. ]\d{4})"
    r"|(?<!\()(?P<likely>(?:1[ .-])?\d{3}[-.]\d{3}[-.]\d{4}|0\d{2,3}-\d{7,8}|1[3-9]\d-?\d{4}-?\d{4})"
    r"|(?P<named>\(?\d(?:[ ()./-]{0,2}\d){6,13})"
    r")(?: ?(?:x|ext\.? ?)\d{1,5})?(?![\w/=-]|\.\d)"
)
PHONES = ("202-555-0101", "202-555-0123", "202-555-0157")
CALL = re.compile(
    r"\b(?:tele?(?:phone)?|phone|call|fax|mobile|cell|dial|voice|tty)\b|电话|手机|联系|传真|热线|致电|☎|📞", re.I
)
"""What makes a likely number one, somewhere before it ..."""
SAID = (
    r"tel\b|tel[eé](?:phone|fon[oe]?|fax)|t[ée]l[ée]phone|t[ée]l\b|phone|fax|mobile?\b|cell(?:phone|ulare)?\b|handy\b|m[óo]vil|"
    r"whatsapp|call (?:us|me|him|her|them)\b|тел\b|телефон|факс|电话|電話|手机|手機|传真|傳真|热线|熱線|携帯|☎|📞"
)
CALLED = re.compile(rf"(?:{SAID})\.?(?: ?(?:numbers?|no|nr|is|at|on|号码|號碼))?\.? {{0,2}}[:：]? {{0,3}}$", re.I)
"""... and what makes any digits one, right before them."""
DAY = re.compile(r"^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}$")
SUSPECT = (
    r"@[A-Za-z0-9-]+\.|\d\.\d{1,3}\.\d{1,3}\.\d|\d{3}\)?[-. ]\d{3}[-. ]\d{4}|\+\d{1,3}[ .-]?\(?\d|"
    r"0\d{2,3}-\d{7}|1[3-9]\d-?\d{4}-?\d{4}|"
    rf"(?i:(?:{SAID})[^\n\d(]{{0,16}}\(?\d[\d ()./-]{{6}})"
)
"""RE2: a text without any of this has none of them."""
NEAR = 60
"""Characters before a number, on its line, in which a word of telephones must stand where its form is not enough."""


def replaced(text: str, is_code: bool = False, is_math: bool = False) -> tuple[str, Counter[str]]:
    """The text without personal data, and how many of which sort were replaced.

    Equal addresses of a text get equal stand-ins.

    Args:
        text: any.
        is_code: program text: mail is replaced in comments and strings only, addresses and telephones stay, as tests
            and settings compare them.
        is_math: numbers of telephones stay, which are sets and examples there.
    """
    found: Counter[str] = Counter()
    sorts: list[tuple[str, re.Pattern[str], tuple[str, ...], Callable[[re.Match[str]], bool]]] = [
        ("email", MAIL, MAILS, _is_mail_in_code if is_code else _is_mail)
    ]
    if not is_code:
        sorts.append(("ip", ADDRESS, ADDRESSES, _is_public))
    if not is_code and not is_math:
        sorts.append(("phone", PHONE, PHONES, _is_phone))
    for name, pattern, stand_ins, holds in sorts:
        text = _replace(text, name, pattern, stand_ins, holds, found)
    return text, found


def _replace(
    text: str,
    name: str,
    pattern: re.Pattern[str],
    stand_ins: tuple[str, ...],
    holds: Callable[[re.Match[str]], bool],
    found: Counter[str],
) -> str:
    given: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        if not holds(match):
            return match[0]
        found[name] += 1
        return given.setdefault(match[0].lower(), stand_ins[len(given) % len(stand_ins)])

    return pattern.sub(stand_in, text)


def _before(match: re.Match[str], most: int) -> str:
    """What stands before a match on its line, at most so many characters."""
    return match.string[max(0, match.start() - most) : match.start()].rpartition("\n")[2]


def _is_mail(match: re.Match[str]) -> bool:
    said = match[0]
    return ".." not in said and ANY_TOP.search(said) is not None and NOBODY.search(said) is None


def _is_mail_in_code(match: re.Match[str]) -> bool:
    return _is_mail(match) and TOP.search(match[0]) is not None and QUOTED.search(_before(match, 200)) is not None


def _is_public(match: re.Match[str]) -> bool:
    if match[0] in RESOLVERS or NUMBERED.search(_before(match, NEAR)):
        return False
    try:
        address = ipaddress.IPv4Address(match[0])
    except ValueError:
        return False
    return address.is_global and max(address.packed) >= SMALL and address.packed[3] not in (0, 255)


def _is_phone(match: re.Match[str]) -> bool:
    said, before = match[0], _before(match, NEAR)
    digits = sum(c.isdigit() for c in said)
    if "555-01" in said or digits < 7 or DAY.search(said):
        return False
    if match["sure"] and set(said) & set(" -("):
        return True
    likely = match["likely"] or match["sure"]  # `+2147483647` alone is a number
    return (likely is not None and CALL.search(before) is not None) or CALLED.search(before) is not None
