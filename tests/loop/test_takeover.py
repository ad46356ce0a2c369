"""The newest model tries for roles in a real run: it is measured task by task, and what came of it is told."""

from types import SimpleNamespace

import pytest

from coevo.loop.nodes.posts import Post, scorer_of
from coevo.loop.run_db import RunDB
from coevo.loop.run_folder import RunFolder

pytestmark = pytest.mark.slow


def test_the_newest_model_is_measured_for_the_roles_it_may_take(cli, settings) -> None:  # type: ignore[no-untyped-def]
    made = cli("run", "--name", "t", "--rounds", "2", "--set", "agents.takeover=[scorer, editor]", *settings)
    assert made.returncode == 0, made.stderr
    with RunDB(cli.folder / "runs" / "t" / "run.db") as db:
        posts = {(n, p["role"]): Post.model_validate(p) for n in (0, 1, 2) for p in db.meta(f"posts-{n}")}
    assert posts[0, "scorer"].verdict is None  # there is no newer model yet
    for number in (1, 2):
        for role in ("scorer", "editor"):
            post = posts[number, role]
            assert post.verdict is not None and post.verdict.n > 2
            assert post.verdict.low <= post.verdict.difference <= post.verdict.high
            assert (post.model != "offline:") == post.verdict.takes_over
        assert posts[number, "editor"].model == "offline:"  # a model of a few thousand weights writes no edit program
        assert posts[number, "editor"].fit and posts[number, "verifier"].reason == "rules"
    with RunDB(cli.folder / "runs" / "t" / "run.db") as db:
        config = RunFolder(cli.folder / "runs" / "t").config()
        context = SimpleNamespace(db=db, config=config)
        for number in (0, 1, 2):  # who judges is who was found to, not who was configured
            assert scorer_of(context, number) == posts[number, "scorer"].model  # type: ignore[arg-type]
    page = (cli.folder / "runs" / "t" / "report.html").read_text()
    assert "Who played the roles" in page and "What the strategist proposed" in page
