"""Model URLs and the configuration that names them."""

import re
import subprocess
import sys

import pytest
from pydantic import ValidationError

from coevo.agents.backends import check, is_offline, open_chat, parse_url
from coevo.agents.backends.openai import OpenAIChat
from coevo.agents.backends.url import normalised_base
from coevo.agents.chat import Message
from coevo.agents.config import ROLES, AgentsConfig
from coevo.tiers.errors import AgentError, InputError
from coevo.tiers.record import Record


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/chat/completions", "http://localhost:8000/v1"),
        ("https://host/openai", "https://host/openai/v1"),
        ("https://host/v1beta/openai/", "https://host/v1beta/openai"),
        ("https://host/api/paas/v4", "https://host/api/paas/v4"),
        ("https://v1.example.org", "https://v1.example.org/v1"),
    ],
)
def test_a_base_url_may_or_may_not_name_its_version(base: str, wanted: str) -> None:
    assert normalised_base(base) == wanted
    assert normalised_base(wanted) == wanted


def test_a_model_name_may_hold_any_sign() -> None:
    at = parse_url("openai:org/model:7b@awq@http://localhost:8000")
    assert (at.model, at.base) == ("org/model:7b@awq", "http://localhost:8000/v1")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("opanai:m@http://h", "did you mean openai:MODEL@BASE_URL"),
        ("Offline:", "did you mean offline:"),
        ("students:x", "did you mean student:"),
        ("claude", "wanted one of offline:"),
        ("", "wanted one of offline:"),
        ("http://localhost:8000", "write openai:MODEL@http://localhost:8000"),
        ("openai:gpt", "wanted openai:MODEL@BASE_URL"),
        ("openai:@http://h", "wanted openai:MODEL@BASE_URL"),
        ("openai:m@http://:80", "HOST"),
        ("openai:m@http://h:x", "HOST"),
        ("openai:m@https://me:secret@h/v1", "OPENAI_API_KEY"),
        ("openai:m@https://h/v1?key=secret", "OPENAI_API_KEY"),
        ("offline:fast", "nothing may follow"),
        ("vlm:qwen", r"did you mean vllm:MODEL[+ADAPTER]"),
        ("hf:qwen+", r"wanted hf:MODEL+ADAPTER"),
        ("vllm:+lora", r"wanted vllm:MODEL+ADAPTER"),
        ("replay:", "wanted replay:JOURNAL"),
        ("replay:openai:m", "or replay:MODEL_URL@JOURNAL"),
    ],
)
def test_a_wrong_url_gets_the_right_one(url: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        open_chat(url)
    assert "secret" not in str(caught.value)


def test_the_parts_of_models_in_this_process() -> None:
    assert (parse_url("hf:org/model").path, parse_url("hf:").path) == ("org/model", "")
    at = parse_url("vllm:/models/base+/runs/1/adapter")
    assert (at.path, at.adapter) == ("/models/base", "/runs/1/adapter")
    at = parse_url("replay:openai:m@http://h:1/v1@runs/x")
    assert (at.model, at.path) == ("openai:m@http://h:1/v1", "runs/x")
    assert (parse_url("replay:runs/x").model, parse_url("replay:runs/x").path) == ("", "runs/x")


class Verdict(Record):
    keep: bool


def test_offline_is_no_model() -> None:
    chat = open_chat("offline:")
    assert is_offline(chat)
    check(chat)
    with pytest.raises(AgentError, match="offline: has no model"):
        chat.complete([Message(role="user", content="?")], Verdict)
    with pytest.raises(AgentError, match="offline: has no model"):
        chat.choose(["?"], ["yes", "no"])


def test_every_role_opens_its_model() -> None:
    config = AgentsConfig(editor="openai:m@http://localhost:1", concurrency=3)
    for role in ROLES[2:]:
        assert is_offline(config.open(role))
    editor = config.open("editor")
    assert isinstance(editor, OpenAIChat) and editor.url == "openai:m@http://localhost:1/v1"
    assert not is_offline(editor)


def test_a_wrong_url_is_refused_with_the_config() -> None:
    with pytest.raises(ValidationError, match="did you mean openai"):
        AgentsConfig(scorer="opena:m@http://h")


def test_a_money_limit_needs_prices() -> None:
    given = {"editor": "openai:m@http://h", "budget": {"max_usd": 1.0}}
    with pytest.raises(ValidationError, match="no price of 'm'"):
        AgentsConfig.model_validate(given)
    AgentsConfig.model_validate({**given, "prices": {"m": {"tokens_in": 0, "tokens_out": 0}}})
    AgentsConfig.model_validate({**given, "editor": "hf:qwen"})  # nobody is paid for it


def test_the_config_and_rules_load_neither_torch_nor_httpx() -> None:
    code = (
        "import sys; from coevo.agents.config import AgentsConfig; AgentsConfig().open('editor');"
        "sys.exit(' '.join({'torch', 'transformers', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "", done.stderr
