"""A server that has too much to do is asked less at a time, by all threads together, and more again as it answers."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from coevo.agents.backends.limiter import Limiter, limiter
from coevo.agents.chat import Message

from .asking import Verdict, answer, chat
from .server import Handler, Server, reply


def test_half_after_a_429_and_one_more_a_round_of_answers() -> None:
    now = [0.0]
    found = Limiter(8, clock=lambda: now[0])
    found.overloaded(0, 2.0)
    found.overloaded(0, 1.0)  # on its way when the first one came: not halved again
    assert found.limit == 4
    for _ in range(5):
        found.answered()
    assert found.limit == 5
    for _ in range(60):
        found.answered()
    assert found.limit == 8
    waits: list[float] = []
    with found.turn(waits.append) as entered:
        assert waits == [2.0] and entered == 1
    for entered in range(1, 6):
        found.overloaded(entered, 0.0)
    assert found.limit == 1, "one call always may"


def test_no_more_than_the_limit_run_at_once() -> None:
    found, busy, busiest, lock = Limiter(3), [0], [0], threading.Lock()

    def call(_: int) -> None:
        with found.turn(time.sleep):
            with lock:
                busy[0] += 1
                busiest[0] = max(busy[0], busiest[0])
            time.sleep(0.002)
            with lock:
                busy[0] -= 1

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(call, range(60)))
    assert busiest[0] == 3


def test_chats_with_one_server_share_its_limiter() -> None:
    one, other = limiter("http://a", 8), limiter("http://a", 8)
    assert one is other and one is not limiter("http://b", 8)


class Narrow:
    """Serves two requests at a time and says 429 to the third."""

    def __init__(self, retry_after: str = "") -> None:
        self.lock = threading.Lock()
        self.busy = 0
        self.refused = 0
        self.headers = {"Retry_After": retry_after} if retry_after else {}

    def __call__(self, handler: Handler) -> None:
        with self.lock:
            self.busy += 1
            full = self.busy > 2
            self.refused += full
        if not full:
            time.sleep(0.02)
        (reply(429, b"too many", **self.headers) if full else answer())(handler)
        with self.lock:
            self.busy -= 1


def ask_many(server: Server, count: int) -> int:
    model = chat(server, retries=5, concurrency=8, sleep=lambda s: time.sleep(s / 10))
    with closing(model), ThreadPoolExecutor(8) as threads:
        asked = [[Message(role="user", content=f"{i}?")] for i in range(count)]
        return sum(done.value.keep for done in threads.map(lambda a: model.complete(a, Verdict), asked))


def test_every_question_to_a_narrow_server_is_answered_with_few_refusals(server: Server) -> None:
    narrow = Narrow()
    server.steps = [narrow]
    assert ask_many(server, 80) == 80
    # eight threads that each only wait for themselves are refused over and over
    assert narrow.refused < 60


def test_all_threads_wait_when_one_is_asked_to(server: Server) -> None:
    moments: list[float] = []
    lock = threading.Lock()

    def first_refused(handler: Handler) -> None:
        with lock:
            moments.append(time.monotonic())
            first = len(moments) == 1
        (reply(429, b"", Retry_After="1") if first else answer())(handler)

    server.steps = [first_refused]
    with closing(chat(server, concurrency=4, sleep=time.sleep)) as model, ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(model.complete, [Message(role="user", content="0?")], Verdict)]
        time.sleep(0.2)
        futures += [threads.submit(model.complete, [Message(role="user", content=f"{i}?")], Verdict) for i in (1, 2, 3)]
        assert all(f.result().value.keep for f in futures)
    assert len(moments) == 5 and moments[1] - moments[0] >= 1.0
