"""Conversations that cannot be trained on are set aside and counted, and end nothing."""

import json
from pathlib import Path

import pytest

from coevo.loop.nodes.blocks import check_enough
from coevo.tiers.errors import TrainingError
from coevo.training.packing import pack_arms

from ..tiny_tokenizers import FAMILIES

CASES = Path("../shared/cases")


def talk(*turns: tuple[str, str]) -> str:
    return json.dumps([{"role": role, "content": content} for role, content in turns])


GOOD = talk(("user", "Is it?"), ("assistant", "It is."))


@pytest.fixture
def gemma(tmp_path: Path) -> Path:
    """Its template refuses system turns."""
    FAMILIES["gemma"]().save_pretrained(tmp_path / "gemma")
    return tmp_path / "gemma"


def test_each_kind_is_counted_with_its_reason(gemma: Path, tmp_path: Path) -> None:
    texts = [
        GOOD,
        talk(("system", "Be brief."), ("user", "Is it?"), ("assistant", "It is.")),
        talk(("user", "Is it? " * 40), ("assistant", "It is.")),
        talk(("user", "Is it?")),
        talk(("eos", "Is it?"), ("assistant", "It is.")),
        json.dumps([{"role": "user", "content": "Is it?"}, {"role": "assistant", "content": None, "tool_calls": []}]),
        json.dumps([{"role": "user", "content": [{"type": "image_url"}]}, {"role": "assistant", "content": "It is."}]),
        json.dumps([{"role": "user", "content": [{"type": "text", "text": "Is it?"}]}, *json.loads(GOOD)[1:]]),
        talk(("user", "Is it \ud83d?"), ("assistant", "It \udc00 is.")),
        "Plain text stays.",
        GOOD,
    ]
    arm = pack_arms({"en/L3": texts}, gemma, 64, tmp_path / "b", chat=("assistant",)).arms["en/L3"]
    assert arm.aside == {
        "is refused by the chat template (no system role)": 1,
        "has every turn of assistant beyond its first 64 tokens (model.block)": 1,
        "has no turn of assistant (training.learn_roles)": 1,
        "has turns of an unknown role (eos)": 1,
        "has a turn whose content is no text": 2,
    }
    assert arm.blocks and arm.documents == 11 and arm.cut == 1


def test_a_template_that_forgets_earlier_turns_sets_long_conversations_aside(tmp_path: Path) -> None:
    made = FAMILIES["qwen"]()
    made.chat_template = (
        "{% for m in messages %}{% if loop.last or m['role'] == 'user' %}<|im_start|>{{ m['role'] }}\n"
        "{{ m['content'] }}<|im_end|>\n{% endif %}{% endfor %}"
    )
    made.save_pretrained(tmp_path / "t")
    texts = [GOOD, talk(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"))]
    arm = pack_arms({"en/L3": texts}, tmp_path / "t", 64, tmp_path / "b", chat=("assistant",)).arms["en/L3"]
    assert arm.blocks == 1 and sum(arm.aside.values()) == 1
    assert "rendered differently once more turns follow" in next(iter(arm.aside))


def test_where_nothing_is_left_the_sentence_says_what_to_do(gemma: Path, tmp_path: Path) -> None:
    long = talk(("user", "Is it? " * 40), ("assistant", "It is."))
    index = pack_arms({"en/L3": [long] * 5, "en/L1": []}, gemma, 64, tmp_path / "b", chat=("assistant",))
    with pytest.raises(TrainingError) as caught:
        check_enough(index, 16)
    assert str(caught.value) == (
        "no arm has enough text to train on, 1,024 tokens (en/L3: 0 tokens); 5 documents were set aside because the "
        "conversation has every turn of assistant beyond its first 64 tokens (model.block): raise model.block, or set "
        "training.format=text"
    )


@pytest.mark.parametrize("case", ["13_chat_system.jsonl", "14_chat_long.jsonl"])
def test_the_cases_that_ended_a_run(case: str, gemma: Path, tmp_path: Path) -> None:
    if not (CASES / case).is_file():
        pytest.skip(f"no {CASES / case} on this machine")
    texts = [json.loads(line)["text"] for line in (CASES / case).read_text().splitlines()]
    arm = pack_arms({"en/L3": texts}, gemma, 64, tmp_path / "b", chat=("assistant",)).arms["en/L3"]
    assert arm.aside and sum(arm.aside.values()) <= len(texts)
    wide = pack_arms({"en/L3": texts}, gemma, 2048, tmp_path / "w", chat=("assistant",)).arms["en/L3"]
    refused = [n for why, n in wide.aside.items() if "no system role" in why]
    assert wide.blocks and sum(refused) == sum('"system"' in t.replace("\\", "") for t in texts)
