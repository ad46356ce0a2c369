"""Configs: presets load, overrides land, and every mistake names the setting."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from coevo.loop.config import RunConfig, dump_config, load_config, parse_config, presets
from coevo.loop.feedback import create
from coevo.loop.preflight import check_settings
from coevo.tiers.errors import CoevoError, InputError


def test_every_preset_loads_and_round_trips(tmp_path: Path) -> None:
    assert "embedded" in presets()
    for name in presets():
        config = load_config(name)
        written = tmp_path / f"{name}.yaml"
        written.write_text(dump_config(config), encoding="utf-8")
        assert load_config(str(written)) == config
        assert load_config(str(written)).fingerprint == config.fingerprint


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ({"mechanism": "trust_blr", "calibration": "embedded"}, "horizon_blr"),
        ({"mechanism": "trust_blr", "calibration": "published"}, "trust_blr"),
        ({"calibration": "embedded"}, "horizon_blr"),
        ({"calibration": "published"}, "trust_blr"),
        ({"mechanism": "lin_ts", "calibration": "published"}, "lin_ts"),
        ({"mechanism": "trust_blr"}, "trust_blr"),
        ({}, "horizon_blr"),
    ],
)
def test_each_mechanism_has_one_name_and_old_configs_are_read(old: dict[str, str], name: str) -> None:
    config = parse_config({"feedback": old}, "old.yaml")
    assert config.feedback.mechanism == name
    assert create(config.feedback, ("en/L1", "en/L2"), 0).name == name
    assert "calibration" not in dump_config(config)


def test_an_unknown_calibration_is_told_the_names() -> None:
    with pytest.raises(InputError, match="set mechanism=horizon_blr"):
        parse_config({"feedback": {"calibration": "mine"}}, "old.yaml")


def test_overrides_reach_inner_settings() -> None:
    config = load_config("embedded", ("training.steps=7", "feedback.mechanism=uniform", "domains=[code, en]"))
    assert (config.training.steps, config.feedback.mechanism, config.domains) == (7, "uniform", ("code", "en"))


def test_what_is_judged_and_written_can_be_chosen() -> None:
    config = load_config(
        "embedded", ("curation.rubrics=[value, clarity]", "curation.kinds={zh: {qa: 0.5, textbook: 0.5}}")
    )
    assert config.curation.rubrics == ("value", "clarity") and config.curation.kinds["zh"]["textbook"] == 0.5


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("training.stepz=7", "unknown setting 'training.stepz': did you mean 'steps'?"),
        ("feedbck.mechanism=uniform", "unknown setting 'feedbck': did you mean 'feedback'?"),
        ("training.steps=many", "training.steps"),
        ("training.method=adapter", "training.method"),
        ("training.steps", "--set wants key=value"),
        ("seed.deep=1", "'seed' is a value, not a group"),
        ("curation.rubrics=[charm]", "no rubric 'charm'; known are clarity, density"),
        ("curation.kinds={en: {sonnet: 1}}", "no kind 'sonnet'; known are arithmetic, dialogue"),
        ("curation.kinds={en: {qa: 0}}", "curation.kinds.en.qa"),
        ("agents.second_verifier=openai:m", "agents.second_verifier"),
        ("agents.second_verifier=offline:", "wanted another model than offline:"),
    ],
)
def test_mistakes_name_the_setting(override: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config("embedded", ("seed=1", override))
    assert says in str(caught.value)


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'embedded'"):
        load_config("embeded")


def test_broken_yaml_is_one_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [1", encoding="utf-8")
    with pytest.raises(InputError, match="not readable YAML"):
        load_config(str(bad))
    bad.write_text("- 1", encoding="utf-8")
    with pytest.raises(InputError, match="wanted a mapping"):
        load_config(str(bad))


def test_identity_is_in_the_literals_not_in_budget_or_hardware() -> None:
    config = RunConfig()
    assert config.model_copy(update={"workers": 7, "rounds": 9}).fingerprint == config.fingerprint
    assert config.model_copy(update={"seed": 7}).fingerprint != config.fingerprint


ODD = ["1e308", ".nan", "{null: 1}", "2001-99-99", "9" * 5_000, '"\\uD800"', '"\\0"']


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every setting and every group of them."""
    for name, field in model.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation, f"{prefix}{name}.")


@pytest.mark.parametrize("value", ODD, ids=lambda v: v[:12])
def test_no_value_of_any_setting_is_more_than_a_short_sentence(value: str) -> None:
    for setting in settings_of(RunConfig):
        try:
            check_settings(load_config("embedded", (f"{setting}={value}",)))
        except CoevoError as e:
            assert len(str(e)) < 3_000, setting
