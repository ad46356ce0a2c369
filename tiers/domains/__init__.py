"""Domain packs: what a domain's texts look like, and which rules of L1 are its own."""

from functools import cache
from importlib.metadata import entry_points

from ..errors import InputError
from . import code, en, math, zh
from .pack import Pack

BUILT_IN = (code.PACK, math.PACK, zh.PACK, en.PACK)
GROUP = "coevo.domains"
"""Entry points of this group in an installed package are packs as well (docs/domains.md)."""


@cache
def packs() -> dict[str, Pack]:
    """All packs by name: the built-in ones, and those of installed packages.

    Raises:
        InputError: what a package offers is no pack, or has a name that is taken.
    """
    found = {pack.name: pack for pack in BUILT_IN}
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        offered = point.load()
        if not isinstance(offered, Pack):
            raise InputError(
                f"domain pack {point.value}: wanted a coevo.tiers.domains.Pack, got {type(offered).__name__}"
            )
        if offered.name in found:
            raise InputError(f"domain pack {point.value} is called {offered.name!r}, and so is another: rename it")
        found[offered.name] = offered
    return found


__all__ = ["BUILT_IN", "GROUP", "Pack", "packs"]
