"""A run small enough for a test: real text of this machine, a real model of a few thousand weights, every node."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from ..forks import Forked, Forks, common

SMALL = {
    "ingest": "{max_documents: 400, max_bytes: 260000, min_bytes: 5000, document_bytes: 1500}",
    "holdout": "{feedback: 0.2, hidden: 0.2}",
    "curation": "{score: 90, edit: 30, synthesize: 60, verify: 30}",
    "model": "{vocab: 512, hidden: 32, layers: 2, heads: 1, intermediate: 64, block: 128, steps: 12, batch: 4,"
    " dtype: float32}",
    "training": "{steps: 6, batch: 4, min_blocks: 2, dtype: float32}",
    "evaluation": "{bpb_items: 12, bpb_bytes: 128, cloze_items: 12, cloze_context_bytes: 40, cloze_choice_bytes: 16,"
    " arithmetic_items: 12, min_items: 4, min_clusters: 2, aa_runs: 3}",
    "workers": "2",
}


@pytest.fixture(scope="session")
def settings() -> list[str]:
    """`--set` arguments of the small run."""
    return [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of base models for all tests."""
    cache = common(tmp_path_factory) / "cache"
    cache.mkdir(exist_ok=True)
    return cache


class Cli:
    """The command line as a user runs it, in a process of its own; forked, so that it does not wait for imports."""

    def __init__(self, folder: Path, cache: Path, forks: Forks) -> None:
        self.folder = folder
        self.forks = forks
        self.env = {**os.environ, "COEVO_CACHE": str(cache), "COLUMNS": "160"}

    def command(self, *arguments: str) -> list[str]:
        """What is typed."""
        return [sys.executable, "-m", "coevo.loop", *arguments]

    def start(self, *arguments: str, start_new_session: bool = False) -> Forked:
        """The running process, its output to be read line by line."""
        return self.forks.start(arguments, self.folder, self.env, start_new_session=start_new_session)

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The finished process."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate(600)
        return subprocess.CompletedProcess(self.command(*arguments), process.wait(1), stdout, stderr)

    def own_process(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The finished process, started by the interpreter and not by a fork, its workers as well."""
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.env, text=True, capture_output=True, timeout=600
        )


@pytest.fixture
def cli(tmp_path: Path, cache: Path, forks: Forks) -> Cli:
    """The command line in an empty folder."""
    return Cli(tmp_path, cache, forks)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, cache: Path, settings: list[str], forks: Forks) -> Cli:
    """A folder with the small run `whole`, two rounds, done without interruption; each test process has a copy."""
    whole = common(tmp_path_factory) / "whole"
    with FileLock(f"{whole}.lock"):
        if not whole.exists():
            new = Cli(tmp_path_factory.mktemp("new"), cache, forks)
            done = new.own_process("run", "--name", "whole", "--rounds", "2", *settings)
            assert done.returncode == 0, done.stderr
            new.folder.rename(whole)
    return Cli(shutil.copytree(whole, tmp_path_factory.mktemp("finished"), dirs_exist_ok=True), cache, forks)
