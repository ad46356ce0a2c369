"""Every enumerated setting either can start here or is refused before the first step, with a sentence that names it."""

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from coevo.loop.config import RunConfig, load_config
from coevo.loop.feedback.mechanism import Probe
from coevo.loop.feedback.policy import check_probe_name
from coevo.loop.preflight import check_settings
from coevo.loop.runner import check_mechanism, start
from coevo.tiers.errors import CoevoError, InputError
from coevo.tiers.tier import arms


def enumerated(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(setting, value) of every Literal in the config."""
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from enumerated(kind, f"{prefix}{name}.")
        elif typing.get_origin(kind) is typing.Literal:
            yield from ((f"{prefix}{name}", str(value)) for value in typing.get_args(kind))


FAIL_HERE = {
    ("mode", "stack"),
    ("training.method", "qlora"),
    ("training.device", "cuda"),
    ("training.attention", "flash_attention_2"),
    ("training.format", "chat"),
    ("evaluation.engine", "vllm"),
    ("feedback.rubric_method", "influence"),
    ("feedback.rubric_method", "hedge"),
    ("engine", "ray"),
}
"""Values that a machine without GPU and extras, or the embedded base, cannot do."""


@pytest.mark.parametrize(("setting", "value"), list(enumerated(RunConfig)))
def test_an_enumerated_value_starts_or_is_refused_by_name(setting: str, value: str) -> None:
    try:
        config = load_config("embedded", (f"{setting}={value}",))
        check_settings(config)
        check_mechanism(config)
    except CoevoError as e:
        assert (setting, value) in FAIL_HERE, e
        assert f"{setting}={value}" in str(e) or f"{setting} is {value}" in str(e), e
        assert "set" in str(e) or "install" in str(e), "it says what to type next"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["feedback.rubric_method=hedge", "feedback.influence=5"], "feedback.rubric_method=hedge"),
        (["feedback.rubric_method=influence", "feedback.influence=5", "curation.score=0"], "curation.score above 0"),
        (["curation.gold=nowhere.yaml"], "nowhere.yaml"),
        (["curation.selector=embedding", "curation.encoder=nowhere"], "curation.encoder: no encoder in nowhere"),
        (["curation.novelty=0.9", "curation.encoder=nowhere"], "curation.encoder: no encoder in nowhere"),
        (["decontaminate.meaning=0.9", "decontaminate.encoder=nowhere"], "decontaminate.encoder: no encoder"),
        (["evaluation.packs=[nowhere.jsonl]"], "evaluation.packs: there is nothing at nowhere.jsonl"),
        (["evaluation.task_folder=nowhere"], "evaluation.task_folder"),
        (["evaluation.bpb_items=0", "evaluation.cloze_items=0", "evaluation.arithmetic_items=0"], "no benchmark has"),
        (["training.processes=3", "training.batch=8"], "cannot be shared by training.processes=3"),
        (["training.track=[trackio]"], "training.track=trackio wants the package"),
        (["model.path=./nowhere"], "model.path: no model in nowhere"),
        (["feedback.reference={code/L1: -1.0}"], "feedback.reference wants shares"),
        (["feedback.reference={code/L1: 0.0}"], "feedback.reference wants shares"),
        (["curation.kinds={en: {problem: 1}}"], "curation.kinds: rules write no 'problem' of en"),
        (["curation.kinds={en: {predict: 1}}"], "curation.kinds: rules write no 'predict' of en"),
        (["curation.kinds={zh: {qa: 1}}"], "is none of the domains"),
        (
            ["curation.kinds={en: {problem: 1}}", "agents.synthesizer=openai:m@http://localhost:1/v1"],
            "curation.kinds: a model is asked for no 'problem' of en, only dialogue, qa,",
        ),
    ],
)  # fmt: skip
def test_what_could_only_fail_later_leaves_no_run_behind(
    overrides: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CoevoError) as caught:
        start("embedded", tuple(overrides), tmp_path / "runs", "r", {}, quiet=True)
    assert says in str(caught.value)
    assert not (tmp_path / "runs").exists()


FINE = ["curation.kinds={math: {arithmetic: 1, symbolic: 2}}", "curation.kinds={code: {predict: 1}}"]


@pytest.mark.parametrize("setting", [*FINE, "feedback.reference={code/L1: 1.0}"])
def test_what_can_be_done_is_let_through(setting: str) -> None:
    check_settings(load_config("embedded", (setting,)))


TAKEN = ["main", "Main", "control", "centre", "base", "start", "accepted", "rubric-high", "rubric-low", "aa-1", "aa-9"]


@pytest.mark.parametrize("name", [*TAKEN, "without-code-L1", "explore", "strategist", "", "../up", "a/b", "a" * 65])
def test_a_probe_may_not_take_the_name_of_another_run(name: str) -> None:
    with pytest.raises(InputError, match=r"probe '.*"):
        check_probe_name(name)


@pytest.mark.parametrize("name", ["probe-1", "pair-0-plus", "proxy-12", "sweep-math-L3", "mainly", "x"])
def test_other_names_are_free(name: str) -> None:
    check_probe_name(name)


def test_a_mechanism_whose_probe_would_replace_main_has_no_probes_in_that_round() -> None:
    from coevo.loop.feedback.config import FeedbackConfig
    from coevo.loop.feedback.guard import guarded_plan
    from coevo.loop.feedback.uniform import Uniform
    from tests.loop.feedback.rounds import ARMS, context

    class Usurper(Uniform):
        name = "usurper"

        def plan(self, asked: Any) -> Any:
            mixture = dict(zip(ARMS, asked.reference.tolist(), strict=True))
            return asked.reference, (Probe(name="control", mixture=mixture, reason="mine"),), "mine"

    config = FeedbackConfig()
    guarded = guarded_plan(Usurper(config, tuple(arms(("code", "en", "math"))), 0), context(1), config)
    assert guarded.plan.probes == ()
    assert "has the name of a run of the loop's own" in guarded.problem
