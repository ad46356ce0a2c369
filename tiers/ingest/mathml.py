"""MathML to LaTeX (MathML 3, presentation markup)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

ANNOTATED = ("application/x-tex", "text/tex", "latex", "tex", "application/x-latex")
MAX_DEPTH = 100
SYMBOLS = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "ϵ": r"\epsilon",
    "ζ": r"\zeta", "η": r"\eta", "θ": r"\theta", "ϑ": r"\vartheta", "ι": r"\iota", "κ": r"\kappa",
    "λ": r"\lambda", "μ": r"\mu", "ν": r"\nu", "ξ": r"\xi", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma",
    "ς": r"\varsigma", "τ": r"\tau", "υ": r"\upsilon", "φ": r"\varphi", "ϕ": r"\phi", "χ": r"\chi",
    "ψ": r"\psi", "ω": r"\omega", "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta", "Λ": r"\Lambda",
    "Ξ": r"\Xi", "Π": r"\Pi", "Σ": r"\Sigma", "Φ": r"\Phi", "Ψ": r"\Psi", "Ω": r"\Omega",
    "±": r"\pm", "∓": r"\mp", "×": r"\times", "÷": r"\div", "·": r"\cdot", "⋅": r"\cdot", "∗": "*",
    "−": "-", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim",
    "≃": r"\simeq", "≅": r"\cong", "∝": r"\propto", "≪": r"\ll", "≫": r"\gg", "→": r"\to", "←": r"\leftarrow",
    "↔": r"\leftrightarrow", "⇒": r"\Rightarrow", "⇐": r"\Leftarrow", "⇔": r"\Leftrightarrow", "↦": r"\mapsto",
    "⟶": r"\longrightarrow", "⟹": r"\Longrightarrow", "↪": r"\hookrightarrow", "∈": r"\in", "∉": r"\notin",
    "∋": r"\ni", "⊂": r"\subset", "⊆": r"\subseteq", "⊃": r"\supset", "⊇": r"\supseteq", "∪": r"\cup",
    "∩": r"\cap", "∅": r"\emptyset", "∖": r"\setminus", "∀": r"\forall", "∃": r"\exists", "¬": r"\neg",
    "∧": r"\wedge", "∨": r"\vee", "⊕": r"\oplus", "⊗": r"\otimes", "∘": r"\circ", "∙": r"\bullet",
    "∑": r"\sum", "∏": r"\prod", "∐": r"\coprod", "∫": r"\int", "∬": r"\iint", "∭": r"\iiint", "∮": r"\oint",
    "⋃": r"\bigcup", "⋂": r"\bigcap", "∂": r"\partial", "∇": r"\nabla", "∞": r"\infty", "√": r"\surd",
    "…": r"\dots", "⋯": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots", "′": "'", "″": "''", "ℓ": r"\ell",
    "ℏ": r"\hbar", "ℜ": r"\Re", "ℑ": r"\Im", "ℵ": r"\aleph", "ℝ": r"\mathbb{R}", "ℂ": r"\mathbb{C}",
    "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "⟨": r"\langle", "⟩": r"\rangle",
    "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "‖": r"\|", "∥": r"\parallel",
    "⊥": r"\perp", "∠": r"\angle", "∣": r"\mid", "∤": r"\nmid", "△": r"\triangle", "°": r"^\circ", "⊢": r"\vdash",
    "⊨": r"\models", "⊤": r"\top", "□": r"\square", "∴": r"\therefore", "⊲": r"\triangleleft", "⋊": r"\rtimes",
    "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": r"\&", "_": r"\_", "$": r"\$",
    "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "\u200b": "", "\xa0": " ", "\u2003": r"\quad",
    "\u2009": r"\,", "\u205f": " ", "\u2002": " ",
}  # fmt: skip
ACCENTS = {
    "¯": r"\bar", "‾": r"\overline", "^": r"\hat", "ˆ": r"\hat", "~": r"\tilde", "˜": r"\tilde", "→": r"\vec",
    "⃗": r"\vec", "˙": r"\dot", ".": r"\dot", "¨": r"\ddot", "⏞": r"\overbrace", "ˇ": r"\check", "∼": r"\tilde",
    "_": r"\overline", "-": r"\overline", "−": r"\overline",
}  # fmt: skip
UNDER_ACCENTS = {"_": r"\underline", "⏟": r"\underbrace", "¯": r"\underline", "‾": r"\underline"}
FUNCTIONS = frozenset(
    [
        "arccos",
        "arcsin",
        "arctan",
        "arg",
        "cos",
        "cosh",
        "cot",
        "coth",
        "csc",
        "deg",
        "det",
        "dim",
        "exp",
        "gcd",
        "hom",
        "inf",
        "ker",
        "lg",
        "lim",
        "liminf",
        "limsup",
        "ln",
        "log",
        "max",
        "min",
        "Pr",
        "sec",
        "sin",
        "sinh",
        "sup",
        "tan",
        "tanh",
    ]
)
VARIANTS = {
    "bold": r"\mathbf", "double-struck": r"\mathbb", "script": r"\mathcal", "fraktur": r"\mathfrak",
    "sans-serif": r"\mathsf", "monospace": r"\mathtt", "bold-italic": r"\boldsymbol", "normal": r"\mathrm",
}  # fmt: skip


def latex_of(math: Any) -> str:
    """LaTeX of a `<math>` element: its TeX annotation where it has one, else its presentation markup.

    Args:
        math: lxml element; names may carry a namespace or a prefix.
    """
    for node in math.iter():
        if _name(node) == "annotation" and (node.get("encoding") or "").lower() in ANNOTATED:
            said = "".join(node.itertext()).strip()
            if said:
                return said
    if math.get("alttext"):
        return str(math.get("alttext")).strip()
    return _tidy(_row(math, 0))


def symbol(text: str) -> str:
    """A run of characters as LaTeX."""
    made = [SYMBOLS.get(c, c) for c in text]
    return "".join(m + " " if m[:1] == "\\" and m[-1:].isalpha() else m for m in made).strip()


def _name(node: Any) -> str:
    tag = node.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def _tidy(latex: str) -> str:
    return " ".join(latex.split())


def _text(node: Any) -> str:
    return " ".join("".join(node.itertext()).split())


def _row(node: Any, depth: int) -> str:
    return " ".join(part for child in node if (part := _convert(child, depth + 1)))


def _group(node: Any, depth: int) -> str:
    return "{" + _convert(node, depth + 1) + "}"


def _base(node: Any, depth: int) -> str:
    """What carries a script: braces only where it is more than one thing."""
    made = _convert(node, depth + 1)
    return made if len(made) <= 1 or (made.startswith("\\") and made[1:].isalpha()) else "{" + made + "}"


def _convert(node: Any, depth: int) -> str:
    """LaTeX of one element.

    Raises:
        RecursionError: it nests deeper than `MAX_DEPTH`.
    """
    if depth > MAX_DEPTH:
        raise RecursionError(f"MathML nests deeper than {MAX_DEPTH}")
    name = _name(node)
    if name in LEAVES:
        return LEAVES[name](node)
    children = [c for c in node if _name(c)]
    make = STRUCTURES.get(name)
    if make is None or len(children) < ARITY.get(name, 0):
        return _row(node, depth)
    return make(node, children, depth)


def _identifier(node: Any) -> str:
    said = _text(node)
    if said in FUNCTIONS:
        return f"\\{said}"
    variant = VARIANTS.get(node.get("mathvariant") or "")
    made = symbol(said)
    if variant and (variant != r"\mathrm" or len(said) > 1):
        return f"{variant}{{{made}}}"
    return made if len(said) <= 1 or not said.isalpha() else f"\\mathrm{{{made}}}"


def _said(node: Any) -> str:
    said = "".join(node.itertext())
    plain = " ".join(said.split())
    if not plain:
        return r"\ " if said else ""
    return r"\text{" + (" " if said[0].isspace() else "") + plain + (" " if said[-1].isspace() else "") + "}"


def _space(node: Any) -> str:
    return r"\quad" if (node.get("width") or "").endswith("em") and not node.get("width", "").startswith("0") else ""


def _operator(node: Any) -> str:
    said = _text(node)
    return f"\\{said}" if said in FUNCTIONS else symbol(said)


def _fraction(node: Any, children: list[Any], depth: int) -> str:
    command = r"\binom" if node.get("linethickness") in ("0", "0pt", "0px") else r"\frac"
    return command + _group(children[0], depth) + _group(children[1], depth)


def _root(node: Any, children: list[Any], depth: int) -> str:
    return f"\\sqrt[{_convert(children[1], depth + 1)}]" + _group(children[0], depth)


def _scripts(*signs: str) -> Callable[[Any, list[Any], int], str]:
    def made(node: Any, children: list[Any], depth: int) -> str:
        parts = (sign + _group(child, depth) for sign, child in zip(signs, children[1:], strict=False))
        return _base(children[0], depth) + "".join(parts)

    return made


def _stacked(accents: Mapping[str, str], sign: str, command: str) -> Callable[[Any, list[Any], int], str]:
    """Something over or under a base: an accent, the limit of a big operator, or set there."""

    def made(node: Any, children: list[Any], depth: int) -> str:
        accent = accents.get(_text(children[1]))
        if accent:
            return accent + _group(children[0], depth)
        base = _base(children[0], depth)
        if base in BIG:
            return base + sign + _group(children[1], depth)
        return command + _group(children[1], depth) + _group(children[0], depth)

    return made


def _fenced(node: Any, children: list[Any], depth: int) -> str:
    opening, closing = symbol(node.get("open", "(")) or ".", symbol(node.get("close", ")")) or "."
    separators = (node.get("separators", ",").split() or [""])[0]
    inside = f"{separators} ".join(_convert(c, depth + 1) for c in children)
    return f"\\left{opening} {inside} \\right{closing}"


def _table(node: Any, children: list[Any], depth: int) -> str:
    lines = [" & ".join(_row(cell, depth + 2) for cell in _cells(row)) for row in children]
    return r"\begin{matrix} " + r" \\ ".join(lines) + r" \end{matrix}"


def _cells(row: Any) -> Iterable[Any]:
    return (cell for cell in row if _name(cell) == "mtd") if _name(row) in ("mtr", "mlabeledtr") else [row]


def _root_of_row(node: Any, children: list[Any], depth: int) -> str:
    return r"\sqrt{" + _row(node, depth) + "}"


def _prescripts(node: Any, children: list[Any], depth: int) -> str:
    """`base (sub sup)* [mprescripts (sub sup)*]`."""
    names = [_name(c) for c in children]
    cut = names.index("mprescripts") if "mprescripts" in names else len(children)
    before = "".join(_pairs(children[cut + 1 :], depth))
    return ("{}" + before if before else "") + _base(children[0], depth) + "".join(_pairs(children[1:cut], depth))


def _pairs(scripts: list[Any], depth: int) -> Iterable[str]:
    for i, script in enumerate(scripts):
        if _name(script) != "none":
            yield ("_" if i % 2 == 0 else "^") + _group(script, depth)


def _first(node: Any, children: list[Any], depth: int) -> str:
    """`semantics` and `maction`: what is shown comes first."""
    return _convert(children[0], depth + 1)


BIG = frozenset({r"\sum", r"\prod", r"\coprod", r"\int", r"\bigcup", r"\bigcap", r"\lim", r"\max", r"\min", r"\sup", r"\inf",
                 r"\limsup", r"\liminf", r"\oint", r"\iint", r"\det", r"\gcd"})  # fmt: skip
LEAVES: dict[str, Callable[[Any], str]] = {
    "mi": _identifier,
    "mn": lambda node: symbol(_text(node)),
    "mo": _operator,
    "mtext": _said,
    "ms": _said,
    "mspace": _space,
    "annotation": lambda node: "",
    "annotation-xml": lambda node: "",
    "mphantom": lambda node: "",
    "none": lambda node: "",
    "mprescripts": lambda node: "",
}
STRUCTURES: dict[str, Callable[[Any, list[Any], int], str]] = {
    "mfrac": _fraction,
    "mroot": _root,
    "msqrt": _root_of_row,
    "msup": _scripts("^"),
    "msub": _scripts("_"),
    "msubsup": _scripts("_", "^"),
    "munderover": _scripts("_", "^"),
    "mover": _stacked(ACCENTS, "^", r"\overset"),
    "munder": _stacked(UNDER_ACCENTS, "_", r"\underset"),
    "mfenced": _fenced,
    "mtable": _table,
    "mmultiscripts": _prescripts,
    "semantics": _first,
    "maction": _first,
}
ARITY = {"mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "msubsup": 3, "munderover": 3, "mover": 2, "munder": 2,
         "mmultiscripts": 1, "semantics": 1, "maction": 1}  # fmt: skip
