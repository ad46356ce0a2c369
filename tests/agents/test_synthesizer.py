"""What a model writes: every kind in its form, every style in its prompt, and what is left out with its reason."""

from collections.abc import Callable
from typing import Any

import pytest

from coevo.agents import pool
from coevo.agents.agent import Agent
from coevo.agents.backends import open_chat
from coevo.agents.code_task import read as read_task
from coevo.agents.exercise import read as read_exercise
from coevo.agents.kinds import BY_MODEL, KINDS
from coevo.agents.novelty import without_repeats
from coevo.agents.questions import read as read_pairs
from coevo.agents.synthesizer import Synthesizer
from coevo.agents.textbook import exercises, explanation
from coevo.prompts import built_in
from coevo.tiers.decision import Action, Decision, Usage
from coevo.tiers.document import Document, document_id
from coevo.tiers.errors import InputError
from coevo.tiers.tier import Tier

from .model_server import serving

EN = (
    "A lichen is a partnership of a fungus and an alga. The fungus gives shelter and water. "
    "The alga makes sugar by photosynthesis. Lichens grow about 2 millimetres a year, and some are 4000 years old."
)
ZH = (
    "地衣是真菌和藻类的共生体。真菌提供水分和庇护，藻类通过光合作用制造糖分。"
    "地衣每年大约生长二毫米，有的已经生长了四千年。"
)


def document(text: str = EN, domain: str = "en") -> Document:
    source = f"notes/{domain}"
    return Document(id=document_id(text, source), text=text, domain=domain, tier=Tier.L2, source=source)


def write(answer: Any, kind: str, doc: Document | None = None, **options: Any) -> tuple[list[Decision], list[str]]:
    """Decisions about one document, of which one kind is written, and the prompts that were said."""
    doc = doc or document()
    reply: Callable[[str, str], Any] = answer if callable(answer) else lambda said, form: answer
    with serving(reply) as server:
        role: Agent = Synthesizer(
            open_chat(server.url, retries=0),
            round=1,
            wanted={},
            kinds={doc.domain: {kind: 1.0}},
            **{"seed": 3, **options},
        )
        decided = pool.run(role, [doc])
    assert all(d.doc == doc.id and d.prompt.startswith(f"synthesize-{kind}") for d in decided if not d.error)
    assert sum((d.usage for d in decided), Usage()).calls == len(server.said)
    return decided, [said for _, said in server.said]


def only(decided: list[Decision]) -> Decision:
    assert len(decided) == 1
    return decided[0]


DIALOGUE = {
    "turns": [
        {"speaker": "Ada", "text": "What lives together in a lichen?"},
        {"speaker": "Ben", "text": "A fungus, which gives water, and an alga, which makes sugar."},
        {"speaker": "Ada", "text": "And how fast does it grow?"},
        {"speaker": "Ben", "text": "About 2 millimetres a year."},
    ]
}
ITEMS = {"items": [{"question": "What does the alga of a lichen make?", "answer": "It makes sugar by photosynthesis."}]}
REWRITING = {
    "title": "Lichens",
    "text": "Two beings share one body: an alga makes sugar in the light, and a fungus keeps it wet and safe.",
}
PROBLEMS = {"items": [{"question": "What is $6 \\cdot 7$?", "steps": "$6 \\cdot 7 = 42$", "answer": "$42$"}] * 2}
TASK = {
    "task": "Write clamp(x, low, high), which returns x, or the nearer end where x lies outside.",
    "analysis": "Compare with both ends.",
    "solution": "```python\ndef clamp(x, low, high):\n    return max(low, min(x, high))\n```",
    "tests": "assert clamp(5, 0, 3) == 3\nassert clamp(-1, 0, 3) == 0\nassert clamp(2, 0, 3) == 2",
}
TEXTBOOK = {
    "title": "Lichens",
    "explanation": "A lichen is two beings in one: a fungus gives shelter and water, and an alga makes sugar.",
    "exercises": [{"question": "Who makes the sugar in a lichen?", "steps": "It needs light.", "answer": "the alga"}],
}
POINT = {"name": "lichen", "statement": "Two beings live as one.", "quote": "A lichen is a partnership of a fungus"}
KNOWLEDGE = {"points": [POINT, {**POINT, "name": "moss", "quote": "Moss is a plant"}]}


