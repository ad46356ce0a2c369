"""Weights: a folder of them is read as safetensors or not at all, because a pickle runs what its author pleases."""

from pathlib import Path

from .errors import InputError

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def refuse_pickles(folder: Path | str) -> None:
    """See that a folder's weights, where it is a folder of this machine, are safetensors.

    Raises:
        InputError: it holds pickled weights and no safetensors.
    """
    place = Path(folder)
    if not place.is_dir() or any(place.glob("*.safetensors")):
        return
    pickled = sorted(path.name for pattern in PICKLES for path in place.glob(pattern))
    if pickled:
        raise InputError(
            f"{place} holds its weights as a pickle ({pickled[0]}), which is not read because it may run code: "
            "save them as safetensors (save_pretrained does)"
        )
