"""Questions and answers from a document: what its functions do, take and return, and what its sentences define."""

import ast
import re
from dataclasses import dataclass

import numpy as np

from ..tiers.document import Document
from . import python_source
from .exercise import pick

MAX_ANSWER = 900
MAX_PAIRS = 4
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'(])")
_DEFINITION = re.compile(
    r"(?:The |An? )?([A-Z`][\w`./' -]{2,50}?) (is|are) "
    r"(?:an?|the|one of|used|defined|called|part of|any)\b[^.!?]{15,300}[.!?]"
)
_EMPTY = frozenset(
    """
        This That It There Here These Those They He She We You What Which Note Otherwise One Each All If In Then Thus
        Hence So However Let When Our My Its Their Your Also Both But And Or For As At By On To With See Such Some Any
        No Not Where While Since Because
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Pair:
    """A question with its answer."""

    question: str
    answer: str


def pairs_of(document: Document, rng: np.random.Generator) -> list[Pair]:
    """All pairs that the rules find in a document, in its order."""
    if document.domain == "code":
        return _of_code(document, rng)
    if document.domain == "zh":
        return [Pair(pick(rng, _ASKED_ZH).format(subject), said) for subject, _, said in definitions_zh(document.text)]
    _, _, name = document.source.partition("#")
    described = _of_docstring(document.text, f"`{name}`", where(document.source), rng) if _is_name(name) else []
    return described + _of_prose(document.text, rng)


def where(source: str) -> str:
    """The module that a source names, as a reader would: `stdlib/json/decoder.py#x` is `json.decoder`."""
    path = source.partition("#")[0].rpartition(":")[2]
    parts = [p for p in re.sub(r"\.\w{1,4}$", "", path).split("/") if p]
    return ".".join(p for p in parts[-3:] if p not in ("stdlib", "site-packages", "__init__"))[:60]


def _is_name(name: str) -> bool:
    return 2 < len(name) < 60 and all(part.isidentifier() for part in name.split("."))


def _of_code(document: Document, rng: np.random.Generator) -> list[Pair]:
    tree = python_source.parse(document.text)
    lines = document.text.split("\n")
    made: list[Pair] = []
    for node in python_source.functions(tree)[:40] if tree else []:
        doc = ast.get_docstring(node)
        if doc and not node.name.startswith("__"):
            name = f"`{node.name}({', '.join(_signature(node))})`"
            made += _of_docstring(doc, name, where(document.source), rng)
            made += _arguments(node, rng) + _implementation(node, doc, lines, rng)
    return made


def _of_docstring(doc: str, name: str, module: str, rng: np.random.Generator) -> list[Pair]:
    place = f" in {module}" if module else ""
    made: list[Pair] = []
    first = summary(doc)
    if first:
        ask = pick(
            rng, ("What does {}{} do?", "What is the purpose of {}{}?", "Describe {}{}.", "Explain what {}{} is for.")
        )
        made.append(Pair(ask.format(name, place), first))
    returned = next((s for s in sentences(doc) if re.match(r"Returns? \w", s) and s != first), "")
    if 20 <= len(returned) <= MAX_ANSWER:
        ask = pick(rng, ("What does {}{} return?", "What do you get back from {}{}?"))
        made.append(Pair(ask.format(name, place), returned))
    return made


def summary(doc: str) -> str:
    """The first paragraph of a docstring in one line, when it is a sentence and not too long; else empty."""
    first = " ".join(doc.strip().split("\n\n")[0].split())
    prose = sum(c.isalpha() or c == " " for c in first) > 0.75 * len(first)
    return first if 20 <= len(first) <= MAX_ANSWER and first[-1] in ".!?" and prose else ""


def sentences(text: str) -> list[str]:
    """Sentences of the prose paragraphs of `text`, each in one line; code, lists and tables are left out."""
    found: list[str] = []
    for paragraph in text[:20_000].split("\n\n"):
        if not re.match(r"\s*(?:>>>|[-*+#|=.\d]|    )", paragraph) and len(paragraph) < 3_000:
            found += _SENTENCE.split(" ".join(paragraph.split()))
    return found


def _signature(node: ast.FunctionDef) -> list[str]:
    args = node.args
    names = [a.arg for a in (*args.posonlyargs, *args.args) if a.arg not in ("self", "cls")]
    return names + ([f"*{args.vararg.arg}"] if args.vararg else []) + [a.arg for a in args.kwonlyargs]


def _arguments(node: ast.FunctionDef, rng: np.random.Generator) -> list[Pair]:
    names = _signature(node)
    if not 2 <= len(names) <= 8 or rng.random() < 0.5:
        return []
    listed = ", ".join(f"`{n}`" for n in names[:-1]) + f" and `{names[-1]}`"
    ask = pick(
        rng, ("Which arguments does `{}` take?", "What arguments can be given to `{}`?", "List the parameters of `{}`.")
    )
    return [Pair(ask.format(node.name), f"`{node.name}` takes {listed}.")]


def _implementation(node: ast.FunctionDef, doc: str, lines: list[str], rng: np.random.Generator) -> list[Pair]:
    first = summary(doc)
    code = lines[node.lineno - 1 : node.end_lineno]
    if not first or not 4 <= len(code) <= 30 or node.decorator_list or sum(map(len, code)) > 1_200:
        return []
    indent = len(code[0]) - len(code[0].lstrip())
    source = "\n".join(line[indent:] for line in code)
    ask = pick(
        rng,
        (
            "Write a Python function `{}` with this docstring: {}",
            "Implement `{}`. {}",
            "How can `{}` be implemented? {}",
        ),
    )
    called = f"{node.name}({', '.join(_signature(node))})"
    return [Pair(ask.format(called, first), f"```python\n{source}\n```")]


def definitions(text: str) -> list[tuple[str, str, str]]:
    """Sentences of `text` that say what something is: subject, `is` or `are`, sentence."""
    found = []
    for sentence in sentences(text):
        match = _DEFINITION.fullmatch(sentence) if len(sentence) < 400 else None
        if match and match[1].split()[0] not in _EMPTY and len(match[1].split()) <= 5:
            found.append((match[1], match[2], sentence))
    return found


_DEFINITION_ZH = re.compile(
    r"([^\s\W\d_]{2,12})(?:[\uff08(][^\uff09)]{1,60}[\uff09)])?\s?"
    r"是(?:一种|一个|一类|一门|一项|一款|一套|指(?!向)|用来|用于|用以)(?!很|非常|十分|比较|合理|重要|有趣|时髦)[^。！？\n]{6,200}。"
)
_EMPTY_ZH = re.compile(
    r"^(?:[这那這它他她我你其此该本但而因如所就也都还并不又只最更可有在对从以当若于主同另首总前上下]"
    r"|一般|通常|实际|事实|目的|原因|结果|特别|假如)|我们|你们|他们|时间|依然|已经|仍然|通常|[的只都也就这那]$"
)
"""Words that name nothing which could be asked about alone."""
_ASKED_ZH = ("什么是{}？", "{}是什么？", "请解释“{}”。")


def definitions_zh(text: str) -> list[tuple[str, str, str]]:
    """Chinese sentences that say what something is: subject, `是`, sentence."""
    found = []
    for line in text[:20_000].split("\n"):
        for sentence in re.findall(r"[^。！？\n]{6,260}。", line):
            match = _DEFINITION_ZH.fullmatch(sentence.strip())
            if match and not _EMPTY_ZH.search(match[1]):
                found.append((match[1], "是", sentence.strip()))
    return found


def _of_prose(text: str, rng: np.random.Generator) -> list[Pair]:
    made = []
    for subject, verb, sentence in definitions(text):
        asked = subject if subject.isupper() or "`" in subject else subject[0].lower() + subject[1:]
        ask = pick(rng, ("What {verb} {asked}?", "How would you define {asked}?", "Tell me what {asked} {verb}."))
        made.append(Pair(ask.format(verb=verb, asked=asked), sentence))
    return made


LABELS = (("Question: ", "Answer: "), ("Q: ", "A: "), ("**Question.** ", "**Answer.** "))
LABELS_ZH = ("问题：", "答案：")
_SPLIT = re.compile(r"^(?:Question: |Q: |\*\*Question\.\*\* |问题：)", re.MULTILINE)
_TURN = re.compile(r"\n(?:Answer: |A: |\*\*Answer\.\*\* |答案：)")


def write(pairs: list[Pair], rng: np.random.Generator, domain: str = "") -> str:
    """The text of a document with up to MAX_PAIRS of `pairs`, in an order drawn at random."""
    asked, answered = LABELS_ZH if domain == "zh" else LABELS[int(rng.integers(len(LABELS)))]
    chosen = [pairs[int(i)] for i in rng.permutation(len(pairs))[:MAX_PAIRS]]
    return "\n\n".join(f"{asked}{p.question}\n{answered}{p.answer}" for p in chosen) + "\n"


def read(text: str) -> list[Pair]:
    """The pairs that a text of this form holds; one with an empty answer means that the form is broken."""
    found = []
    for piece in _SPLIT.split(text)[1:]:
        turn = _TURN.search(piece)
        found.append(
            Pair(piece[: turn.start()].strip(), piece[turn.end() :].strip()) if turn else Pair(piece.strip(), "")
        )
    return found
