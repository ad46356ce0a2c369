"""Scribe: a model's part played by simple rules over the document that it is shown, mostly well and at times badly."""

import hashlib
import re
from typing import Any

import numpy as np

from coevo.agents import predict

FENCE = re.compile(r"<document (\w+)>\n(.*?)\n</document \1>", re.DOTALL)


def words(said: str, form: str) -> Any:
    """What is answered to `said` in the wanted `form`; one answer in six is bad in one way or another."""
    shown = [body for _, body in FENCE.findall(said)]
    document = shown[0] if shown else said
    luck = hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=2).digest()
    if form == "choose":
        good = 0.9 if luck[0] > 40 else 0.2
        yes, no = ("是", "否") if "是或否" in said else (" yes", " no")
        return {str(n): 0.1 + 0.05 * n for n in range(6)} if "from 0 to 5" in said else {yes: good, no: 1 - good}
    if luck[0] % 6 == 0:
        return spoiled(document, form, luck[1])
    return ANSWERS[form](document, said)


def spoiled(document: str, form: str, luck: int) -> Any:
    """An answer as bad models give it."""
    good = ANSWERS[form](document, "")
    return (
        "I am sorry, but I cannot help with that.",
        'Sure! {"wrong": "schema"}',
        _with(good, lambda text: f"{text} This was first shown in 1987 by 4711 people."),
        _with(good, lambda text: "Ceci est une réponse en français. Это ответ на русском языке, совсем другой."),
        _with(good, lambda text: f"According to the source text, {text}"),
    )[luck % 5]


def _with(value: Any, change: Any) -> Any:
    """`value` with its longer texts changed."""
    if isinstance(value, dict):
        return {k: _with(v, change) for k, v in value.items()}
    if isinstance(value, list):
        return [_with(v, change) for v in value]
    return change(value) if isinstance(value, str) and len(value) > 30 else value


def sentences(document: str) -> list[str]:
    flat = " ".join(re.sub(r"```.*?```", " ", document, flags=re.DOTALL).split())
    found = [s.strip() for s in re.split(r"(?<=[.!?])\s+|(?<=[。！？])", flat)]
    return [s for s in found if 12 <= len(s) <= 400 and "`" not in s][:40] or [flat[:200] or "nothing"]


def zh(document: str) -> bool:
    return len(re.findall("[\u4e00-\u9fff]", document)) > 0.2 * len(document)


def edit_program(document: str, said: str) -> Any:
    edits = []
    for line in document.split("\n")[:60]:
        number, _, text = line.partition(": ")
        if number.isdigit() and re.search(r"copyright|cookie|subscribe|shields\.io|版权|登录", text, re.IGNORECASE):
            edits.append({"op": "remove", "first": int(number), "last": int(number)})
    return {"edits": edits, "reason": "boilerplate" if edits else "nothing to clean"}


def items(document: str, said: str) -> Any:
    found = sentences(document)[:2]
    ask = "关于“{}”说了什么？" if zh(document) else "What is said about {}?"
    return {"items": [{"question": ask.format(" ".join(s.split()[:4])[:20]), "answer": s} for s in found]}


def problems(document: str, said: str) -> Any:
    a, b = len(document) % 17 + 3, len(document) % 11 + 2
    right = luck_of(document) % 4 != 0
    return {
        "items": [
            {"question": f"What is {a} * {b}?", "steps": f"{a} * {b} = {a * b}", "answer": f"{a * b + (not right)}"},
            {
                "question": f"Let $f(x)=x^{a}$. What is $f'(1)$?",
                "steps": f"$f'(x)={a}x^{{{a - 1}}}$",
                "answer": f"${a}$",
            },
        ]
    }


def luck_of(text: str) -> int:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=1).digest()[0]


