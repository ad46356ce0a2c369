"""A model server for every test that asks for one, and a key that must never be shown."""

from collections.abc import Iterator

import pytest

from .asking import KEY
from .server import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return KEY