def test_each_kind_has_its_form() -> None:
    qa = only(write(ITEMS, "qa")[0])
    assert [p.question for p in read_pairs(qa.text or "")] == ["What does the alga of a lichen make?"]
    dialogue = only(write(DIALOGUE, "dialogue")[0])
    assert dialogue.text and dialogue.text.startswith("Ada: What lives") and dialogue.text.count("\n\n") == 3
    rewrite = only(write(REWRITING, "rewrite")[0])
    assert rewrite.text and rewrite.text.startswith("# Lichens\n\nTwo beings")
    math = document("Products of whole numbers, such as 6 and 7, are found by repeated addition.", "math")
    problem = only(write(PROBLEMS, "problem", math)[0])  # two equal ones are one
    assert (found := read_exercise(problem.text or "")) and found.answer == "$42$" and len(found.steps) == 1
    task = only(write(TASK, "task", document("x = max(0, min(x, 3))", "code"))[0])
    assert (code := read_task(task.text or "")) and code[0].startswith("def clamp") and "```" not in code[0]
    for made, kind in ((qa, "qa"), (dialogue, "dialogue"), (rewrite, "rewrite"), (problem, "problem"), (task, "task")):
        assert made.action is Action.CREATE and made.kind == kind and made.tier is Tier.L3
        assert kind in made.reason and made.evidence.get("style", "") in (
            *built_in().get(made.prompt.partition("@")[0]).styles,
            "",
        )


def test_a_textbook_rests_on_quoted_knowledge() -> None:
    made, said = write(lambda said, form: KNOWLEDGE if form == "Knowledge" else TEXTBOOK, "textbook")
    decision = only(made)
    assert decision.action is Action.CREATE and decision.usage.calls == 2
    assert "A lichen is a partnership" in said[1] and "Moss" not in said[1]
    assert decision.evidence["rests_on"] == ["A lichen is a partnership of a fungus"] and "moss" in str(
        decision.evidence["left_out"]
    )
    assert explanation(decision.text or "").endswith("makes sugar.")
    assert [e.answer for e in exercises(decision.text or "")] == ["the alga"]
    none, said = write({"points": [{**POINT, "quote": "All is one and one is all"}]}, "textbook")
    assert (
        only(none).action is Action.NONE
        and "does not state in the words quoted: lichen" in none[0].reason
        and len(said) == 1
    )


def test_chinese_is_written_and_read_in_chinese() -> None:
    zh = document(ZH, "zh")
    items = {"items": [{"question": "地衣中的藻类制造什么？", "answer": "藻类通过光合作用制造糖分。"}]}
    made, said = write(items, "qa", zh)
    assert (
        "你根据原文编写训练样例" in said[0]
        and only(made).text == "问题：地衣中的藻类制造什么？\n答案：藻类通过光合作用制造糖分。\n"
    )
    section = {
        "title": "地衣",
        "explanation": "地衣由真菌和藻类组成，两者互相依靠：真菌保存水分，藻类在光照下制造糖分。" * 2,
        "exercises": [{"question": "谁在地衣中制造糖分？", "steps": "需要光。", "answer": "藻类"}],
    }
    point = {"name": "地衣", "statement": "共生", "quote": "地衣是真菌和藻类的共生体"}
    answer = lambda said, form: {"points": [point]} if form == "Knowledge" else section  # noqa: E731
    book = only(write(answer, "textbook", zh)[0])
    assert book.text and "## 练习 1" in book.text and [e.answer for e in exercises(book.text)] == ["藻类"]


@pytest.mark.parametrize(
    ("kind", "count"), [("qa", 4), ("problem", 4), ("dialogue", 7), ("rewrite", 7), ("textbook", 3)]
)
def test_a_family_is_one_file_with_its_styles_and_all_are_drawn(kind: str, count: int) -> None:
    prompt = built_in().get(f"synthesize-{kind}")
    assert len(prompt.styles) == count and len(set(prompt.styles.values())) == count
    domain = "math" if kind == "problem" else "en"
    with serving(lambda said, form: {"nothing": said}) as server:
        chat = open_chat(server.url, retries=0)
        role = Synthesizer(chat, round=1, seed=3, wanted={}, kinds={domain: {kind: 1.0}})
        if kind != "textbook":  # which asks for knowledge first
            pool.run(role, [document(f"{EN} Note {n}.", domain) for n in range(10 * count)])
            said = "\n".join(text for _, text in server.said)
            assert all(style in said for style in prompt.styles.values())
    said = prompt.render(
        {"document": "d"}, style=next(iter(prompt.styles)), **dict.fromkeys(prompt.variables - {"document", "style"}, 1)
    )
    assert next(iter(prompt.styles.values())) in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{REWRITING['text']} It was found in 1867.", "brings numbers that its source does not hold: 1867"),
        (EN, "repeats its source: 100%"),
        (
            "Лишайник состоит из гриба и водоросли, которые живут вместе.",
            "written in Cyrillic script, its source in Latin",
        ),
        (f"Sure, here it is. {REWRITING['text']}", "speaks of its making"),
        (f"According to the source text, {REWRITING['text']}", "speaks of its making"),
        (REWRITING["text"] * 150, "more than 12,000"),
        ("地衣由真菌和藻类共同组成，两者互相依靠而生存。", "Chinese script"),
    ],
)
def test_what_is_left_out_and_why(text: str, reason: str) -> None:
    decision = only(write({"title": "", "text": text}, "rewrite")[0])
    assert decision.action is Action.NONE and reason in decision.reason and decision.error is None
    assert decision.reason.startswith("no rewrite (") and "notes/en" in decision.reason


