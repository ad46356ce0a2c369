"""What a model thinks aloud is no answer: a draft in it is never taken, whatever marks it and wherever it ends."""

import json
from typing import Any

import pytest

from coevo.agents.backends.thinking import without_thinking
from coevo.agents.chat import UselessAnswer

from .asking import GOOD, Verdict, answer, ask
from .server import Server, Step, reply

DRAFT = '{"keep": false, "reason": "a draft"}'
PAIRS = [
    ("<think>", "</think>"),
    ("<THINK>", "</THINK>"),
    ("< think >", "< / think >"),
    ('<think effort="high">', "</think>"),
    ("<seed:think>", "</seed:think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<scratchpad>", "</scratchpad>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>"),
    ("analysisWe need JSON. ", "assistantfinal"),
    ("analysis\nWe need JSON. ", "\nassistant\nfinal\n"),
    ("<antThinking>", "</antThinking>"),
    ("<chain_of_thought>", "</chain_of_thought>"),
    ("<think>", "</thinking>"),
    ("<plan>", "</plan>"),
    ("<seed:cot_budget_reflect>", "</seed:cot_budget_reflect>"),
    ("<|begin_of_thinking|>", "<|end_of_thinking|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<\uff5cbegin\u2581of\u2581thought\uff5c>", "<\uff5cend\u2581of\u2581thought\uff5c>"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("[REASONING]", "[/REASONING]"),
    ("```thinking\n", "\n```\n"),
]
REFUSES = "I am not able to give one."


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_the_answer_is_what_follows_the_thinking(server: Server, opening: str, closing: str) -> None:
    assert ask(server, answer(f"{opening}Perhaps {DRAFT} or not.{closing}\n\n{GOOD}")).value.keep
    for unsaid in (
        f"{opening}Perhaps {DRAFT}. No.{closing}{REFUSES}",
        f"{opening}Perhaps {DRAFT} but no",
        f"{opening}Perhaps {DRAFT}{closing}",
    ):
        with pytest.raises(UselessAnswer):
            ask(server, answer(unsaid))


@pytest.mark.parametrize(
    ("content", "right"),
    [
        (f"{DRAFT}</think>{GOOD}", GOOD),  # the prompt opened it
        (f"<think>{DRAFT}</think>{GOOD}<think>{DRAFT}</think>", GOOD),
        (f"<think>a</think><think>{DRAFT}</think>{GOOD}", GOOD),
        (f"<think>a<think>{DRAFT}</think>{DRAFT}</think>{GOOD}", GOOD),
        (f"<think>a<think>{DRAFT}</think>{DRAFT}", ""),
        (f"{DRAFT}<think>wait, that is wrong", ""),
        ("no tags", "no tags"),
        (f"<details><summary>Steps</summary>{DRAFT}</details>{GOOD}", GOOD),
        (f"<answer>{GOOD}</answer>", f"<answer>{GOOD}</answer>"),
        (f'if (x) {{ a = "1; {DRAFT}</think>{GOOD}', GOOD),
    ],
)
def test_blocks_may_be_nested_several_or_half(content: str, right: str) -> None:
    assert without_thinking(content)[0] == right


def test_a_mark_inside_of_a_string_is_text(server: Server) -> None:
    done = ask(server, answer('{"keep": true, "reason": "it shows <think> and [/THINK]"}'))
    assert done.value == Verdict(keep=True, reason="it shows <think> and [/THINK]")


@pytest.mark.parametrize("frame", ["Here it is: {}", "```json\n{}\n```", "<think>Is it {{a}}?</think>{} I hope."])
@pytest.mark.parametrize("mark", ["<think>", "<think>a</think>", "[/THINK]", "<|channel|>final", "</analysis>"])
def test_a_mark_inside_of_an_object_among_prose_is_text(server: Server, frame: str, mark: str) -> None:
    content = frame.format(json.dumps({"keep": True, "reason": f"it shows {mark} here"}))
    assert ask(server, answer(content)).value.reason == f"it shows {mark} here"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "reasoning_details", "thinking"])
@pytest.mark.parametrize(("ended", "said"), [("length", "cut off while it was thinking"), ("stop", "answered nothing")])
def test_thinking_in_a_field_of_its_own_is_no_answer(server: Server, field: str, ended: str, said: str) -> None:
    message = {"content": None, field: f"Perhaps {DRAFT}"}
    with pytest.raises(UselessAnswer, match=said):
        ask(server, reply(200, {"choices": [{"message": message, "finish_reason": ended}]}))
    message["content"] = GOOD
    assert ask(server, reply(200, {"choices": [{"message": message, "finish_reason": "stop"}]})).value.keep


def test_cut_off_while_thinking_names_the_setting(server: Server) -> None:
    with pytest.raises(UselessAnswer, match=r"while it was thinking; raise agents.max_answer_tokens"):
        ask(server, answer(f"<think>Perhaps {DRAFT}", finish_reason="length"))


@pytest.mark.parametrize("ended", ["error", "abort", "insufficient_system_resource", "killed", "unknown", "time_limit"])
def test_a_draft_before_an_error_is_asked_for_again(server: Server, ended: str) -> None:
    broken = answer(f"<think>Perhaps {DRAFT}</think>{DRAFT}", finish_reason=ended)
    done = ask(server, broken, answer())
    assert done.value.keep and done.usage.calls == 1


@pytest.mark.parametrize("ended", ["STOP", "end_turn", "eos_token", "COMPLETE", "tool_calls", ""])
def test_a_model_may_end_by_any_name(server: Server, ended: str) -> None:
    assert ask(server, answer(finish_reason=ended)).value.keep


def test_an_answer_without_end_is_not_searched(server: Server) -> None:
    with pytest.raises(UselessAnswer, match="it has 300,000 characters; at most 200,000 are read"):
        ask(server, answer("\\begin{a}" + "{" * 299_991))


def parts(*some: Any) -> Step:
    return answer(list(some))


TEXT = {"type": "text", "text": GOOD}
THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": DRAFT}]}


@pytest.mark.parametrize(
    "some",
    [
        [TEXT],
        [THOUGHT, TEXT],
        [{"type": "reasoning", "text": DRAFT}, TEXT],
        [{"type": "text", "text": GOOD[:9]}, {"type": "output_text", "text": GOOD[9:]}],
        [{"text": GOOD}],
        [GOOD],
        [TEXT, {"type": "image_url", "image_url": {"url": "http://x"}}, {"type": 5}],
    ],
)
def test_text_parts_are_the_answer(server: Server, some: list[Any]) -> None:
    assert ask(server, parts(*some)).value.keep


@pytest.mark.parametrize(
    ("some", "said"),
    [
        ([{"type": "refusal", "refusal": "I cannot"}], "it refused: 'I cannot'"),
        ([TEXT, {"type": "refusal", "refusal": "I cannot"}], "it refused"),
        ([{"type": "text", "thought": True, "text": GOOD}], "thought and then answered nothing"),
        ([THOUGHT], "thought and then answered nothing"),
        ([{"type": "image_url"}], "only parts of type image_url"),
        ([], "it was empty"),
    ],
)
def test_other_parts_are_none_and_said(server: Server, some: list[Any], said: str) -> None:
    with pytest.raises(UselessAnswer, match=said):
        ask(server, parts(*some))


def test_a_call_of_a_tool_is_said(server: Server) -> None:
    message = {"content": None, "tool_calls": [{"type": "function", "function": {"arguments": GOOD}}]}
    with pytest.raises(UselessAnswer, match="a call of a tool, no text"):
        ask(server, reply(200, {"choices": [{"message": message, "finish_reason": "tool_calls"}]}))
