"""What people hand in as YAML or JSON is read within limits, or refused at once."""

import itertools

import pytest
import yaml

from coevo.tiers.plain import from_json, from_yaml

LETTERS = "abcdefghi"


def bomb(reference: str) -> str:
    """Nine levels, each naming the level below nine times: 9^9 values in one kilobyte."""
    lines = ["a: &a {x: 1}"]
    for below, name in itertools.pairwise(LETTERS):
        lines.append(f"{name}: &{name} {reference.format(', '.join([f'*{below}'] * 9))}")
    return "\n".join(lines)


HOSTILE = {
    "aliases": bomb("[{}]"),
    "merges": bomb("{{<<: [{}]}}"),
    "itself": "&a [*a]",
    "brackets": "[" * 20_000,
    "braces": "{a: " * 20_000,
    "dashes": "- " * 20_000,
    "digits": "9" * 5_000,
    "hexadecimal": f"0x{'f' * 5_000}",
    "base 60": "1" + ":1" * 5_000,
    "a float in base 60": "1" + ":1" * 5_000 + ".5",
    "no day": "2024-99-99",
    "no integer": "!!int abc",
    "no truth value": "!!bool abc",
    "no time": "!!timestamp abc",
    "no bytes": '!!binary "$"',
    "an object": "!!python/object/apply:os.system [true]",
    "a zero byte": "a\x00",
    "much": "a: " + "b" * 3_000_000,
}


@pytest.mark.parametrize("text", [pytest.param(v, id=k) for k, v in HOSTILE.items() if k != "no bytes"])
def test_hostile_yaml_is_a_yaml_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        from_yaml(text)


@pytest.mark.parametrize("text", [pytest.param(v, id=k) for k, v in HOSTILE.items()])
def test_hostile_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        from_json(text)


def test_usual_yaml_is_read_with_its_aliases() -> None:
    assert from_yaml("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2.5}") == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": {"b": 1, "e": 2.5},
    }
    assert from_yaml("") is None
    assert from_json('{"a": [1, 2]}') == {"a": [1, 2]}
