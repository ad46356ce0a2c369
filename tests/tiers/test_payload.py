"""Typed payloads lose nothing, whatever the text, and read what the agents' writers write."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.agents import code_task, exercise, questions, textbook
from coevo.agents.kinds import KINDS, Dialogue, Turn
from coevo.tiers.payload import QA, Chat, Payload, Prose, Section, Task, messages, payload_of, render

WRITTEN = ["qa", "problem", "arithmetic", "symbolic", "predict", "dialogue", "textbook", "task", "rewrite", "text"]
pieces = st.sampled_from(
    [
        "Question: ",
        "Q: ",
        "\nAnswer: ",
        "\nA: ",
        "\n\n",
        "Tom: ",
        "Ann：",
        "## Exercise 1\n\n",
        "x",
        "\n\nSolution: ",
        "Task: ",
        "```python\n",
        "\n```",
        "\n\nTests:\n\n",
        "y 2",
        " ",
    ]
)


@given(st.sampled_from(WRITTEN), st.lists(pieces, max_size=14), st.text(max_size=30))
def test_nothing_is_lost(kind: str, parts: list[str], end: str) -> None:
    text = "".join(parts) + end.encode("utf-8", "replace").decode()
    payload = payload_of(text, kind)
    assert render(payload) == text
    assert type(payload).model_validate_json(payload.model_dump_json()) == payload


@given(st.integers(0, 10_000))
def test_what_the_writers_write_is_read(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made: list[tuple[str, str, type[Payload]]] = []
    worked = exercise.Exercise("What is 2 + 3?", ("2 + 3 is 5.",), "5")
    made.append(("arithmetic", exercise.write(worked, rng), QA))
    pairs = [questions.Pair("What does `f` do?", "It adds."), questions.Pair("And `g`?", "It returns `1`.\n\nOr 2.")]
    made.append(("qa", questions.write(pairs, rng), QA))
    section = textbook.Textbook(
        title="Sums",
        explanation="A sum adds numbers, in whatever order they stand.",
        exercises=(textbook.TextbookExercise(question="What is 1 + 1?", steps="Add.", answer="2"),),
    )
    made += [("textbook", textbook.write(section, d), Section) for d in ("en", "zh")]
    task = code_task.CodeTask(
        task="Write a function `f(x)` that doubles.",
        analysis="Twice the number.",
        solution="def f(x):\n    return 2 * x",
        tests="assert f(1) == 2\nassert f(2) == 4",
    )
    made.append(("task", code_task.write(task), Task))
    turns = tuple(Turn(speaker=who, text=f"I say {n}.") for n, who in enumerate(("Ann", "Tom", "Ann", "Tom")))
    (said,) = KINDS["dialogue"].texts(Dialogue(turns=turns), "en")
    made.append(("dialogue", said, Chat))
    for kind, text, form in made:
        payload = payload_of(text, kind)
        assert isinstance(payload, form), (kind, text)
        assert render(payload) == text and [m["role"] for m in messages(payload)][:2] == ["user", "assistant"]


def test_parts_are_the_parts() -> None:
    qa = payload_of("Q: One?\nA: 1\n\nQ: Two?\nA: 2\n", "qa")
    assert isinstance(qa, QA) and [(p.question, p.answer) for p in qa.pairs] == [("One?", "1"), ("Two?", "2")]
    chat = payload_of("Ann: Hi.\n\nTom: Hello.\n", "dialogue")
    assert isinstance(chat, Chat) and [(m.speaker, m.content) for m in chat.messages] == [
        ("Ann", "Hi."),
        ("Tom", "Hello."),
    ]
    assert isinstance(payload_of("no question here", "qa"), Prose) and messages(payload_of("prose", "text")) == []


@pytest.mark.parametrize("kind", WRITTEN)
def test_an_empty_text_is_prose(kind: str) -> None:
    assert isinstance(payload_of("", kind), Prose)


STRICT = (
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
)
"""As the templates of Llama 2, Mistral and Gemma are."""


def test_chat_turns_pass_a_template_that_wants_roles_to_alternate() -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"x": 0}, unk_token="x")))
    tokenizer.chat_template = STRICT
    spoken = "Ada: Why?\n\nBen: It grows.\n\nCy: And it sleeps.\n\nAda: I see.\n\nAda: When?\n\nBen: In winter.\n"
    for text, kind in ((spoken, "dialogue"), ("Question: a?\nAnswer: b\n\nQuestion: c?\nAnswer: d\n", "qa")):
        turns = messages(payload_of(text, kind))
        said = str(tokenizer.apply_chat_template(turns, tokenize=False))
        assert [t["role"] for t in turns] == ["user", "assistant"] * 2 and said.count("<user>") == 2
    assert messages(payload_of(spoken, "dialogue"))[1]["content"] == "It grows.\n\nAnd it sleeps."