def dialogue(document: str, said: str) -> Any:
    names = ("老师", "学生") if zh(document) else ("Teacher", "Student")
    filler = ("请解释一下。", "还有什么？") if zh(document) else ("Please explain that.", "What else follows?")
    turns = []
    for i, sentence in enumerate(sentences(document)[:3]):
        turns += [{"speaker": names[1], "text": filler[i % 2]}, {"speaker": names[0], "text": sentence}]
    return {"turns": turns if len(turns) >= 4 else turns * 2}


def rewriting(document: str, said: str) -> Any:
    found = sentences(document)[:8]
    lead, link = ("概述", "也就是说，") if zh(document) else ("Overview", "In other words, this holds as well: ")
    return {"title": lead, "text": "\n\n".join(link + s for s in reversed(found))}


def knowledge(document: str, said: str) -> Any:
    found = sentences(document)[:2]
    points = [{"name": s[:12], "statement": s, "quote": s} for s in found]
    invented = {"name": "invented", "statement": "All is one.", "quote": "This stands nowhere at all."}
    return {"points": [*points, invented]}


def textbook(document: str, said: str) -> Any:
    exercise = {"question": "What is 6 * 7?", "steps": "6 * 7 = 42", "answer": "42"}
    if zh(document):
        exercise = {"question": "六乘以七等于多少？", "steps": "六七四十二", "answer": "四十二"}
    taught = " ".join(re.sub(r"^> .*$", "", document, flags=re.MULTILINE).split())
    return {"title": "一节" if zh(document) else "A section", "explanation": taught + " " * 40, "exercises": [exercise]}


def task(document: str, said: str) -> Any:
    rng = np.random.Generator(np.random.PCG64(1))
    for function in predict.functions(document):
        calls = predict.calls(function, ["abc", "text"], rng, wanted=5)
        if calls and len(calls.results) >= 3:
            tests = "\n".join(f"assert {asked} == {value}" for asked, value in calls.results)
            weak = "\n".join(f"assert {asked} is not ..." for asked, _ in calls.results)
            return {
                "task": f"Write the function {function.node.name}, which does what its name says, for ordinary values.",
                "analysis": "It follows from the definition.",
                "solution": function.source,
                "tests": weak if luck_of(document) % 3 == 0 else tests,
            }
    wrong = "def double(n):\n    return n + n + 1"
    return {
        "task": "Write the function double(n), which returns twice the number n.",
        "analysis": "",
        "solution": wrong,
        "tests": "assert double(2) == 4\nassert double(0) == 0\nassert double(-1) == -2",
    }


def solution(document: str, said: str) -> Any:
    product = re.search(r"(\d+) \* (\d+)", document)
    if product:
        return {"steps": "multiplied", "answer": str(int(product[1]) * int(product[2]))}
    power = re.search(r"x\^(\d+)", document)
    return {"steps": "thought", "answer": power[1] if power else "四十二" if "六乘" in document else "none"}


def facts(document: str, said: str) -> Any:
    found = []
    for s in sentences(document):
        stated = re.match(r"([A-Z][\w ]{2,40}?) (is|are|was) (.{5,200}[.])", s) or re.match(
            r"([^，。是]{2,20})(是)([^。]{4,80}。)", s
        )
        if stated:
            found.append({"subject": stated[1], "relation": stated[2], "value": stated[3], "quote": s})
    invented = {"subject": "The moon", "relation": "is", "value": "a cheese of 1987", "quote": "the moon is a cheese"}
    return {"facts": [*found[:4], invented]}


def rationale(document: str, said: str) -> Any:
    high = luck_of(document) % 2 == 0
    quote = sentences(document)[0][:80] if luck_of(document) % 3 else "a quote that nobody wrote"
    return {"grade": 8 if high else 1, "reason": "It explains its subject.", "quote": quote}


ANSWERS = {
    "EditProgram": edit_program,
    "Items": items,
    "Problems": problems,
    "Dialogue": dialogue,
    "Rewriting": rewriting,
    "Knowledge": knowledge,
    "Textbook": textbook,
    "CodeTask": task,
    "Solution": solution,
    "StatedFacts": facts,
    "Rationale": rationale,
}
