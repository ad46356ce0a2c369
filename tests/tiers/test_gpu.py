"""GPU time is what devices were busy, each second of each device once."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.tiers import gpu
from coevo.tiers.gpu import Busy


@pytest.mark.parametrize(
    ("stretches", "seconds"),
    [
        ([], 0),
        ([(0, 0, 10)], 10),
        ([(0, 0, 10), (0, 5, 15)], 15),  # two workers share a device
        ([(0, 0, 10), (0, 2, 3)], 10),
        ([(0, 0, 10), (1, 0, 10)], 20),  # two devices
        ([(0, 0, 10), (0, 20, 30)], 20),
        ([(d, 0, 7) for d in range(8)], 56),
    ],
)
def test_devices_add_up_and_overlaps_do_not(stretches: list[tuple[int, float, float]], seconds: float) -> None:
    assert gpu.seconds(Busy(*s) for s in stretches) == seconds


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(0, 20)), max_size=20))
def test_it_is_the_number_of_busy_device_seconds(drawn: list[tuple[int, int, int]]) -> None:
    stretches = [Busy(d, began, began + length) for d, began, length in drawn]
    ticks = {(s.device, t) for s in stretches for t in range(int(s.began), int(s.ended))}
    assert gpu.seconds(stretches) == len(ticks)


class Cuda:
    """Stands for torch.cuda on a machine with three GPUs, of which some hold memory."""

    def __init__(self, used: set[int]) -> None:
        self.used, self.peaks = used, dict.fromkeys(range(3), 0)

    def device_count(self) -> int:
        return 3

    def reset_peak_memory_stats(self, device: int) -> None:
        self.peaks[device] = 0

    def max_memory_allocated(self, device: int) -> int:
        return self.peaks[device]

    def work(self) -> None:
        self.peaks.update(dict.fromkeys(self.used, 1000))
        time.sleep(0.05)


@pytest.mark.parametrize("used", [set(), {0}, {1}, {0, 2}])
def test_what_is_watched_is_the_devices_that_held_memory(used: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Cuda(used)
    cuda.peaks[2] = 77  # of earlier work
    monkeypatch.setattr(gpu, "_cuda", lambda: cuda)
    gpu.taken()
    with gpu.watched():
        cuda.work()
    found = gpu.taken()
    assert {b.device for b in found} == used
    assert all(b.ended - b.began >= 0.05 for b in found)
    assert gpu.taken() == []


def test_without_a_gpu_nothing_is_noted_and_failures_are() -> None:
    gpu.taken()
    with gpu.watched():
        time.sleep(0.01)
    assert gpu.taken() == []

    def fail(held: Any) -> None:
        with gpu.busy(held):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail([0, 1])
    assert len(gpu.taken()) == 2
