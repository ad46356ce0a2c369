"""AsciiMath to LaTeX (asciimath.org: symbols, scripts, fractions, roots, text, matrices)."""

import re

WORDS = {
    "+-": r"\pm", "*": r"\cdot", "**": r"\ast", "xx": r"\times", "-:": r"\div", "@": r"\circ", "o+": r"\oplus",
    "ox": r"\otimes", "sum": r"\sum", "prod": r"\prod", "^^": r"\wedge", "vv": r"\vee", "nn": r"\cap", "uu": r"\cup",
    "!=": r"\ne", "<=": r"\le", ">=": r"\ge", "in": r"\in", "!in": r"\notin", "sub": r"\subset", "sup": r"\supset",
    "sube": r"\subseteq", "supe": r"\supseteq", "-=": r"\equiv", "~=": r"\cong", "~~": r"\approx", "prop": r"\propto",
    "and": r"\text{ and }", "or": r"\text{ or }", "not": r"\neg", "=>": r"\Rightarrow", "if": r"\text{ if }",
    "iff": r"\Leftrightarrow", "<=>": r"\Leftrightarrow", "AA": r"\forall", "EE": r"\exists", "int": r"\int",
    "oint": r"\oint", "del": r"\partial", "grad": r"\nabla", "oo": r"\infty", "O/": r"\emptyset", "...": r"\dots",
    ":.": r"\therefore", "cdots": r"\cdots", "vdots": r"\vdots", "ddots": r"\ddots", "quad": r"\quad", "CC": r"\mathbb{C}",
    "NN": r"\mathbb{N}", "QQ": r"\mathbb{Q}", "RR": r"\mathbb{R}", "ZZ": r"\mathbb{Z}", "->": r"\to", "<-": r"\leftarrow",
    "|->": r"\mapsto", "uarr": r"\uparrow", "darr": r"\downarrow", "rarr": r"\rightarrow", "larr": r"\leftarrow",
    "harr": r"\leftrightarrow", "rArr": r"\Rightarrow", "lArr": r"\Leftarrow", "hArr": r"\Leftrightarrow",
    "diamond": r"\diamond", "square": r"\square", "|__": r"\lfloor", "__|": r"\rfloor", "|~": r"\lceil", "~|": r"\rceil",
    "lim": r"\lim", "Lim": r"\operatorname{Lim}", "setminus": r"\setminus", "perp": r"\perp", "deg": r"^\circ",
    "ldots": r"\ldots", "le": r"\le", "ge": r"\ge", "ne": r"\ne", "mod": r"\bmod", "dx": "dx", "dy": "dy", "dz": "dz", "dt": "dt",
}  # fmt: skip
NAMED = [
    "alpha",
    "beta",
    "chi",
    "delta",
    "Delta",
    "epsilon",
    "varepsilon",
    "eta",
    "gamma",
    "Gamma",
    "iota",
    "kappa",
    "lambda",
    "Lambda",
    "mu",
    "nu",
    "omega",
    "Omega",
    "phi",
    "Phi",
    "varphi",
    "pi",
    "Pi",
    "psi",
    "Psi",
    "rho",
    "sigma",
    "Sigma",
    "tau",
    "theta",
    "Theta",
    "vartheta",
    "upsilon",
    "xi",
    "Xi",
    "zeta",
    "sin",
    "cos",
    "tan",
    "csc",
    "sec",
    "cot",
    "sinh",
    "cosh",
    "tanh",
    "log",
    "ln",
    "exp",
    "det",
    "dim",
    "gcd",
    "min",
    "max",
    "arcsin",
    "arccos",
    "arctan",
]
WORDS |= {name: f"\\{name}" for name in NAMED} | {"lcm": r"\operatorname{lcm}"}
UNARY = {
    "sqrt": r"\sqrt", "hat": r"\hat", "bar": r"\overline", "vec": r"\vec", "dot": r"\dot", "ddot": r"\ddot",
    "ul": r"\underline", "tilde": r"\tilde", "bb": r"\mathbf", "bbb": r"\mathbb", "cc": r"\mathcal", "tt": r"\mathtt",
    "fr": r"\mathfrak", "sf": r"\mathsf", "cancel": r"\cancel",
}  # fmt: skip
WRAPPED = {"abs": ("|", "|"), "floor": (r"\lfloor", r"\rfloor"), "ceil": (r"\lceil", r"\rceil"), "norm": (r"\|", r"\|")}
BINARY = {"frac": r"\frac", "root": r"\sqrt", "stackrel": r"\overset", "overset": r"\overset", "underset": r"\underset"}
OPEN = {"(": "(", "[": "[", "{": r"\{", "(:": r"\langle", "{:": "."}
CLOSE = {")": ")", "]": "]", "}": r"\}", ":)": r"\rangle", ":}": "."}
FUNCTION_TEXT = ("text", "mbox")
_WORDS = sorted({*WORDS, *UNARY, *WRAPPED, *BINARY, *OPEN, *CLOSE, *FUNCTION_TEXT, "^", "_", "/", "//", "|"}, key=len)[
    ::-1
]
TOKEN = re.compile(
    r"\s+|\"[^\"]*\"|(?:text|mbox)\s*\([^()]*\)|\d+(?:\.\d+)?|" + "|".join(map(re.escape, _WORDS)) + r"|.", re.S
)
MAX_DEPTH = 60


