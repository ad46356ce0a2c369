"""Shapley values of arms: one adapter an arm, subsets merged and measured; for reports, not for control."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from ..tiers.errors import InputError
from .feedback.credit import Credit, shapley


def adapter_credit(
    base: Path,
    adapters: Mapping[str, Path],
    measure: Callable[[Path], float],
    folder: Path,
    permutations: int = 20,
    seed: int = 0,
) -> dict[str, Credit]:
    """What every arm's adapter adds to a measure of the model, averaged over the orders in which they could be added.

    Adapters are added as weight deltas, one after the other: the mean of factors A and B is not the mean of BA
    (research/feedback.md 7.9). A subset is merged and measured once, and its folder is removed again.

    Args:
        base: folder of the base model.
        adapters: by arm, folder of the LoRA adapter that was trained on that arm alone.
        measure: a model folder's score; higher is better.
        folder: where merged models lie for as long as they are measured.
        permutations: orders drawn; about permutations * arms models are measured at most, and 2^arms.
        seed: of the orders.

    Raises:
        InputError: no adapter.
        TrainingError: a folder is not what it should be.
    """
    if not adapters:
        raise InputError("credit by merged adapters wants one adapter for each arm, got none")
    from ..training.merge import merge_adapter

    def value(members: frozenset[str]) -> float:
        model, made = base, list[Path]()
        for arm in sorted(members):
            name = hashlib.blake2b("+".join([*map(str, made), arm]).encode(), digest_size=8).hexdigest()
            model = merge_adapter(model, adapters[arm], folder / name)
            made.append(model)
        try:
            return measure(model)
        finally:
            for path in made:
                _remove(path)

    return shapley(value, sorted(adapters), permutations, seed)


def _remove(path: Path) -> None:
    from shutil import rmtree

    rmtree(path)
