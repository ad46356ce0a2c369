r"""Signs: one way of writing for what answers write in many (Unicode, LaTeX, full width), without loss of a part.

`10²` becomes `10^{2}`, never `102`; `½` becomes `\frac{1}{2}`; layout such as `\left` and `\,` goes.
"""

import re
import unicodedata
from functools import cache

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2212\u2013\u2014\u2010\u2011\ufe63\uff0d\u2012", "-"),
        **dict.fromkeys("\u00d7\u00b7\u22c5\u2219\u2217\u2022", "*"),
        **dict.fromkeys("\u00f7\u2215\u2044", "/"),
        **dict.fromkeys("\u2236\ua789", ":"),
        **dict.fromkeys("\u2032\u2019", "'"),
        "\u2033": "''",
        "\u2264": "<=", "\u2a7d": "<=", "\u2265": ">=", "\u2a7e": ">=", "\u2260": "!=",
        "\u00ba": "\u00b0", "\u02da": "\u00b0",
        "\u03d5": "\u03c6", "\u03f5": "\u03b5", "\u3001": ",", "\u3002": ".", "\u2030": "/1000",
    }
)  # fmt: skip
_COMMANDS = {
    **dict.fromkeys(("times", "cdot", "ast", "bullet"), "*"),
    **dict.fromkeys(("le", "leq", "leqslant"), "<="),
    **dict.fromkeys(("ge", "geq", "geqslant"), ">="),
    **dict.fromkeys(("ne", "neq"), "!="),
    **dict.fromkeys(("dfrac", "tfrac", "cfrac"), r"\frac"),
    **dict.fromkeys(("dbinom", "tbinom"), r"\binom"),
    **dict.fromkeys(("mathrm", "mathbf", "textbf", "textrm", "textit", "mbox", "operatorname", "mathit"), r"\text"),
    **dict.fromkeys(("displaystyle", "textstyle", "limits", "left", "right", "bigl", "bigr", "Bigl", "Bigr"), " "),
    **dict.fromkeys(("big", "Big", "quad", "qquad", "phantom", "boldsymbol", "rm"), " "),
    "div": "/", "lt": "<", "gt": ">", "pm": "\u00b1", "mp": "\u2213", "infty": "\u221e", "pi": "\u03c0",
    "cup": "\u222a", "in": "\u2208", "degree": "\u00b0", "circ": "\u00b0", "prime": "'", "colon": ":",
    "mid": "|", "lvert": "|", "rvert": "|", "vert": "|", "lbrace": "\u2983", "rbrace": "\u2984", "langle": "\u27e8",
    "rangle": "\u27e9", "emptyset": "\u2205", "varnothing": "\u2205",
    "theta": "\u03b8", "alpha": "\u03b1", "beta": "\u03b2", "gamma": "\u03b3", "delta": "\u03b4", "lambda": "\u03bb",
    "mu": "\u03bc", "omega": "\u03c9", "sigma": "\u03c3", "phi": "\u03c6", "varphi": "\u03c6", "rho": "\u03c1",
    "epsilon": "\u03b5", "varepsilon": "\u03b5", "tau": "\u03c4", "eta": "\u03b7", "xi": "\u03be", "psi": "\u03c8",
}  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_RAISED_FRACTION = re.compile(r"(?<![A-Za-z)}\]])\^\{(\d+)\}/_\{(\d+)\}")
_OVER = re.compile(r"\{([^{}]*)\\over(?![A-Za-z])([^{}]*)\}|^([^{}\\]*)\\over(?![A-Za-z])([^{}\\]*)$")
_CHOOSE = re.compile(r"\{([^{}]*)\\choose(?![A-Za-z])([^{}]*)\}")
_DOTTED = re.compile(r"(\d*\.\d*)\\dot\s*\{?(\d)\}?(?:(\d*)\\dot\s*\{?(\d)\}?)?|(?<![\d.])(\d+\.)\((\d+)\)")
_SET = re.compile(r"\\mathbb\s*(?:\{\s*([A-Z])\s*\}|([A-Z]))")
_CASES = re.compile(r"\\begin\s*\{cases\}(.*?)\\end\s*\{cases\}", re.DOTALL)
_SPACING = re.compile(r"(?<!\\)\\[,;: ]|~")


def plain(text: str) -> str:
    """`text` in the one way of writing."""
    return " ".join(_latex(_characters(text)).split())


def _characters(text: str) -> str:
    """Every character in its plain form; raised and lowered ones keep their place as `^{...}` and `_{...}`."""
    pieces: list[str] = []
    mode = ""
    for char in text:
        level, form = _form(char)
        if level != mode:
            pieces.append(("}" if mode else "") + (f"{level}{{" if level else ""))
            mode = level
        pieces.append(form)
    return _RAISED_FRACTION.sub(r"\\frac{\1}{\2}", "".join(pieces) + ("}" if mode else ""))


@cache
def _form(char: str) -> tuple[str, str]:
    """Whether a character stands high (`^`), low (`_`) or on the line, and what it is written as."""
    if char in "\u00ba\u02da":
        return "", "\u00b0"
    kind, _, codes = unicodedata.decomposition(char).rpartition("> ")
    level = {"<super": "^", "<sub": "_"}.get(kind, "")
    form = unicodedata.normalize("NFKC", char).translate(_SIGNS)
    if kind == "<fraction":
        above, _, below = form.partition("/")
        return "", f"\\frac{{{above}}}{{{below}}}"
    if kind == "<square":
        return "", _characters("".join(chr(int(code, 16)) for code in codes.split()))
    return level, form


def _latex(text: str) -> str:
    text = text.replace(r"\!", "").replace("{,}", ",").replace(r"\%", "%").replace(r"\$", "$").replace(r"\#", "#")
    text = text.replace(r"\{", "\u2983").replace(r"\}", "\u2984").replace(r"\|", "|")
    text = _CASES.sub(
        lambda m: re.sub(
            r"[,;.]?\s*\\\\|&", lambda sign: "," if sign[0] != "&" else " ", m[1].strip().removesuffix(r"\\")
        ),
        text,
    )
    text = _DOTTED.sub(_recurring, _SET.sub(_set, _CHOOSE.sub(r"\\binom{\1}{\2}", text)))
    text = _OVER.sub(lambda m: f"\\frac{{{m[1] or m[3] or ''}}}{{{m[2] or m[4] or ''}}}", text)
    text = _COMMAND.sub(_command, _SPACING.sub(" ", text))
    return re.sub(r"\^\s*(?:\{\s*(\u00b0|'+)\s*\}|(\u00b0|'+))", r"\1\2", text)


def _command(match: re.Match[str]) -> str:
    put = _COMMANDS.get(match[1])
    return match[0] if put is None else put


def _recurring(match: re.Match[str]) -> str:
    """A decimal that recurs between dots, or in round brackets (`0.(3)`)."""
    if match[5]:
        return f"{match[5]}\\overline{{{match[6]}}}"
    return f"{match[1]}\\overline{{{match[2]}{match[3] or ''}{match[4] or ''}}}"


def _set(match: re.Match[str]) -> str:
    """A set of numbers: the real ones as an interval, others by their letter."""
    letter = match[1] or match[2]
    return "(-\u221e,\u221e)" if letter == "R" else f"\\text{{{letter}}}"