def asciimath_to_latex(source: str) -> str:
    """LaTeX of an AsciiMath expression; what it does not know stands as it is.

    Raises:
        RecursionError: it nests deeper than `MAX_DEPTH`.
    """
    tokens = [t for t in TOKEN.findall(source) if not t.isspace()]
    parser = _Parser(tokens)
    made = parser.row(0)
    while parser.at < len(tokens):  # a closing bracket that nothing opened
        made = f"{made} {CLOSE.get(tokens[parser.at], tokens[parser.at])} "
        parser.at += 1
        made += parser.row(0)
    return " ".join(made.split())


class _Parser:
    """Recursive descent over the grammar at asciimath.org."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def row(self, depth: int) -> str:
        """Expressions up to a closing bracket or the end."""
        parts = []
        while self.at < len(self.tokens) and self.peek() not in CLOSE:
            parts.append(self.fraction(depth))
        return " ".join(parts)

    def fraction(self, depth: int) -> str:
        above = self.scripted(depth)
        if self.peek() == "/" and self.at + 1 < len(self.tokens):
            self.take()
            return rf"\frac{{{_bare(above)}}}{{{_bare(self.scripted(depth))}}}"
        return above

    def scripted(self, depth: int) -> str:
        base = self.simple(depth)
        for sign in ("_", "^"):
            if self.peek() == sign and self.at + 1 < len(self.tokens):
                self.take()
                base += f"{sign}{{{_bare(self.simple(depth))}}}"
        return base

    def simple(self, depth: int) -> str:
        """One symbol, a bracketed expression, or a function with its arguments."""
        if depth > MAX_DEPTH:
            raise RecursionError(f"AsciiMath nests deeper than {MAX_DEPTH}")
        token = self.take()
        if token in OPEN:
            return self.bracketed(OPEN[token], depth)
        if token in UNARY:
            return f"{UNARY[token]}{{{_bare(self.simple(depth + 1))}}}"
        if token in WRAPPED:
            left, right = WRAPPED[token]
            return f"\\left{left} {_bare(self.simple(depth + 1))} \\right{right}"
        if token in BINARY:
            first, second = _bare(self.simple(depth + 1)), _bare(self.simple(depth + 1))
            return rf"\sqrt[{first}]{{{second}}}" if token == "root" else f"{BINARY[token]}{{{first}}}{{{second}}}"
        return _symbol(token)

    def bracketed(self, opening: str, depth: int) -> str:
        inside = self.row(depth + 1)
        closing = CLOSE.get(self.take(), ".")
        if opening == closing == ".":
            return f"{{{inside}}}"
        return rf"\left{opening} {_matrix(inside) or inside} \right{closing}"


def _symbol(token: str) -> str:
    if token.startswith('"') and len(token) > 1:
        return rf"\text{{{token[1:-1]}}}"
    if token.startswith(FUNCTION_TEXT) and token.endswith(")"):
        return rf"\text{{{token.partition('(')[2][:-1]}}}"
    return WORDS.get(token, {"//": "/", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$"}.get(token, token))


ROUND = re.compile(r"\\left([(\[]) ((?:(?!\\left|\\right).)*) \\right[)\]]")


def _bare(latex: str) -> str:
    """An argument without the brackets that only grouped it."""
    found = re.fullmatch(r"\\left\( (.*) \\right\)", latex, re.S)
    if found and _balanced(found[1]):
        return found[1]
    return latex[1:-1] if latex[:1] == "{" and latex[-1:] == "}" and _balanced_braces(latex[1:-1]) else latex


def _balanced(latex: str) -> bool:
    depth = 0
    for mark in re.findall(r"\\left(?![a-z])|\\right(?![a-z])", latex):
        depth += 1 if mark == r"\left" else -1
        if depth < 0:
            return False
    return depth == 0


def _balanced_braces(latex: str) -> bool:
    depth = 0
    for mark in re.findall(r"\\.|[{}]", latex):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        if depth < 0:
            return False
    return depth == 0


def _matrix(inside: str) -> str:
    """`(a, b), (c, d)` within brackets as a matrix, "" where it is none."""
    rows = ROUND.findall(inside)
    if len(rows) < 2 or re.sub(r"[\s,]", "", ROUND.sub("", inside)):
        return ""
    cells = [row.split(",") for _, row in rows]
    if len({len(row) for row in cells}) != 1:
        return ""
    return r"\begin{matrix} " + r" \\ ".join(" & ".join(c.strip() for c in row) for row in cells) + r" \end{matrix}"
