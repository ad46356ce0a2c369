r"""Grammar: an answer read as mathematics, the whole of it or not at all (`4\sqrt(2)` is never read as 4).

A recursive descent parser. A tree is a nested tuple whose first part names the node: `("num", "0.5")`, `("sym", "x")`,
`("const", "pi")`, `("+", a, b)`, `("call", "sin", a)`, `("seq", "[", ")", a, b)`, `("rel", "<=", a, b)` and so on.
Nothing is evaluated here.
"""

import re
from typing import Any

Tree = tuple[Any, ...]
MAX_TOKENS = 400
MAX_DEPTH = 40
MAX_DIGITS = 1_000
FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh exp log ln lg sqrt abs floor ceil".split()  # noqa: SIM905
)
_GREEK = "θαβγδλμωσφρετηξψΔΩΓΣΦΘΛ"
_TOKEN = re.compile(
    r"\s+|(?P<num>(?:\d+(?:\.\d*)?|\.\d+)(?:\\overline\s*\{\d+\})?)|(?P<cmd>\\(?:begin|end|text)\s*\{[^{}]*\}|\\[A-Za-z]+|\\\\)"
    rf"|(?P<word>[A-Za-z]+|[{_GREEK}])|(?P<rel><=|>=|!=|[<>=∈])|(?P<op>[-+*/^_!%°'()\[\]{{}}|,:;&∪±∓∞π√∛∜∅⦃⦄⟨⟩])"
)
_CLOSING = {"(": ")]", "[": ")]", "⦃": "⦄", "⟨": "⟩"}
_SYMBOLS = frozenset(
    "zeta kappa nu chi hbar ell Delta Gamma Lambda Omega Phi Pi Psi Sigma Theta Xi iota upsilon".split()  # noqa: SIM905
)
_MATRICES = frozenset("pmatrix bmatrix matrix array".split())  # noqa: SIM905


class Unread(ValueError):
    """The text is no answer that is understood as a whole."""


def parse(text: str) -> Tree:
    """The tree of a text in plain signs (`signs.plain`).

    Raises:
        Unread: a part of it is not understood, or it is too long or too deeply nested.
    """
    parser = _Parser(_tokens(text))
    tree = parser.relation()
    if parser.kind:
        raise Unread(f"{parser.token!r} was not expected")
    return tree


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    end = 0
    while end < len(text):
        match = _TOKEN.match(text, end)
        if match is None or len(tokens) > MAX_TOKENS:
            raise Unread(f"{text[end : end + 20]!r} is not understood")
        if match.lastgroup:
            tokens.append((match.lastgroup, match[0]))
        if match.lastgroup == "num" and len(match[0]) > MAX_DIGITS:
            raise Unread("a number of too many digits")
        end = match.end()
    return [part for token in tokens for part in (_letters(token[1]) if token[0] == "word" else [token])]


