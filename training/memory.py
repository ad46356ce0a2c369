"""Memory: what a run does when an update does not fit, and giving back what torch keeps for later."""

import gc

import torch

SAID = ("out of memory", "can't allocate memory", "not enough memory")
"""How torch words it where it has no exception of its own."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the accelerator's or the machine's memory was too small."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in SAID)


def give_back_memory() -> None:
    """Let go of the memory that nobody needs but torch keeps for later."""
    gc.collect()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
