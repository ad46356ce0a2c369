"""A transformers model in this process writes what it learned, chooses by its exact logits, and is recorded."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from coevo.agents.backends import hf_engine, open_chat, release
from coevo.agents.backends.engine import Asked
from coevo.agents.backends.hf_engine import HFEngine
from coevo.agents.backends.prompting import Prompting
from coevo.agents.backends.question import to_choose
from coevo.agents.chat import Message, UselessAnswer
from coevo.agents.journal import NAME, Journal
from coevo.tiers.decision import Usage
from coevo.tiers.errors import AgentError, InputError

from .asking import GOOD, Verdict
from .passes import curate, documents, free
from .tiny_model import add_adapter, make_model, peft_being_behind, teach

CONTEXT = 4096
TEXTS = ["Keep it? Is it good? yes no Yes No", GOOD, "naïve café, 日本"] * 4
ANSWERS = {"Keep it?": GOOD, "And this one?": '{"keep": false, "reason": "thin"}', "Talk!": "I will not."}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_model(tmp_path_factory.mktemp("chatty"), TEXTS, context=CONTEXT, template=True)
    teach(path, ANSWERS)
    return path


@pytest.fixture(scope="module")
def adapter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_adapter(folder, tmp_path_factory.mktemp("adapter"))


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    yield
    release()


def said(words: str) -> list[Message]:
    return [Message(role="user", content=words)]


def test_it_writes_and_is_repaired_once(folder: Path) -> None:
    model = open_chat(f"hf:{folder}", max_answer_tokens=60)
    done = model.complete(said("Keep it?"), Verdict)
    assert done.value == Verdict(keep=True, reason="clear")
    assert done.usage.calls == 1 and done.usage.tokens_out > 5 and done.usage.usd == 0 and done.usage.seconds > 0
    with pytest.raises(UselessAnswer, match=r"hf:.*gave no usable answer") as caught:
        model.complete(said("Talk!"), Verdict)
    assert caught.value.usage.calls == 2, "it was shown what was wrong and asked once more"


def test_threads_share_batches_and_get_their_own_answers(folder: Path) -> None:
    model = open_chat(f"hf:{folder}", max_answer_tokens=60)
    questions = ["Keep it?", "And this one?"] * 8
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda q: model.complete(said(q), Verdict).value.keep, questions))
    assert answers == [True, False] * 8


def by_hand(folder: Path, prompt: str, words: list[str], adapter: Path | None = None) -> list[float]:
    """Probability of each word as the first token of the answer, from one forward pass without padding."""
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModelForCausalLM.from_pretrained(str(folder))
    if adapter:
        from peft import PeftModel

        with peft_being_behind():
            model = PeftModel.from_pretrained(model, str(adapter))
    ids = tokenizer(f"<user>{prompt}<eos><assistant>", add_special_tokens=False).input_ids
    with torch.inference_mode():
        shares = model(input_ids=torch.tensor([ids])).logits[0, -1].float().softmax(-1)
    return [float(shares[tokenizer(word, add_special_tokens=False).input_ids].sum()) for word in words]


@pytest.mark.parametrize("with_adapter", [False, True])
def test_it_chooses_by_all_spellings_of_an_option(folder: Path, adapter: Path, with_adapter: bool) -> None:
    model = open_chat(f"hf:{folder}+{adapter}" if with_adapter else f"hf:{folder}")
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    spelled = [
        [s for s in spellings if len(tokenizer(s, add_special_tokens=False).input_ids) == 1]
        for spellings in (["yes", " yes", "Yes", " Yes", "YES", " YES"], ["no", " no", "No", " No", "NO", " NO"])
    ]
    assert all(len(s) > 1 for s in spelled)
    for choice, prompt in zip(
        model.choose(["Is it good?", "Keep it? Keep it?"], [" yes", " no"]),
        ("Is it good?", "Keep it? Keep it?"),
        strict=True,
    ):
        yes, no = (sum(by_hand(folder, prompt, words, adapter if with_adapter else None)) for words in spelled)
        assert choice.probabilities == pytest.approx((yes / (yes + no), no / (yes + no)), abs=1e-5)
        assert choice.usage.calls == 1 and choice.truncated == 0


def test_an_adapter_changes_the_answer(folder: Path, adapter: Path) -> None:
    plain, adapted = (open_chat(url) for url in (f"hf:{folder}", f"hf:{folder}+{adapter}"))
    assert plain.choose(["Is it good?"], ["yes", "no"]) != adapted.choose(["Is it good?"], ["yes", "no"])


def test_a_model_without_a_template_continues_the_text(tmp_path: Path) -> None:
    path = make_model(tmp_path, TEXTS, context=64)
    student, model = open_chat("student:", student_path=path), open_chat("hf:", student_path=path)
    for options in ([" yes", " no"], [" certainly not", " yes"]):
        exact, ours = (chat.choose(["Is it good?", "Keep it?" * 40], options) for chat in (student, model))
        assert [c.probabilities for c in ours] == [pytest.approx(c.probabilities, abs=1e-6) for c in exact]
    assert model.choose(["Keep it?" * 40], [" yes", " no"])[0].truncated > 0


def test_a_prompt_that_leaves_no_room_is_refused_and_costs_its_neighbours_nothing(folder: Path) -> None:
    model = open_chat(f"hf:{folder}", max_answer_tokens=60)
    with ThreadPoolExecutor(2) as threads:
        long = threads.submit(model.complete, said("Keep it?" * 5000), Verdict)
        short = threads.submit(model.complete, said("Keep it?"), Verdict)
        assert short.result().value.keep
    with pytest.raises(AgentError, match=r"agents.max_answer_tokens=60 do not fit the model's context of 4096"):
        long.result()
    with pytest.raises(AgentError, match="options must have 1 to 4094 tokens"):
        model.choose(["?"], ["", "no"])


def test_a_turn_that_the_template_refuses_is_an_error_of_its_own(tmp_path: Path) -> None:
    path = make_model(tmp_path, TEXTS, context=256)
    (path / "chat_template.jinja").write_text(
        "{% for m in messages %}{% if 'Talk' in m['content'] %}{{ raise_exception('no talk') }}{% endif %}"
        "{{ m['content'] }}{% endfor %}"
    )
    model = open_chat(f"hf:{path}", max_answer_tokens=4)
    with pytest.raises(AgentError, match=r"the chat template refuses the conversation \(no talk\); take a model"):
        model.complete(said("Talk!"), Verdict)
    with pytest.raises(AgentError, match="no talk"):
        model.choose(["Talk!"], ["yes", "no"])
    engine = HFEngine(str(path))
    asked = [Asked(to_choose(prompt, ["yes", "no"]), 4) for prompt in ("Keep it?", "Talk!", "Is it?")]
    assert [isinstance(reply, AgentError) for reply in engine.answer(asked)] == [False, True, False]
    decided = curate(model, [d.model_copy(update={"text": f"Talk. {d.text}"}) for d in documents(2)])
    assert decided and all(d.error and "no talk" in d.error for d in decided)


def test_answers_are_recorded_and_replayed_without_the_model(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = documents(3)
    with Journal(tmp_path / NAME, scope="round-1/edit") as journal:
        decided = curate(open_chat(f"hf:{folder}", journal=journal, max_answer_tokens=20), texts)
        release()
        monkeypatch.setattr(HFEngine, "answer", lambda *_: pytest.fail("asked again for a recorded answer"))
        again = curate(open_chat(f"hf:{folder}", journal=journal, max_answer_tokens=20), texts)
    assert again == decided, "a killed round finds its answers, and what they cost"
    replayed = curate(open_chat(f"replay:{tmp_path}", max_answer_tokens=20), texts)
    assert [d.scores for d in replayed] == [d.scores for d in decided]
    assert [d.action for d in free(replayed)] == [d.action for d in free(decided)]
    assert all(d.usage == Usage() for d in replayed)


def test_a_model_trained_anew_in_the_same_folder_is_another_model(tmp_path: Path) -> None:
    path = make_model(tmp_path / "m", TEXTS, context=64)
    with Journal(tmp_path / NAME) as journal:
        before = open_chat("hf:", student_path=path, journal=journal).choose(["Good?"], ["yes", "no"])
        release()
        make_model(path, TEXTS, context=64, seed=1)
        after = open_chat("hf:", student_path=path, journal=journal).choose(["Good?"], ["yes", "no"])
        assert before[0].probabilities != after[0].probabilities
        (usage,) = journal.costs().values()
    assert usage.calls == 2


def test_it_is_loaded_when_asked_shared_and_given_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    class Watched(HFEngine):
        def __init__(self, *args: str) -> None:
            events.append("start")
            super().__init__(*args)

        def close(self) -> None:
            events.append("close")
            super().close()

    monkeypatch.setattr(hf_engine, "HFEngine", Watched)
    one, other = open_chat(f"hf:{folder}"), open_chat(f"hf:{folder}")
    assert events == []
    one.choose(["?"], ["yes", "no"])
    other.choose(["?"], ["yes", "no"])
    assert events == ["start"]
    release()
    release()
    assert events == ["start", "close"]
    other.choose(["?"], ["yes", "no"])
    assert events == ["start", "close", "start"]


def test_what_is_missing_is_said_before_anything_is_loaded(folder: Path, tmp_path: Path) -> None:
    for url, words in (
        (f"hf:{tmp_path}/none", "wanted a model folder"),
        (f"hf:{folder}+{tmp_path}", "wanted a LoRA adapter"),
        ("hf:", "let a round provide its student"),
    ):
        with pytest.raises(InputError, match=words):
            open_chat(url)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(InputError, match="cannot be read"):
        open_chat(f"hf:{tmp_path}").choose(["?"], ["yes", "no"])


def test_an_options_steps_are_the_beginnings_of_its_tokens(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    endings = Prompting(tokenizer, CONTEXT).endings(["certainly not", "certainly yes"])
    steps = endings.steps()
    assert steps[()] == [endings.tokens[0][0]] and sum(map(len, steps.values())) < sum(map(len, endings.tokens))
    assert all(tokens[at] in steps[tuple(tokens[:at])] for tokens in endings.tokens for at in range(len(tokens)))
