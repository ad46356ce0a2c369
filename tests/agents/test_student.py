"""The in-process student against probabilities worked out one token at a time."""

import math
from pathlib import Path

import pytest
import torch

from coevo.agents.backends import open_chat
from coevo.agents.backends.student import StudentChat
from coevo.agents.chat import Message
from coevo.tiers.errors import AgentError, InputError
from coevo.tiers.record import Record

from .tiny_model import make_model

CONTEXT = 48
TEXTS = ["the cat sat on the mat yes no yes no", "a yes is a yes and a no is a no", "naïve café, 日本"] * 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("student"), TEXTS, context=CONTEXT)


@pytest.fixture(scope="module")
def student(folder: Path) -> StudentChat:
    chat = open_chat("student:", student_path=folder)
    assert isinstance(chat, StudentChat)
    return chat


def by_hand(student: StudentChat, ids: list[int]) -> list[float]:
    """Log-probability of each token after the first: one sequence, one forward pass, no padding."""
    with torch.inference_mode():
        logs = student.causal.model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return [float(logs[i, token]) for i, token in enumerate(ids[1:])]


def softmax(values: list[float]) -> list[float]:
    weights = [math.exp(v) for v in values]
    return [w / sum(weights) for w in weights]


@pytest.mark.parametrize("options", [[" yes", " no"], [" the", " nonsense", " cat sat"]])
def test_options_are_judged_by_all_their_tokens(student: StudentChat, options: list[str]) -> None:
    prompts = ["the cat", "a", "the cat sat on a mat is a"]
    endings = [student.causal.encode(option) for option in options]
    means = len({len(e) for e in endings}) > 1
    choices = student.choose(prompts, options)
    for prompt, choice in zip(prompts, choices, strict=True):
        head = [student.causal.begin, *student.causal.encode(prompt)]
        sums = [sum(by_hand(student, head + e)[-len(e) :]) / (len(e) if means else 1) for e in endings]
        assert choice.probabilities == pytest.approx(softmax(sums), abs=1e-5)
        assert choice.truncated == 0 and choice.usage.calls == 1 and choice.usage.usd == 0
    assert max(choices[0].probabilities) - min(choices[0].probabilities) > 0.01


def test_both_ways_of_judging_agree(student: StudentChat) -> None:
    heads = [[student.causal.begin, *student.causal.encode(p)] for p in ("the cat", "a yes is")]
    tokens = [student.causal.encode(" yes")[0], student.causal.encode(" no")[0]]
    fast = student.causal.after(heads, [[t] for t in tokens])
    slow = [[by_hand(student, [*h, t])[-1] for t in tokens] for h in heads]
    assert abs(fast - slow).max() < 1e-5


def test_a_long_prompt_loses_its_middle_and_says_so(student: StudentChat) -> None:
    words = ["the cat sat on the mat " * 40 + ending for ending in ("a", "no")]
    choices = student.choose(words, [" yes", " no"])
    room = CONTEXT - 1 - max(len(student.causal.encode(o)) for o in (" yes", " no"))
    for text, choice in zip(words, choices, strict=True):
        assert choice.truncated == len(student.causal.encode(text)) - room > 0
    assert choices[0].probabilities != choices[1].probabilities  # the end is still read
    other_start = student.choose(["no yes " + words[0]], [" yes", " no"])
    assert other_start[0].probabilities != choices[0].probabilities  # and so is the beginning


def test_loss_is_in_nats_a_byte(student: StudentChat) -> None:
    texts = ["the cat sat", "naïve café, 日本", "a"]
    for text, loss in zip(texts, student.loss(texts), strict=True):
        total = -sum(by_hand(student, [student.causal.begin, *student.causal.encode(text)]))
        assert loss == pytest.approx(total / len(text.encode()), rel=1e-5)
    assert math.isnan(student.loss([""])[0])
    assert student.loss([]) == []


def test_a_long_text_is_read_as_far_as_the_context_goes(student: StudentChat) -> None:
    text = "the cat sat on the mat. " * 30
    (reading,) = student.read([text])
    assert reading.tokens == CONTEXT - 1
    assert 0 < reading.truncated < len(text)
    read = text[: len(text) - reading.truncated]
    total = -sum(by_hand(student, [student.causal.begin, *student.causal.encode(text)[: CONTEXT - 1]]))
    assert reading.nats_per_byte == pytest.approx(total / len(read.encode()), rel=1e-5)
    (huge,) = student.read([text * 1000])
    assert huge.tokens == CONTEXT - 1 and huge.nats_per_byte == reading.nats_per_byte


def test_neighbours_in_a_batch_do_not_matter(student: StudentChat) -> None:
    together = student.loss([*TEXTS, "a" * 30])
    alone = [student.loss([text])[0] for text in [*TEXTS, "a" * 30]]
    assert together == pytest.approx(alone, rel=1e-5)
    assert student.loss(TEXTS) == student.loss(TEXTS)


def test_threads_are_given_back(student: StudentChat) -> None:
    before = torch.get_num_threads()
    student.loss(["the cat"])
    assert torch.get_num_threads() == before and not torch.is_inference_mode_enabled()


def test_surrogates_are_read_as_question_marks(student: StudentChat) -> None:
    assert student.loss(["a\ud800b"]) == student.loss(["a?b"])


class Verdict(Record):
    keep: bool


def test_a_student_writes_nothing(student: StudentChat) -> None:
    with pytest.raises(AgentError, match="writes nothing"):
        student.complete([Message(role="user", content="?")], Verdict)


@pytest.mark.parametrize("options", [["", " no"], [" yes", " no" * 60]])
def test_options_must_fit(student: StudentChat, options: list[str]) -> None:
    with pytest.raises(AgentError, match="options must have 1 to"):
        student.choose(["?"], options)


def test_a_diverged_student_is_no_judge(folder: Path) -> None:
    broken = StudentChat(folder)
    with torch.no_grad():
        broken.causal.model.lm_head.weight.fill_(float("nan"))
    with pytest.raises(AgentError, match="diverged"):
        broken.choose(["a"], [" yes", " no"])


def test_a_missing_or_broken_folder_is_said_in_one_sentence(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="found none"):
        open_chat(f"student:{tmp_path}")
    with pytest.raises(InputError, match="student: needs a model folder"):
        open_chat("student:")
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(InputError, match="cannot be read"):
        open_chat(f"student:{tmp_path}")
    assert open_chat(f"student:{folder}").url == f"student:{folder.name}"
