"""A model server in the test process that speaks the OpenAI protocol and plays every way in which one can fail.

A script is a list of steps; the last one is repeated. A step answers one request through its `Handler`.
"""

import json
import math
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """One connection; a step writes the answer with `send`."""

    protocol_version = "HTTP/1.1"
    body: dict[str, Any]

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        step = self.script.received(self.path, dict(self.headers), self.body)
        try:
            step(self)
        except (BrokenPipeError, ConnectionResetError):  # the client hung up, or was killed
            self.close_connection = True

    def do_GET(self) -> None:
        self.body = {}
        self.script.steps[0](self)

    @property
    def script(self) -> "Server":
        assert isinstance(self.server, Server)
        return self.server

    def send(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        return


Step = Callable[[Handler], None]


class Server(ThreadingHTTPServer):
    """Answers by its steps and remembers what it was asked."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.steps: list[Step] = []
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    def received(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Step:
        with self.lock:
            self.requests.append((path, headers, body))
            return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # a client that hung up is what some tests are about

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.requests]


@contextmanager
def serving(*steps: Step) -> Iterator[Server]:
    """A server on the loopback that runs until the block ends."""
    with Server() as server:
        server.steps = list(steps)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


# ---- answers


def reply(status: int, body: Any, **headers: str) -> Step:
    """Any status with any body: bytes as they are, else as JSON."""
    return lambda h: h.send(status, body if isinstance(body, bytes) else json.dumps(body).encode(), **headers)


def answer(content: Any, usage: Mapping[str, int] | None = None, **more: Any) -> Step:
    """An answer in words; `more` are further fields of the choice."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop", **more}
    return reply(200, {"choices": [choice], "usage": usage or {"prompt_tokens": 100, "completion_tokens": 10}})


def logprobs(**tokens: float) -> Step:
    """An answer whose first token had these alternatives, by token text."""
    entries = [{"token": t, "logprob": p} for t, p in tokens.items()]
    return answer("yes", logprobs={"content": [{**entries[0], "top_logprobs": entries}]})


def yes(probability: float) -> Step:
    """A judge that says yes with a probability."""
    return logprobs(**{" yes": math.log(probability), " no": math.log(1 - probability)})


# ---- failures


def unpaid(handler: Handler) -> None:
    reply(402, {"error": {"message": "insufficient credit", "code": "insufficient_quota"}})(handler)


def hang_up(handler: Handler) -> None:
    """The connection is dropped before the first byte."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def cut_short(handler: Handler) -> None:
    """The connection is dropped in the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


def slow(seconds: float, then: Step) -> Step:
    """The first byte comes late."""

    def wait(handler: Handler) -> None:
        time.sleep(seconds)
        then(handler)

    return wait


def silent(handler: Handler) -> None:
    """No byte comes until the client hangs up."""
    handler.connection.recv(1)
    handler.close_connection = True


def dripping(handler: Handler) -> None:
    """A byte every tenth of a second, until the client hangs up."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        time.sleep(0.1)


def endless(size: int = 10 << 20) -> Step:
    """An answer of megabytes."""
    return reply(200, b'{"choices": "' + b"x" * size)


REFUSAL = reply(200, {"choices": [{"message": {"refusal": "I cannot"}}], "usage": {"prompt_tokens": 9}})
NO_CHOICE = reply(200, {"choices": []})
TRUNCATED = reply(200, b'{"choices": [{"mess')
WRONG_MODEL = reply(404, {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}})
PAGE = reply(200, b"<!doctype html><title>Welcome</title>", kind="text/html")
NAN = logprobs(yes=float("nan"), no=-1.0)
CHINESE = answer('{"steps": "我们先把两个数相加，然后再检查结果。", "answer": "四十二"}')
"""An answer in another language than the question's."""
PROSE = answer("I would rather talk about the weather.")
WRONG_SCHEMA = answer('{"verdict": "fine", "confidence": 0.9}')

FAILURES: dict[str, Step] = {
    "401": reply(401, {"error": {"message": "bad key"}}),
    "402": unpaid,
    "429": reply(429, b"busy"),
    "429 with Retry-After": reply(429, b"busy", Retry_After="1"),
    "500": reply(500, b"oops"),
    "silent": silent,
    "dripping": dripping,
    "dropped connection": hang_up,
    "cut short": cut_short,
    "truncated JSON": TRUNCATED,
    "wrong schema": WRONG_SCHEMA,
    "extra prose": PROSE,
    "empty choice": NO_CHOICE,
    "refusal": REFUSAL,
    "NaN logprobs": NAN,
    "wrong model name": WRONG_MODEL,
    "10 MB": endless(),
    "page": PAGE,
    "another language": CHINESE,
}
"""Every failure by name."""
FINAL = {"401", "402"}
"""Those after which a provider serves nobody any more."""


def failing(share: float, seed: int, names: list[str], well: Step) -> Step:
    """A `share` of the requests fails, each in one of the named ways; the others go `well`.

    Which ones is drawn from the seed, the question and how often it was asked: threads' timing changes nothing.
    """
    asked: Counter[str] = Counter()
    lock = threading.Lock()

    def step(handler: Handler) -> None:
        question = json.dumps(handler.body, sort_keys=True)
        with lock:
            asked[question] += 1
            drawn = random.Random(f"{seed} {asked[question]} {question}")
        (FAILURES[drawn.choice(names)] if drawn.random() < share else well)(handler)

    return step