def _letters(word: str) -> list[tuple[str, str]]:
    """A run of letters: a function, a constant, or up to three variables side by side."""
    named = next((f for f in sorted(FUNCTIONS | {"pi"}, key=len, reverse=True) if word.startswith(f)), "")
    if named:
        return [("word", named), *(_letters(word[len(named) :]) if word[len(named) :] else [])]
    ending = next((f for f in sorted(FUNCTIONS | {"pi"}, key=len, reverse=True) if word.endswith(f)), "")
    if len(word) - len(ending) > 3:
        raise Unread(f"{word[:20]!r} is a word")
    return [("sym", c) for c in word[: len(word) - len(ending)]] + ([("word", ending)] if ending else [])


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at, self.depth = [*tokens, ("", "")], 0, 0

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0]

    @property
    def token(self) -> str:
        return self.tokens[self.at][1]

    def take(self, *expected: str) -> str:
        token = self.token
        if not self.kind or (expected and token not in expected):
            raise Unread(f"{expected or 'more'} was expected, not {token!r}")
        self.at += 1
        return token

    def accept(self, *tokens: str) -> str:
        return self.take() if self.kind and self.token in tokens else ""

    def relation(self) -> Tree:
        tree: Tree = self.sum()
        parts: list[Any] = [tree]
        while self.kind == "rel":
            parts += [self.take(), self.sum()]
        return tree if len(parts) == 1 else ("rel", *parts)

    def sum(self) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unread("nested too deeply")
        sign = self.accept("-", "+", "±", "∓")
        tree = self.product()
        tree = ("neg", tree) if sign == "-" else (sign, ("num", "0"), tree) if sign in ("±", "∓") else tree
        while sign := self.accept("+", "-", "±", "∓", "∪"):
            tree = (sign, tree, self.product())
        self.depth -= 1
        return tree

    def product(self) -> Tree:
        tree = self.signed()
        while True:
            if sign := self.accept("*", "/", ":"):
                tree = (sign, tree, self.signed())
            elif self.starts():
                tree = self.beside(tree)
            else:
                return tree

    def signed(self) -> Tree:
        if self.accept("-"):
            return ("neg", self.signed())
        self.accept("+")
        return self.power()

    def starts(self) -> bool:
        """Whether a factor can begin here."""
        if self.kind == "cmd":
            return not self.token.startswith((r"\end", r"\\", r"\rfloor", r"\rceil"))
        return self.kind in ("num", "word", "sym") or (bool(self.kind) and self.token in "([{⦃√∛∜∞π")

    def beside(self, left: Tree) -> Tree:
        """A product without a sign, or the fraction of a mixed number."""
        whole = left[0] == "num" and left[1].isdigit()
        if self.kind == "num" and self.tokens[self.at - 1][1] not in ")]":
            ahead = [t for _, t in self.tokens[self.at : self.at + 3]]
            if not (whole and len(ahead) == 3 and ahead[0].isdigit() and ahead[1] == "/" and ahead[2].isdigit()):
                raise Unread("two numbers side by side")
            self.at += 3
            return ("+", left, ("/", ("num", ahead[0]), ("num", ahead[2])))
        fraction = self.token == r"\frac"
        right = self.power()
        percent = right[:2] == ("call", "percent")
        part = right[2] if percent else right
        if not (whole and fraction and part[0] == "/" and part[1][0] == part[2][0] == "num"):
            return ("*", left, right)
        return ("call", "percent", ("+", left, part)) if percent else ("+", left, part)

    def power(self) -> Tree:
        tree = self.postfix(self.primary())
        if self.accept("^"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise Unread("nested too deeply")
            sign = self.accept("-", "+")
            exponent = self.power()
            self.depth -= 1
            tree = self.postfix(("^", tree, ("neg", exponent) if sign == "-" else exponent))
        return tree

    def postfix(self, tree: Tree) -> Tree:
        while mark := self.accept("!", "%", "°", "_", "'"):
            if mark == "_":
                tree = _indexed(tree, self.index())
            elif mark == "'" and tree[0] == "sym":
                tree = ("sym", tree[1] + "'")
            elif mark == "'":
                raise Unread("a prime behind no symbol")
            else:
                tree = ("call", {"!": "factorial", "%": "percent", "°": "degree"}[mark], tree)
        return tree

    def index(self) -> str:
        """What stands low, in one text."""
        if not self.accept("{"):
            return self.take()
        parts = []
        while not self.accept("}"):
            parts.append(self.take())
        return "".join(parts)

    def primary(self) -> Tree:
        kind, token = self.kind, self.take()
        if kind == "num":
            return ("num", token)
        if kind == "cmd":
            return self.command(token[1:])
        if kind == "word" and token in FUNCTIONS:
            return self.call(token)
        if kind in ("word", "sym") or token in ("π", "∞"):
            return _symbol(token)
        if token == "√":
            return ("call", "sqrt", self.primary())
        if token in ("∛", "∜"):
            return ("^", self.primary(), ("/", ("num", "1"), ("num", "3" if token == "∛" else "4")))
        if token == "|":
            inner = self.sum()
            self.take("|")
            return ("call", "abs", inner)
        if token == "{":
            inner = self.items("}", "⦃")
            return inner[3] if len(inner) == 4 else inner
        if token in _CLOSING:
            return self.bracket(token)
        if token == "∅":
            return ("seq", "⦃", "⦄")
        raise Unread(f"{token!r} was not expected")

    def bracket(self, opening: str) -> Tree:
        inner = self.items(_CLOSING[opening], opening)
        single = len(inner) == 4 and inner[1:3] in (("(", ")"), ("[", "]"))
        return inner[3] if single else inner

    def items(self, closing: str, opening: str) -> Tree:
        parts: list[Tree] = []
        while not (self.kind and self.token in closing and not parts):
            parts.append(self.relation())
            if not self.accept(",", ";"):
                break
        close = self.take(*closing)
        return ("seq", opening, "⦄" if opening == "⦃" else close, *parts)

    def command(self, name: str) -> Tree:
        if name == "frac":
            return ("/", self.argument(), self.argument())
        if name == "binom":
            return ("call", "binomial", self.argument(), self.argument())
        if name == "sqrt":
            degree = self.root_degree()
            return ("^", self.argument(), ("/", ("num", "1"), degree)) if degree else ("call", "sqrt", self.argument())
        if name in FUNCTIONS:
            return self.call(name)
        if name in ("lfloor", "lceil"):
            inner = self.sum()
            self.take("\\r" + name[1:])
            return ("call", name[1:], inner)
        if name.startswith("begin"):
            return self.matrix(_group(name))
        if name.startswith("text") and len(_group(name)) == 1:
            return _symbol(_group(name))
        if name in _SYMBOLS:
            return ("sym", name)
        raise Unread(f"\\{name} is not understood")

    def root_degree(self) -> Tree | None:
        if not self.accept("["):
            return None
        degree = self.sum()
        self.take("]")
        return degree

    def argument(self) -> Tree:
        r"""An argument in braces or brackets, or one digit or letter (`\frac12`, `\sqrt(2)`)."""
        if self.kind == "num" and len(self.token) > 1:
            first, rest = self.token[0], self.token[1:]
            if not self.token.isdigit():
                raise Unread("a decimal without braces")
            self.tokens[self.at] = ("num", rest)
            return ("num", first)
        return self.primary()

    def call(self, name: str) -> Tree:
        if name == "sqrt":
            return ("call", "sqrt", self.argument())
        base = self.base() if name == "log" and self.accept("_") else None
        exponent = self.power() if self.accept("^") else None
        inverse = exponent == ("neg", ("num", "1"))
        tree: Tree = ("call", f"arc{name}" if inverse else name, self.operand(), *([base] if base else []))
        return tree if exponent is None or inverse else ("^", tree, exponent)

    def base(self) -> Tree:
        return self.argument()

    def operand(self) -> Tree:
        r"""What a function is applied to: a group, or the factors up to the next sign or function (`\cos 8t`)."""
        if self.token in ("(", "{", "|"):
            return self.postfix(self.primary()) if self.token != "{" else self.primary()
        tree = self.power()
        while self.starts() and not self._function() and self.token not in "(":
            tree = ("*", tree, self.power())
        while self.token == "/" and self.tokens[self.at + 1][0] == "num" and tree[0] != "num":
            self.take()
            tree = ("/", tree, self.power())
        return tree

    def _function(self) -> bool:
        return self.token.lstrip("\\") in FUNCTIONS

    def matrix(self, name: str) -> Tree:
        if name not in _MATRICES:
            raise Unread(f"{name} is not understood")
        if name == "array" and self.accept("{"):
            self.columns()
        rows: list[list[Tree]] = [[]]
        while not self.token.startswith(r"\end"):
            if self.accept(r"\\"):
                rows.append([])
            elif not self.accept("&"):
                rows[-1].append(self.relation())
        if _group(self.take()) != name:
            raise Unread("a matrix that does not end")
        return ("matrix", *(tuple(row) for row in rows if row))

    def columns(self) -> None:
        while not self.accept("}"):
            self.take()


def _group(token: str) -> str:
    """What stands in the braces of a token."""
    return token.partition("{")[2].rstrip("}").strip()


def _symbol(token: str) -> Tree:
    constant = {"π": "pi", "pi": "pi", "e": "e", "i": "i", "∞": "inf"}.get(token)
    return ("const", constant) if constant else ("sym", token)


def _indexed(tree: Tree, index: str) -> Tree:
    if tree[0] == "num" and index.isdigit():
        return ("based", tree[1], index)
    if tree[0] in ("sym", "const"):
        return ("sym", f"{tree[1]}_{index}")
    raise Unread("an index behind no symbol")
