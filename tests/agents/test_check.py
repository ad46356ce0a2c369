"""Whether there is a model server at all, asked once before anything is spent."""

from contextlib import closing

import pytest

from coevo.agents.backends import check
from coevo.tiers.errors import AgentError, SpendingError

from .asking import chat
from .server import Handler, Server, reply


def without_list(handler: Handler) -> None:
    """A server that has no list of models, but looks at questions."""
    handler.send(404 if handler.command == "GET" else 400, b"{}")


def test_check_tells_a_model_server_from_others(server: Server) -> None:
    with closing(chat(server)) as model:
        for fine in (reply(200, {"data": []}), without_list, reply(500, b"")):
            server.steps = [fine]
            check(model)
        server.steps = [reply(404, b"{}")]
        with pytest.raises(AgentError, match="neither /models nor /chat/completions"):
            check(model)
        server.steps = [reply(200, b"<html>")]
        with pytest.raises(AgentError, match="does not speak"):
            check(model)
        server.steps = [reply(401, b"{}")]
        with pytest.raises(SpendingError):
            check(model)


def test_a_model_that_the_server_does_not_know_is_named_before_any_work(server: Server) -> None:
    def knows(handler: Handler) -> None:
        if handler.command == "GET":
            return handler.send(200, b'{"data": [{"id": "qwen3-4b"}, {"id": "llama"}]}')
        return handler.send(404, b'{"error": {"message": "The model does not exist"}}')

    server.steps = [knows]
    with closing(chat(server, model="qwen3-4B")) as model:
        with pytest.raises(AgentError, match=r"has no model 'qwen3-4B': did you mean 'qwen3-4b'\? It lists"):
            check(model)
        assert server.bodies() == [{"model": "qwen3-4B", "messages": []}], "nothing was asked that costs"
    with closing(chat(server, model="llama")) as model:
        check(model)
        assert len(server.bodies()) == 1
