"""Every fault of a model server that the grid plays: what it sends, and what has to become of it."""

import gzip
import itertools
import json
import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import zstandard

from .server import Handler, Step, hang_up, reply

DEEP = 993
HUGE = int("9" * 400)
GOOD = {"choices": [{"message": {"content": '{"keep": true, "reason": "clear"}'}, "finish_reason": "stop"}]}


@dataclass(frozen=True)
class Fault:
    """One way to fail."""

    step: Step
    sentence: str
    """Part of what the user reads, as a regular expression."""
    passes: bool = True
    """Whether it is asked again."""


def raw(content: bytes, **headers: str) -> Step:
    return reply(200, content, **headers)


def choice(**fields: Any) -> Step:
    return reply(200, {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop", **fields}]})


def packed(pack: Callable[[bytes], bytes], coding: str) -> Step:
    """Some kB that unfold to 64 MiB, made when they are first sent."""
    body = cache(lambda: pack(b" " * (64 << 20)))
    return lambda handler: raw(body(), Content_Encoding=coding)(handler)


class Clock:
    """The wire's clock: it goes on when a fault says so, however busy the machine is."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now


CLOCK = Clock()
TIMEOUT = 30.0
"""Seconds that the grid's models wait for an answer."""


def drips(handler: Handler, *parts: bytes) -> None:
    """These parts one after the other, each after a tenth of the timeout, until the client hangs up."""
    for n in itertools.count():
        handler.wfile.write(parts[n % len(parts)])
        CLOCK.now += TIMEOUT / 10
        time.sleep(0.002)


def dripped_headers(handler: Handler) -> None:
    """Headers without end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    drips(handler, b"X-Odd: y\r\n", b"X-Even: y\r\n")


def dripped_informational(handler: Handler) -> None:
    """Promises that an answer will come."""
    drips(handler, b"HTTP/1.1 103 Early Hints\r\n\r\n")


def dripped_body(handler: Handler) -> None:
    """A body in chunks of one byte."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    drips(handler, b"1\r\n \r\n")


def no_http(handler: Handler) -> None:
    """Bytes of another protocol."""
    handler.wfile.write(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n")
    handler.close_connection = True


def wire(headers: bytes, status: bytes = b"200 OK") -> Step:
    """A good body behind a head that is written byte by byte; the connection ends after it, as the head announces."""

    def step(handler: Handler) -> None:
        head = b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n" + headers + b"\r\n"
        handler.wfile.write(head + json.dumps(GOOD).encode())
        handler.close_connection = True

    return step


def nested(depth: int) -> bytes:
    return b'{"choices": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


SLOW = "did not answer within agents.timeout_seconds"
FAULTS: dict[str, Fault] = {
    "choices null": Fault(reply(200, {"choices": None}), "held no choices"),
    "choices empty": Fault(reply(200, {"choices": []}), "held no choices"),
    "choices missing": Fault(reply(200, {}), "held no choices"),
    "choices text": Fault(reply(200, {"choices": "none"}), "held no choices"),
    "choice null": Fault(reply(200, {"choices": [None]}), "wanted an object, got nothing"),
    "message null": Fault(choice(message=None), "message: wanted an object"),
    "message text": Fault(choice(message="hi"), "message: wanted an object, got text"),
    "content number": Fault(choice(message={"content": 7}), "content: wanted text, got a number"),
    "content huge number": Fault(choice(message={"content": HUGE}), "content: wanted text, got a number"),
    "content object": Fault(choice(message={"content": {"text": "hi"}}), "content: wanted text, got an object"),
    "part null": Fault(choice(message={"content": [None]}), "wanted an object, got nothing"),
    "part without text": Fault(choice(message={"content": [{"type": "text"}]}), "wanted text, got nothing"),
    "refusal number": Fault(choice(message={"content": "{}", "refusal": 1}), "refusal: wanted text"),
    "finish number": Fault(choice(finish_reason=5), "finish_reason: wanted text"),
    "finish error": Fault(choice(finish_reason="error"), "broke off with finish_reason 'error'"),
    "finish resources": Fault(choice(finish_reason="insufficient_system_resource"), "broke off"),
    "error in choice": Fault(
        choice(error={"code": 502, "message": "Provider disconnected"}), "answered 502: 'Provider disconnected'"
    ),
    "error in 200": Fault(reply(200, {"error": {"message": "upstream", "code": 503}}), "answered 503: 'upstream'"),
    "error as text": Fault(reply(200, {"error": "overloaded, try again"}), "'overloaded, try again'"),
    "error code as text": Fault(reply(200, {"error": {"code": "429", "message": "slow"}}), "answered 429: 'slow'"),
    "error beside an answer": Fault(reply(200, GOOD | {"error": {"message": "partial"}}), "'partial'"),
    "object error": Fault(reply(200, {"object": "error", "message": "engine dead", "code": 500}), "'engine dead'"),
    "error in message": Fault(
        choice(message={"content": "{}", "error": {"message": "upstream died"}}), "'upstream died'"
    ),
    "no success": Fault(reply(200, GOOD | {"success": False, "message": "try later"}), "'try later'"),
    "alone": Fault(reply(200, {"code": 429, "msg": "slow down"}), "answered 429: 'slow down'"),
    "moved": Fault(reply(307, b"", Location="http://else/v1"), "it points to 'http://else/v1'", passes=False),
    "error nested": Fault(raw(b'{"error": {"code": 500, "message": ' + b"[" * DEEP + b"]" * DEEP + b"}}"), "answered"),
    "refused in 200": Fault(reply(200, {"error": {"code": 400, "message": "no such"}}), "'no such'", passes=False),
    "400": Fault(reply(400, {"error": {"message": "the prompt is too long"}}), "the prompt is too long", passes=False),
    "400 as detail": Fault(reply(400, {"detail": [{"msg": "too many messages"}]}), "too many messages", passes=False),
    "404": Fault(reply(404, {"error": {"message": "no model m"}}), "answered 404: 'no model m'", passes=False),
    "500": Fault(reply(500, b"oops"), "answered 500: 'oops'"),
    "429 forever": Fault(reply(429, b"{}", Retry_After="nan"), "answered 429"),
    "429 negative": Fault(reply(429, b"{}", Retry_After="-5"), "answered 429"),
    "429 past": Fault(reply(429, b"{}", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), "answered 429"),
    "429 words": Fault(reply(429, b"{}", Retry_After="soon, I hope"), "answered 429"),
    "429 year 99999": Fault(reply(429, b"{}", Retry_After="Fri, 31 Dec 99999 23:59:59 GMT"), "answered 429"),
    "429 infinite": Fault(reply(429, b"{}", Retry_After="1e999"), "answered 429"),
    "429 centuries": Fault(reply(429, b"{}", Retry_After="1e12"), "more than agents.max_wait_seconds", passes=False),
    "429 next century": Fault(
        reply(429, b"{}", Retry_After="Fri, 31 Dec 2199 23:59:59 GMT"), "more than agents.max_wait", passes=False
    ),
    "broken JSON": Fault(raw(b'{"choices": [{"mess'), "broken JSON"),
    "invalid UTF-8": Fault(raw(b'{"choices": "\xff\xfe"}'), "broken JSON"),
    "empty": Fault(raw(b""), "broken JSON"),
    "5000 digits": Fault(raw(b'{"id": ' + b"9" * 5000 + b"}"), "broken JSON"),
    "nested 993": Fault(raw(nested(DEEP)), "no choices|broken JSON"),
    "nested 100000": Fault(raw(nested(100_000)), "broken JSON"),
    "a list": Fault(raw(b"[1, 2]"), "does not speak the OpenAI protocol", passes=False),
    "a number": Fault(raw(b"1"), "does not speak the OpenAI protocol", passes=False),
    "null": Fault(raw(b"null"), "does not speak the OpenAI protocol", passes=False),
    "a page": Fault(raw(b"<html>hi</html>", kind="text/html"), "does not speak", passes=False),
    "surrogate error": Fault(raw(b'{"error": {"code": 500, "message": "half \\ud83d"}}'), r"half \?"),
    "no gzip": Fault(raw(b"garbage", Content_Encoding="gzip"), "no gzip"),
    "no deflate": Fault(raw(b"\x78\x9cgarbage", Content_Encoding="deflate"), "no deflate"),
    "no zstd": Fault(raw(b"garbage", Content_Encoding="zstd"), "no zstd"),
    "br": Fault(raw(b"\x0b\x02\x80hello\x03", Content_Encoding="br"), "content coding 'br'"),
    "cut gzip": Fault(raw(gzip.compress(json.dumps(GOOD).encode())[:-9], Content_Encoding="gzip"), "cut short"),
    "gzip bomb": Fault(packed(gzip.compress, "gzip"), "more than 4 MiB", passes=False),
    "deflate bomb": Fault(packed(zlib.compress, "deflate"), "more than 4 MiB", passes=False),
    "zstd bomb": Fault(packed(zstandard.compress, "zstd"), "more than 4 MiB", passes=False),
    "stacked bomb": Fault(
        packed(lambda text: gzip.compress(gzip.compress(text)), "gzip, gzip"), "more than 4 MiB", passes=False
    ),
    "nine codings": Fault(raw(b"x", Content_Encoding=", ".join(["gzip"] * 9)), "9 content codings"),
    "long": Fault(raw(b'{"a": "' + b"x" * (5 << 20) + b'"}'), "more than 4 MiB", passes=False),
    "events": Fault(
        raw(b'data: {"choices": []}\n\ndata: [DONE]\n\n', kind="text/event-stream"), "does not speak", passes=False
    ),
    "lines": Fault(raw(json.dumps(GOOD).encode() + b"\n" + json.dumps(GOOD).encode()), "broken JSON"),
    "Latin 1": Fault(raw(b'{"choices": [{"message": {"content": "caf\xe9"}}]}'), "broken JSON"),
    "204": Fault(reply(204, b""), "answered 204"),
    "303": Fault(reply(303, b"", Location="/else"), "it points to '/else'", passes=False),
    "304": Fault(reply(304, b""), "answered 304", passes=False),
    "521": Fault(reply(521, b"<html>down</html>"), "answered 521"),
    "unknown end": Fault(choice(finish_reason="pause_turn"), "broke off with finish_reason 'pause_turn'"),
    "a choice without message": Fault(reply(200, {"choices": [{"text": "{}"}]}), "message: wanted an object"),
    "a delta": Fault(reply(200, {"choices": [{"delta": {"content": "{}"}}]}), "message: wanted an object"),
    "another protocol": Fault(reply(200, {"content": [{"type": "text", "text": "{}"}]}), "held no choices"),
    "too long a length": Fault(wire(b"Content-Length: 9999\r\n"), "dropped the connection"),
    "too short a length": Fault(wire(b"Content-Length: 9\r\n"), "broken JSON|dropped the connection"),
    "two lengths": Fault(wire(b"Content-Length: 5\r\nContent-Length: 9\r\n"), "dropped the connection"),
    "odd chunks": Fault(wire(b"Transfer-Encoding: chunked\r\n"), "dropped the connection"),
    "long header": Fault(wire(b"X: " + b"y" * 200_000 + b"\r\n"), "dropped the connection"),
    "status 999": Fault(wire(b"Content-Length: 0\r\n", status=b"999 What"), "answered 999"),
    "status of letters": Fault(wire(b"", status=b"abc"), "dropped the connection"),
    "another protocol's switch": Fault(wire(b"Upgrade: x\r\n", status=b"101 Switching"), "dropped the connection"),
    "dripped headers": Fault(dripped_headers, SLOW),
    "dripped promises": Fault(dripped_informational, SLOW),
    "dripped body": Fault(dripped_body, SLOW),
    "hang up": Fault(hang_up, "dropped the connection"),
    "no HTTP": Fault(no_http, "dropped the connection"),
}
"""Faults by name; every one is of the server, none is an answer."""


def scored(logprobs: Any) -> Step:
    """An answer of one token with these log-probabilities."""
    return choice(message={"content": "yes"}, logprobs=logprobs)


def token(text: Any, logprob: Any, **more: Any) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, **more}


def top(*entries: dict[str, Any]) -> Step:
    return scored({"content": [{**entries[0], "top_logprobs": list(entries)}]})


UNSCORED: dict[str, Fault] = {
    "no logprobs": Fault(scored(None), "returned no logprobs", passes=False),
    "logprobs text": Fault(scored("many"), "returned no logprobs", passes=False),
    "content empty": Fault(scored({"content": []}), "returned no logprobs", passes=False),
    "NaN": Fault(top(token("yes", math.nan), token("no", -1.0)), "are no numbers", passes=False),
    "infinite": Fault(top(token("yes", math.inf), token("no", -1.0)), "are no numbers", passes=False),
    "huge integer": Fault(top(token("yes", HUGE), token("no", -1.0)), "are no numbers", passes=False),
    "probabilities": Fault(top(token("yes", 0.7), token("no", 0.2)), "add up to", passes=False),
    "all certain": Fault(top(token("yes", 0.0), token("no", 0.0)), "add up to", passes=False),
    "above nought": Fault(top(token("yes", 0.2), token("no", -4.0)), "above 0|add up to", passes=False),
    "one token": Fault(top(token("yes", -0.1)), "one token without alternatives", passes=False),
    "one token, certain": Fault(top(token("no", 0.0)), "one token without alternatives", passes=False),
    "logprob nothing": Fault(top(token("yes", -0.1), token("no", None)), "logprob: wanted a number, got nothing"),
    "logprob text": Fault(top(token("yes", "-0.1")), "logprob: wanted a number, got text"),
    "logprob true": Fault(top(token("yes", True)), "logprob: wanted a number, got true or false"),
    "token number": Fault(top(token(5, -0.1)), "token: wanted text, got a number"),
    "foreign options": Fault(
        reply(200, {"options": [-0.1, -3.0], "truncated": "many", **GOOD}), "returned no logprobs", passes=False
    ),
}
"""Faults of an answer to a question with options."""
