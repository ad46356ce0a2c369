"""Wire: one HTTP exchange with a total deadline, whose answer is read to a limit and no further."""

import threading
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore

from .decoding import TooLong, Undecodable, decoded

CONNECT_SECONDS = 10.0
WRITE_BYTES = 16 << 10
MAX_BODY_BYTES = 4 << 20
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Unreachable(Exception):
    """No connection came about."""


class TooSlow(Exception):
    """The exchange was not over at its deadline."""


class Dropped(Exception):
    """The connection ended, or what came over it is no HTTP."""


@dataclass(frozen=True)
class Received:
    """A response that was read to its end."""

    status: int
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes
    """Without its content codings."""

    @property
    def ok(self) -> bool:
        """Whether the status says that all went well."""
        return 200 <= self.status < 300


class Wire:
    """Connections to one server; threads may share them.

    Timeouts of a socket begin anew with every byte, so a server that sends one now and then would hold a thread for
    ever. Here every read and write of an exchange gets what is left of one deadline: for connecting, the headers and
    the body together. Only the look-up of a host's name is the system's own affair.
    """

    def __init__(self, base: str, headers: dict[str, str], timeout_seconds: float, connections: int) -> None:
        # identity: nothing is gained by packing a few kB, and an unasked coding is undone within a limit
        self._headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "coevo", **headers}
        self._base = base
        self._timeout = timeout_seconds
        self._backend = _Backend()
        self._pool = _pool(base, connections, self._backend)

    def exchange(self, method: str, path: str, content: bytes | None) -> Received:
        """What the server answers.

        Raises:
            Unreachable: no connection came about.
            TooSlow: the answer was not whole within the timeout.
            Dropped: the connection ended before, or what was sent is no HTTP.
            Undecodable: the body is not in the coding that the header names.
            TooLong: the body has more than MAX_BODY_BYTES.
        """
        headers = self._headers | ({"content-type": "application/json"} if content is not None else {})
        self._backend.begin(self._timeout)
        try:
            with self._pool.stream(method, self._base + path, headers=_raw(headers), content=content) as response:
                names = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in response.headers}
                body = _whole(response.iter_stream())
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.ProxyError) as error:
            raise Unreachable(_words(error)) from error
        except httpcore.TimeoutException as error:
            raise TooSlow from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise Dropped(_words(error)) from error
        if not self._backend.reads:  # what was left over from the exchange before answers another question
            raise Dropped("it had answered before it was asked")
        return Received(response.status, names, _plain(body, names.get("content-encoding", "")))

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.close()


def _plain(body: bytes, codings: str) -> bytes:
    try:
        return decoded(body, codings, MAX_BODY_BYTES)
    except Undecodable:
        if body.lstrip()[:1] == b"{":  # JSON as it is, under a header that is wrong
            return body
        raise


def _whole(pieces: Iterable[bytes]) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > MAX_BODY_BYTES:
            raise TooLong
    return bytes(content)


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("utf-8", "replace")) for name, value in headers.items()]


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _pool(base: str, connections: int, backend: "_Backend") -> httpcore.ConnectionPool:
    options: dict[str, Any] = {
        "max_connections": connections,
        "max_keepalive_connections": connections,
        "keepalive_expiry": 5.0,
        "network_backend": backend,
    }
    parts = urlsplit(base)
    if parts.scheme == "https":
        import httpx  # its context knows certifi's authorities, SSL_CERT_FILE and SSL_CERT_DIR

        options["ssl_context"] = httpx.create_ssl_context()
    proxy = _proxy(parts.scheme, parts.hostname or "")
    return httpcore.ConnectionPool(proxy=proxy, **options)


def _proxy(scheme: str, host: str) -> httpcore.Proxy | None:
    """The proxy that the environment names for a host; none is asked for this machine."""
    if host in LOOPBACK or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    url = proxies.get(scheme) or proxies.get("all")
    if not url:
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    login = (parts.username, parts.password or "") if parts.username else None
    port = f":{parts.port}" if parts.port else ""
    return httpcore.Proxy(f"{parts.scheme}://{parts.hostname}{port}", auth=login)


class _Deadline(threading.local):
    """When the exchange of this thread has to be over, and how often it has read from its connection."""

    at = 0.0
    reads = 0

    def left(self, timeout: float | None) -> float:
        """Seconds for the next operation, of `timeout` at most."""
        seconds = self.at - time.monotonic()
        return seconds if timeout is None else min(seconds, timeout)


class _Backend(httpcore.NetworkBackend):
    """Connects, within the deadline of whoever asks."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self._deadline = _Deadline()

    def begin(self, seconds: float) -> None:
        """The exchange of this thread begins now and may take `seconds`."""
        self._deadline.at = time.monotonic() + seconds
        self._deadline.reads = 0

    @property
    def reads(self) -> int:
        """Times that the exchange of this thread has read from its connection."""
        return self._deadline.reads

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        """A connection to a host."""
        left = self._deadline.left(CONNECT_SECONDS)
        if left <= 0:
            raise httpcore.ConnectTimeout
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options), self._deadline)


class _Stream(httpcore.NetworkStream):
    """A connection on which each operation gets what is left until the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes."""
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore.ReadTimeout
        self._deadline.reads += 1
        return self._inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All bytes."""
        for start in range(0, len(buffer), WRITE_BYTES):  # within one write a slow reader begins the time anew
            left = self._deadline.left(timeout)
            if left <= 0:
                raise httpcore.WriteTimeout
            self._inner.write(buffer[start : start + WRITE_BYTES], left)

    def close(self) -> None:
        """End the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection, encrypted."""
        left = self._deadline.left(timeout)
        if left <= 0:
            raise httpcore.ConnectTimeout
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What is known about the socket."""
        return self._inner.get_extra_info(info)
