"""Specs: worlds and mechanisms as they are written on a command line, `name,key=value,...`, and what they stand for."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import yaml

from ...tiers.errors import InputError
from ...tiers.plain import from_yaml
from ..named import named
from .calibration import Calibration
from .checks import check_seed, check_world, within
from .embedded import EmbeddedWorld
from .planted import PlantedWorld
from .replay import ReplayWorld
from .world import World

WORLDS: dict[str, Callable[..., World]] = {
    "planted": PlantedWorld,
    "null": partial(PlantedWorld, null=True),
    "trap": partial(PlantedWorld, trap=4.0),
    "drift": partial(PlantedWorld, drift=0.1),
    "embedded": EmbeddedWorld,
    "embedded-null": partial(EmbeddedWorld, null=True),
    "replay": ReplayWorld,
}
"""Worlds by name; each is called with (seed, **settings)."""


def parse(spec: str) -> tuple[str, dict[str, Any]]:
    """The name and the settings of `name,key=value,...`; a value is YAML, a dotted key a group.

    Raises:
        InputError: not so written.
    """
    name, *parts = _split(spec)
    tree: dict[str, Any] = {}
    for part in parts:
        key, eq, value = part.partition("=")
        if not eq or not key:
            raise InputError(f"{spec!r}: wanted name,key=value,... such as planted,drift=0.1, got {part!r}")
        *groups, leaf = key.strip().split(".")
        inner = tree
        for group in groups:
            inner = inner.setdefault(group, {})
        try:
            inner[leaf] = from_yaml(value)
        except yaml.YAMLError as e:
            raise InputError(f"{spec!r}: {key} wants a YAML value such as 0.1 or true, got {value!r}") from e
    return name.strip(), tree


def make_world(spec: str, seed: int) -> World:
    """The world that a spec names: one of `WORLDS`, or `module:Class` of one's own.

    Raises:
        InputError: no such world, or settings that it does not take.
    """
    name, given = parse(spec)
    check_seed(seed)
    factory = named(name, WORLDS, "world", _lacks)
    lasting = given.pop("lasting", None)
    if isinstance(given.get("calibration"), dict):
        given["calibration"] = _calibration(spec, given["calibration"])
    try:
        world = factory(seed, **given)
    except InputError:
        raise
    except Exception as e:  # whatever a constructor does, it is the spec that has to change
        raise InputError(f"world {spec!r} cannot be made: {e} (docs/lab.md says what it takes)") from e
    if lasting is not None:
        within(name, lasting=(lasting, 0, 1))
        world.lasting = float(lasting)
    check_world(world, spec)
    return world


def _lacks(kind: type) -> str:
    """What a class is missing to be a world; empty where nothing is."""
    if not issubclass(kind, World):
        return "wanted a subclass of coevo.loop.lab.world.World (docs/lab.md)"
    missing = sorted(getattr(kind, "__abstractmethods__", ()))
    return f"it does not say {', '.join(missing)} (docs/lab.md)" if missing else ""


def _split(spec: str) -> list[str]:
    """At commas outside brackets."""
    parts, depth = [""], 0
    for c in spec:
        depth += (c in "[{") - (c in "]}")
        if c == "," and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return parts


def _calibration(spec: str, given: dict[str, Any]) -> Calibration:
    tidy: dict[str, Any] = {
        k: tuple(tuple(r) if isinstance(r, list) else r for r in v) if isinstance(v, list) else v
        for k, v in given.items()
    }
    try:
        return replace(Calibration(), **tidy)
    except (TypeError, ValueError) as e:
        raise InputError(f"world {spec!r}: {e}; a calibration has {', '.join(Calibration.__annotations__)}") from e
