"""A mechanism from outside: nothing is called before it is seen to be one, and one that loses its state is refused."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coevo.loop.feedback import MECHANISMS, create
from coevo.loop.feedback.mechanism import Mechanism
from coevo.loop.feedback.rehearsal import rehearse
from coevo.tiers.errors import InputError
from tests.loop.feedback.rounds import ARMS, made_for, published

HEAD = """
import numpy as np
from coevo.loop.feedback.base import Base


class Mine(Base):
    name = "mine"
    {remembers}

    def __init__(self, config, arms, seed):
        super().__init__(config, arms, seed)
        {begin}

    def plan(self, context):
        {plan}
        return context.reference, (), "nothing"

    def observe(self, evidence):
        {observe}
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a module into the working folder and gives the name of its class."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text: str) -> str:
        name = f"foreign_{abs(hash((str(tmp_path), text)))}"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return f"{name}:Mine"

    return write


def mechanism(remembers: str = "pass", begin: str = "pass", plan: str = "pass", observe: str = "pass") -> str:
    return HEAD.format(remembers=remembers, begin=begin, plan=plan, observe=observe)


NO_MECHANISM = [
    *("os:system", "builtins:exec", "subprocess:run", "subprocess:Popen", "collections:deque", "builtins:object"),
    *("os:path", "shutil:rmtree", "coevo.loop.lab.planted:PlantedWorld", "coevo.loop.feedback:create"),
]


@pytest.mark.parametrize("name", NO_MECHANISM)
def test_nothing_is_called_before_it_is_seen_to_be_a_mechanism(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    for module, attribute in (("os", "system"), ("subprocess", "run"), ("shutil", "rmtree")):
        monkeypatch.setattr(f"{module}.{attribute}", lambda *a, **k: calls.append(a))
    with pytest.raises(InputError, match="was not called"):
        create(published(name), ARMS, 0)
    assert calls == []


def test_a_class_without_the_methods_is_not_even_made(written: Callable[..., str], tmp_path: Path) -> None:
    text = "import pathlib\n\nclass Mine:\n    def __init__(self, *a):\n        pathlib.Path('made').touch()\n"
    with pytest.raises(InputError, match="no method plan, observe, posterior, state_dict, load_state_dict"):
        create(published(written(text)), ARMS, 0)
    assert not (tmp_path / "made").exists()


def test_the_working_folder_can_be_imported_from(written: Callable[..., str]) -> None:
    assert create(published(written(mechanism())), ARMS, 0).name == "mine"


@pytest.mark.parametrize("name", ["no_such_module:Mine", ":Mine", "..up:Mine", "os:", "os:nothing", "a b:c", "x:y:z"])
def test_what_cannot_be_imported_names_the_folder_and_the_path(name: str, written: Callable[..., str]) -> None:
    with pytest.raises(InputError) as caught:
        create(published(name), ARMS, 0)
    assert str(Path.cwd()) in str(caught.value)
    assert "PYTHONPATH" in str(caught.value)
    assert next(p for p in sys.path if "site-packages" in p) in str(caught.value)


BEGINNINGS = ["raise SystemExit(3)", "raise ValueError('half \\ud83d')", "raise StopIteration", "raise GeneratorExit"]


@pytest.mark.parametrize("begin", BEGINNINGS)
def test_one_that_cannot_be_made_is_one_sentence(begin: str, written: Callable[..., str]) -> None:
    with pytest.raises(InputError, match="cannot be called with") as caught:
        create(published(written(mechanism(begin=begin))), ARMS, 0)
    str(caught.value).encode()


@pytest.mark.parametrize("text", ["raise SystemExit(3)", "1/0", "def broken(:", "import no_such_module_at_all"])
def test_a_module_that_fails_as_it_is_imported_is_one_sentence(text: str, written: Callable[..., str]) -> None:
    with pytest.raises(InputError, match="importable module:Class, got"):
        create(published(written(text)), ARMS, 0)


FORGETFUL = {
    "a number": mechanism(begin="self.rounds = 0", plan="self.rounds += 1"),
    "a private array": mechanism(begin="self._total = np.zeros(2)", observe="self._total = self._total + 1"),
    "an array in place": mechanism(begin="self.total = np.zeros(2)", observe="self.total += 1"),
    "a list": mechanism(begin="self._gains = []", observe="self._gains.append(1.0)"),
    "a table": mechanism(begin="self.seen = {}", observe="self.seen[evidence.round] = 1"),
    "one of two": mechanism("remembers = ('a',)", "self.a = self.b = 0.0", "self.a += 1; self.b += 1"),
    "a stream of random numbers": mechanism(
        begin="self.rng = np.random.default_rng(seed)",
        plan="return self.rng.dirichlet(np.ones(len(self.arms))), (), 'a draw'",
    ),
    "no such attribute": mechanism("remembers = ('totl',)", "self.total = 0.0", observe="self.total += 1"),
    "one word, not a tuple of words": mechanism("remembers = ('total')", "self.total = 0.0"),
    "no JSON": mechanism("remembers = ('seen',)", "self.seen = set()", observe="self.seen.add(1)"),
    "not finite": mechanism("remembers = ('x',)", "self.x = 0.0", observe="self.x = float('inf')"),
    "keys that JSON turns into words": mechanism("remembers = ('x',)", "self.x = {}", "self.x[context.round] = 1.0"),
}


@pytest.mark.parametrize("text", [pytest.param(text, id=fault) for fault, text in FORGETFUL.items()])
def test_one_that_loses_its_state_is_refused(text: str, written: Callable[..., str]) -> None:
    with pytest.raises(InputError, match=r"does not keep its state.*remembers"):
        create(published(written(text)), ARMS, 0)


def test_one_that_remembers_or_only_keeps_a_cache_is_taken(written: Callable[..., str]) -> None:
    text = mechanism("remembers = ('total',)", "self.total = np.zeros(2); self._cache = None", "self._cache = 3")
    assert create(published(written(text.replace("        pass\n", "        self.total += 1\n"))), ARMS, 0)


@pytest.mark.parametrize("name", MECHANISMS)
def test_ours_keep_theirs(name: str) -> None:
    mode, config, played = made_for(name), published(name), list[Mechanism]()

    def make() -> Mechanism:
        played.append(create(config, ARMS, 0, mode))
        return played[-1]

    rehearse(make, config, ARMS, mode)
    one, other = (json.dumps(mechanism.state_dict(), sort_keys=True) for mechanism in played)
    assert one == other
