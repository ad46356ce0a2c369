"""A model behind real HTTP: answers as an OpenAI-compatible server does, in words that a function gives."""

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Words = Callable[[str, str], Any]
"""From what was said and the name of the form that is wanted (`choose` for options) to the answer.

A mapping of options to probabilities, an object to be sent as JSON, or a text to be sent as it is.
"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert isinstance(self.server, ModelServer)
        content = json.dumps(self.server.reply(body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        return


class ModelServer(ThreadingHTTPServer):
    """Remembers what it was asked, in `said`, as pairs of the wanted form and the words."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, words: Words) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.words = words
        self.said: list[tuple[str, str]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # a client that hung up

    @property
    def url(self) -> str:
        return f"openai:m@http://127.0.0.1:{self.server_address[1]}"

    def reply(self, body: dict[str, Any]) -> dict[str, Any]:
        form = "choose" if "logprobs" in body else body["response_format"]["json_schema"]["name"]
        said = body["messages"][-1]["content"]
        self.said.append((form, said))
        answer = self.words(said, form)
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant"}}
        if form == "choose":
            top = [{"token": t, "logprob": math.log(max(p, 1e-9))} for t, p in answer.items()]
            choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
            choice["message"]["content"] = top[0]["token"]
        else:
            choice["message"]["content"] = answer if isinstance(answer, str) else json.dumps(answer)
        return {"choices": [choice], "usage": {"prompt_tokens": 100, "completion_tokens": 10}}


@contextmanager
def serving(words: Words) -> Iterator[ModelServer]:
    """A server that answers with `words`, as long as the context lasts."""
    with ModelServer(words) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()