def test_numbered_paragraphs_bring_no_numbers() -> None:
    text = "1. Two beings share one body.\n2) The alga makes sugar.\n\n## 3. Age\n\nStep 4: some are 4000 years old."
    assert only(write({"title": "", "text": text}, "rewrite")[0]).action is Action.CREATE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tests": "assert True\nassert 1 == 1"}, "no assertion calls what the solution defines (clamp)"),
        ({"tests": "assert clamp(1, 2, 3) == 2"}, "1 assertions are too few"),
        (
            {"tests": "def clamp(*a):\n    return 3\nassert clamp(5) == 3\nassert clamp(7) == 3"},
            "define clamp themselves",
        ),
        ({"solution": "def clamp(x:\n    return"}, "the solution cannot be parsed"),
        ({"solution": "x = 1\nclamp = x"}, "defines no function"),
    ],
)
def test_a_task_that_proves_nothing_is_left_out(change: dict[str, str], reason: str) -> None:
    decision = only(write({**TASK, **change}, "task", document("def f(x):\n    return x", "code"))[0])
    assert decision.action is Action.NONE and reason in decision.reason


BROKEN = "Die BÃ¼cher kosten 12 Euro.\n\n$$ x^2 + 1\n\nDas ist alles, was dort Ã¼ber sie steht.\n"


@pytest.mark.parametrize(
    ("edits", "reason"),
    [
        ([{"op": "replace", "first": 1, "last": 1, "text": "Die Bücher kosten 12 Euro."}], ""),
        ([{"op": "replace", "first": 3, "last": 3, "text": "$$ x^2 + 1 $$"}], ""),
        (
            [{"op": "replace", "first": 1, "last": 1, "text": "Die Bücher kosten 13 Euro."}],
            "words or figures would change",
        ),
        ([{"op": "remove", "first": 5, "last": 5}], "words or figures would change"),
        ([{"op": "replace", "first": 9, "last": 9, "text": "x"}], "not within the"),
        ([], "the model found nothing to write"),
    ],
)
def test_a_repair_changes_the_form_only(edits: list[dict[str, Any]], reason: str) -> None:
    decision = only(write({"edits": edits, "reason": "broken encoding"}, "repair", document(BROKEN))[0])
    assert decision.action is (Action.NONE if reason else Action.CREATE) and reason in decision.reason
    if not reason:
        assert (
            decision.text
            and "\n\n$$ x^2 + 1" in decision.text
            and "broken encoding" in str(decision.evidence["rests_on"])
        )


def test_repairs_are_drawn_for_damaged_documents_only() -> None:
    role = Synthesizer(open_chat("openai:m@http://localhost:9"), round=1, seed=3, wanted={})
    sound, damaged = (
        {role.prompt_for(document(f"{text} {n}")).kind for n in range(60)} for text in (EN, f"{EN}\nSchÃ¶n fÃ¼r {EN}")
    )
    assert sound == set(BY_MODEL["en"]) - {"repair"} and damaged == set(BY_MODEL["en"])


def test_near_repeats_among_what_is_written_are_refused_in_document_order() -> None:
    documents = [document(f"{EN} {n}") for n in range(4)]
    with serving(lambda said, form: {**REWRITING, "title": f"Lichens {'abcd'[len(said) % 4]}"}) as server:
        role = Synthesizer(open_chat(server.url), round=1, seed=3, wanted={}, kinds={"en": {"rewrite": 1.0}})
        decided = without_repeats(pool.run(role, documents, concurrency=4))
    assert [d.action for d in decided] == [Action.CREATE] + [Action.REFUSE] * 3
    assert str(decided[0].made) in decided[1].reason and decided[1].made is None and decided[1].usage.calls == 1
    held = without_repeats(decided[:1], [("f" * 16, REWRITING["text"])])
    assert held[0].action is Action.REFUSE and "f" * 16 in held[0].reason


def test_kinds_that_nobody_can_write_are_refused_at_once() -> None:
    for chat, kind in (("offline:", "dialogue"), ("openai:m@http://localhost:9", "sonnet")):
        with pytest.raises(InputError, match=f"kinds of en: .* no '{kind}', only"):
            Synthesizer(open_chat(chat), round=1, seed=0, wanted={}, kinds={"en": {kind: 1.0}})


CODE = '''
def roots(n):
    """Count how often n can be halved before it is below one."""
    count = 0
    while n >= 1:
        n = n / 2
        count += 1
    return count
'''


def test_rules_write_tasks_where_they_are_told_to() -> None:
    role = Synthesizer(open_chat("offline:"), round=1, seed=1, wanted={"code": 1}, kinds={"code": {"task": 1.0}})
    decision = role.batch([document(CODE, "code")])[0]
    assert decision.action is Action.CREATE and decision.kind == "task"
    task = read_task(decision.text or "")
    assert task and "Count how often" in (decision.text or "") and task[1].count("assert roots(") >= 3
    assert all(kind in KINDS for shares in BY_MODEL.values() for kind in shares)
