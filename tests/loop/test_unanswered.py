"""A run whose every call fails stops with the server's own sentence and exit code 2, and goes on once it is mended."""

import json
import math
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]
REFUSAL = "Unsupported value: 'seed_words' does not support your account"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send(200, {"data": []})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert isinstance(self.server, Judge)
        if not self.server.well:
            return self.send(400, {"error": {"message": REFUSAL}})
        self.server.answered += 1
        good = len(set(body["messages"][-1]["content"].split())) % 7 / 8 + 0.05
        top = [{"token": t, "logprob": math.log(p)} for t, p in ((" yes", good), (" no", 1 - good))]
        choice = {"message": {"content": " yes"}, "logprobs": {"content": [{**top[0], "top_logprobs": top}]}}
        return self.send(200, {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}})

    def send(self, status: int, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        return


class Judge(ThreadingHTTPServer):
    """A judge that refuses everything until it is `well`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.well = False
        self.answered = 0


@pytest.fixture
def judge() -> Iterator[Judge]:
    with Judge() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def test_it_stops_with_the_sentence_and_can_be_resumed(cli: Any, settings: list[str], judge: Judge) -> None:
    url = f"openai:m@http://127.0.0.1:{judge.server_address[1]}"
    begun = cli("run", "--name", "r", "--rounds", "1", *settings, "--set", f"agents.scorer={url}")
    assert begun.returncode == 2 and "Traceback" not in begun.stderr
    assert REFUSAL in begun.stderr and "Mend that, then resume" in begun.stderr
    judge.well = True
    resumed = cli.start("resume", "r")
    deadline = time.monotonic() + 120
    while judge.answered < 100 and resumed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    resumed.kill()
    _, told = resumed.communicate(60)
    assert judge.answered >= 100, told
