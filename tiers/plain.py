"""Plain data: YAML and JSON that people and foreign folders hand in, read within limits of size, depth and digits."""

import json
from typing import Any

import yaml

MOST_CHARACTERS = 2_000_000
"""Of one YAML text: the parser needs about a minute for this much."""
DEEPEST = 60
"""Levels of nesting."""
MOST_VALUES = 200_000
"""Values of one YAML text with every alias written out."""
LONGEST_NUMBER = 100
"""Characters of a number: `1:1:1:...` (base 60) and long digits cost time that grows with their square."""
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


def from_yaml(text: str) -> Any:
    """What `text` says: plain values only.

    Raises:
        yaml.YAMLError: it is no YAML, asks for an object, or exceeds a limit.
    """
    if len(text) > MOST_CHARACTERS:
        raise yaml.YAMLError(f"{len(text)} characters are more than the {MOST_CHARACTERS} that are read")
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    except (ArithmeticError, AttributeError, IndexError, LookupError, TypeError, ValueError) as e:
        # how PyYAML's constructors say that 2024-99-99 is no day and `!!bool x` no truth value
        raise yaml.YAMLError(f"a value does not fit its type ({e or type(e).__name__})") from e
    finally:
        loader.dispose()


def from_json(text: str | bytes) -> Any:
    """What `text` says.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or holds an integer of thousands of digits.
    """
    try:
        return json.loads(text)
    except RecursionError as e:
        raise ValueError("it is nested too deeply") from e


class _Loader(yaml.SafeLoader):
    """The safe loader with limits that are checked before any value is built."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.YAMLError(f"it is nested more than {DEEPEST} levels deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None and _values(node, {}) > MOST_VALUES:
            raise yaml.YAMLError(f"its aliases stand for more than {MOST_VALUES} values")
        return node

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if node.tag in _NUMBERS and len(value) > LONGEST_NUMBER:
            raise yaml.YAMLError(f"a number of {len(value)} characters is longer than {LONGEST_NUMBER}")
        return value


def _values(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Values below a node, aliases written out; `sizes` holds those of the nodes that were counted before."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in sizes:
        if not sizes[id(node)]:
            raise yaml.YAMLError("an alias stands inside of what it names")
        return sizes[id(node)]
    sizes[id(node)] = 0
    parts = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
    sizes[id(node)] = 1 + sum(_values(part, sizes) for part in parts)
    return sizes[id(node)]
