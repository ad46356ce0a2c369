"""Questions a second through the pool, against a plain asynchronous load generator at the same concurrency.

A scripted model server in a process of its own answers after a fixed latency and has room for everybody: what is lost
is lost by the client. Ours is `pool.run` over a role that asks for a validated object, with the journal on disk,
retries and the limiter; the peers send the same bytes from an asyncio loop with a semaphore and only read the answers:
httpx as ours, and aiohttp, on which `vllm bench serve` is built. Alternating runs, medians of the paired ratios.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from coevo.agents import pool
from coevo.agents.agent import Agent
from coevo.agents.backends import open_chat
from coevo.agents.backends.openai import PATH
from coevo.agents.chat import Chat, Message
from coevo.agents.journal import Journal
from coevo.tiers.decision import Action, Decision
from coevo.tiers.document import Document
from coevo.tiers.record import Record
from coevo.tiers.tier import Tier

LATENCY = 0.05
"""Seconds until the server answers."""
ANSWER = {
    "choices": [{"message": {"role": "assistant", "content": '{"keep": true, "reason": "clear"}'}}],
    "usage": {"prompt_tokens": 400, "completion_tokens": 12},
}
TEXT = "A pump lifts 15 litres a minute, and the tank holds 240 litres. " * 24


class Verdict(Record):
    """What is asked for."""

    keep: bool
    reason: str


class Judge(Agent):
    """One question a document."""

    role, stage, rule = "judge", "score", "rule"

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """Whether to keep each."""
        return [self.attempt(d, lambda d=d: self._one(d)) for d in documents]  # type: ignore[misc]

    def _one(self, document: Document) -> Decision:
        done = self.chat.complete([Message(role="user", content=document.text)], Verdict)
        return self.decision(document, Action.SCORE, done.value.reason, usage=done.usage)


async def serve() -> None:
    """Answer every POST after LATENCY, on as many connections as come."""
    body = json.dumps(ANSWER).encode()
    reply = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-len")
                )
                await reader.readexactly(length)
                await asyncio.sleep(LATENCY)
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def texts(count: int, salt: str) -> list[Document]:
    """Documents that nobody has asked about."""
    named = [f"{salt}{i}" for i in range(count)]
    return [Document(id=n, text=f"{n} {TEXT}", domain="en", tier=Tier.L1, source="s") for n in named]


def ours(base: str, concurrency: int, documents: list[Document]) -> float:
    """Questions a second through the pool, everything recorded."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder, "calls.db"), scope="bench") as journal:
        chat: Chat = open_chat(f"openai:m@{base}", journal=journal, concurrency=concurrency)
        start = time.perf_counter()
        decisions = pool.run(Judge(chat, round=0), documents, concurrency=concurrency)
        seconds = time.perf_counter() - start
        assert all(d.action is Action.SCORE for d in decisions), decisions[0]
    return len(documents) / seconds


def bodies(documents: list[Document]) -> list[dict[str, Any]]:
    """What ours sends."""
    form = {"name": "Verdict", "schema": Verdict.model_json_schema(), "strict": True}
    shared = {"model": "m", "temperature": 0, "max_tokens": 1024}
    shared["response_format"] = {"type": "json_schema", "json_schema": form}
    return [{**shared, "messages": [{"role": "user", "content": d.text}]} for d in documents]


def generate(post: Callable[[dict[str, Any]], Any], concurrency: int, asked: list[dict[str, Any]]) -> Any:
    """All requests, at most `concurrency` of them at a time."""
    gate = asyncio.Semaphore(concurrency)

    async def one(body: dict[str, Any]) -> None:
        async with gate:
            await post(body)

    return asyncio.gather(*map(one, asked))


async def by_httpx(url: str, concurrency: int, asked: list[dict[str, Any]]) -> float:
    """Seconds that all requests take with httpx."""
    import httpx

    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def post(body: dict[str, Any]) -> None:
            (await client.post(url, json=body)).raise_for_status().json()

        start = time.perf_counter()
        await generate(post, concurrency, asked)
        return time.perf_counter() - start


async def by_aiohttp(url: str, concurrency: int, asked: list[dict[str, Any]]) -> float:
    """Seconds that all requests take with aiohttp."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

        async def post(body: dict[str, Any]) -> None:
            async with session.post(url, json=body) as response:
                response.raise_for_status()
                await response.json()

        start = time.perf_counter()
        await generate(post, concurrency, asked)
        return time.perf_counter() - start


PEERS = {"asyncio + httpx": by_httpx, "asyncio + aiohttp": by_aiohttp}


def compare(base: str, concurrency: int, repeats: int, seconds: float) -> list[dict[str, Any]]:
    """One JSON line a peer."""
    count = max(8, int(concurrency * seconds / LATENCY))
    mine: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in PEERS}
    for n in range(repeats):
        documents = texts(count, f"{concurrency}-{n}-")
        mine.append(ours(base, concurrency, documents))
        for name, peer in PEERS.items():
            theirs[name].append(count / asyncio.run(peer(f"{base}/v1{PATH}", concurrency, bodies(documents))))
    ideal = concurrency / LATENCY
    print(f"{concurrency:5} {ideal:9.0f} {statistics.median(mine):9.1f}", end="")
    lines = []
    for name, some in theirs.items():
        ratios = sorted(a / b for a, b in zip(mine, some, strict=True))
        print(f" {statistics.median(some):9.1f} {statistics.median(ratios):6.3f}", end="")
        line = {"name": "pool", "ours": round(statistics.median(mine), 1), "peer": round(statistics.median(some), 1)}
        line |= {"ratio": round(statistics.median(ratios), 3), "unit": "calls/s (higher is better)", "peer_name": name}
        line |= {"n": repeats, "spread": [round(ratios[0], 3), round(ratios[-1], 3)], "concurrency": concurrency}
        lines.append(line | {"latency_s": LATENCY, "calls": count})
    print()
    return lines


def main() -> None:
    """Print a table, and a JSON line for every concurrency and peer."""
    parser = argparse.ArgumentParser(description="Questions a second through the pool against a plain load generator")
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: three alternations of one second")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
    repeats, seconds = (3, 1.0) if options.quick else (5, 3.0)
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            base = f"http://127.0.0.1:{int(server.stdout.readline())}"
            ours(base, 8, texts(40, "warm-"))
            print(f"{LATENCY * 1000:.0f} ms a call; calls a second")
            print(" at a time    ideal      ours" + "".join(f" {name:>16}" for name in PEERS))
            lines = [line for n in (1, 8, 32) for line in compare(base, n, repeats, seconds)]
        finally:
            server.terminate()
    for line in lines:
        print(json.dumps(line))


if __name__ == "__main__":
    main()
