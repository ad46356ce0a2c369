"""vLLM in this process against transformers' logits; where it is not installed, what is said about it."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from coevo.agents.backends import EngineConfig, open_chat, release
from coevo.agents.chat import Message
from coevo.agents.edit_program import EditProgram
from coevo.tiers.errors import AgentError, InputError

from .asking import GOOD, Verdict
from .tiny_model import add_adapter, make_model, teach

INSTALLED = importlib.util.find_spec("vllm") is not None
needs_vllm = pytest.mark.skipif(not INSTALLED, reason="vLLM is not installed")


@pytest.mark.skipif(INSTALLED, reason="vLLM is installed")
def test_without_vllm_it_says_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"pip install 'coevo\[gpu\]'.*hf:MODEL.*openai:MODEL@"):
        open_chat(f"vllm:{tmp_path}")
    with pytest.raises(InputError, match="wanted a model folder"):
        open_chat("vllm:./none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    texts = ["Keep it? Is it good? yes no Yes No", GOOD] * 4
    path = make_model(tmp_path_factory.mktemp("served"), texts, context=1024, template=True)
    teach(path, {"Keep it?": GOOD})
    yield path
    release()


@needs_vllm
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_it_writes_in_form_and_chooses_as_transformers_does(folder: Path, tmp_path: Path) -> None:
    adapter = add_adapter(folder, tmp_path / "adapter")
    config = EngineConfig(context=1024, lora_rank=8)
    for url in (f"{{}}:{folder}", f"{{}}:{folder}+{adapter}"):
        ours = open_chat(url.format("vllm"), engine=config, max_answer_tokens=100)
        exact = open_chat(url.format("hf"), max_answer_tokens=100)
        for options in (["yes", "no"], ["certainly not", "of course"]):
            for choice, wanted in zip(
                *(c.choose(["Is it good?", "Keep it? no"], options) for c in (ours, exact)), strict=True
            ):
                assert choice.probabilities == pytest.approx(wanted.probabilities, abs=0.03), "bfloat16 there"
        with pytest.raises(AgentError, match="do not fit the model's context of 1024"):
            ours.complete([Message(role="user", content="Keep it?" * 900)], Verdict)
    plain = open_chat(f"vllm:{folder}", engine=config, max_answer_tokens=100)
    assert plain.complete([Message(role="user", content="Keep it?")], Verdict).value.keep
    assert isinstance(plain.complete([Message(role="user", content="Keep it?")], EditProgram).value, EditProgram)
    release()
    assert plain.choose(["Is it good?"], ["yes", "no"])[0].usage.calls == 1, "started again"
