"""What holds for all tests: one thread a process, as in a run; no time limits of hypothesis; programs are forked."""

import os
from collections.abc import Iterator

import pytest
from filelock import FileLock
from hypothesis import settings

from coevo.loop.workers import THREADS

from .forks import Forks, common

os.environ.pop("COLUMNS", None)  # 80 in the processes of pytest-xdist; tests of widths set their own
os.environ.update(THREADS)  # before torch is imported: two threads on two busy cores wait for each other
settings.register_profile("coevo", deadline=None)
settings.load_profile("coevo")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with slow tests first: at the end all processes should have something to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """The server of forked programs, one for all test processes."""
    folder = common(tmp_path_factory)
    with FileLock(folder / "forks.lock"):
        forks = Forks(folder / "forks")
    yield forks
    forks.close()
