"""GPU time: which devices were busy and when, noted where the work is done, whatever a setting calls the device."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Busy(NamedTuple):
    """One device at work, in seconds of the machine's monotonic clock, which all its processes share."""

    device: int
    began: float
    ended: float


_notes: list[Busy] = []
_lock = threading.Lock()


def note(stretches: Iterable[Busy]) -> None:
    """Remember stretches until they are `taken`."""
    with _lock:
        _notes.extend(stretches)


def taken() -> list[Busy]:
    """What was noted in this process since the last call."""
    with _lock:
        found, _notes[:] = list(_notes), []
    return found


def seconds(stretches: Iterable[Busy]) -> float:
    """Seconds of all devices together; what overlaps on one device counts once."""
    total, device, until = 0.0, -1, 0.0
    for one in sorted(stretches):
        if one.device != device:
            device, until = one.device, one.began
        total += max(0.0, one.ended - max(until, one.began))
        until = max(until, one.ended)
    return total


@contextmanager
def busy(devices: Iterable[int]) -> Iterator[None]:
    """Note devices that another process, which this one started, works on meanwhile."""
    held, began = list(devices), time.monotonic()
    try:
        yield
    finally:
        ended = time.monotonic()
        note(Busy(d, began, ended) for d in held)


@contextmanager
def watched() -> Iterator[None]:
    """Note the devices in whose memory this process had anything meanwhile."""
    began = time.monotonic()
    _forget_peaks()
    try:
        yield
    finally:
        ended = time.monotonic()
        note(Busy(d, began, ended) for d in _devices_used())


def visible(most: int) -> range:
    """Up to so many of the devices that torch sees; none without a GPU, and nothing is started on them."""
    import torch

    return range(min(most, torch.cuda.device_count()))


def _forget_peaks() -> None:
    cuda = _cuda()
    for device in range(cuda.device_count()) if cuda else ():
        cuda.reset_peak_memory_stats(device)


def _devices_used() -> list[int]:
    cuda = _cuda()
    return [d for d in range(cuda.device_count()) if cuda.max_memory_allocated(d) > 0] if cuda else []


def _cuda() -> Any:
    """torch.cuda where this process has begun to use it: asking is no reason to import torch or to wake a GPU."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized() else None
