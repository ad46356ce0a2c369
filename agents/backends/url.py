"""Model URLs: who answers behind `offline:`, `student:`, `openai:`, `hf:`, `vllm:` and `replay:`."""

import difflib
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ...tiers.errors import InputError

SCHEMES = {
    "offline": "offline:",
    "student": "student: or student:PATH",
    "openai": "openai:MODEL@BASE_URL",
    "hf": "hf:MODEL[+ADAPTER]",
    "vllm": "vllm:MODEL[+ADAPTER]",
    "replay": "replay:JOURNAL",
}
HOLDS_MEMORY = ("hf", "vllm")
"""Schemes whose model lies in this machine's memory until it is released."""
EVOLVING = ("student:", "hf:", "vllm:")
"""URLs of the student of the round, another model each time."""
_RECORDED = re.compile(r"(openai|hf|vllm):")


@dataclass(frozen=True)
class ModelUrl:
    """A model URL, taken apart."""

    scheme: str
    model: str = ""
    """What a server calls the model; for `replay:` the URL of the model that gave the answers, if it was named."""
    base: str = ""
    """Of an OpenAI-compatible server, ready for `/chat/completions` to be appended."""
    path: str = ""
    """Of a model folder, a model's name on the Hub, or a journal; empty for the student of the round."""
    adapter: str = ""
    """Of a LoRA adapter's folder on top of the model at `path`."""


def parse_url(url: str) -> ModelUrl:
    """The parts of a model URL.

    Raises:
        InputError: the scheme is unknown, or its parts are missing.
    """
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in SCHEMES:
        raise InputError(_unknown(url, scheme))
    if scheme == "openai":
        return _openai(url, rest)
    if scheme in HOLDS_MEMORY:
        return _local(url, scheme, rest)
    if scheme == "replay":
        return _replay(url, rest)
    if scheme == "offline" and rest:
        raise InputError(f"offline: has no model, so nothing may follow it; got {url!r}")
    return ModelUrl(scheme, path=rest)


def _unknown(url: str, scheme: str) -> str:
    if re.match(r"https?$", scheme):
        return f"wanted a model URL, got {url!r}; for a server write openai:MODEL@{url}"
    near = difflib.get_close_matches(scheme.lower(), SCHEMES, n=1, cutoff=0.5)
    hint = f"did you mean {SCHEMES[near[0]]}?" if near else f"wanted one of {', '.join(SCHEMES.values())}"
    return f"unknown model URL {url!r}: {hint}"


def _local(url: str, scheme: str, rest: str) -> ModelUrl:
    path, plus, adapter = rest.partition("+")
    if plus and not (path and adapter):
        raise InputError(f"wanted {scheme}:MODEL+ADAPTER, two folders or a name on the Hub and a folder, got {url!r}")
    return ModelUrl(scheme, path=path, adapter=adapter)


def _replay(url: str, rest: str) -> ModelUrl:
    model, at, path = rest.rpartition("@") if _RECORDED.match(rest) else ("", "", rest)
    if not path or (_RECORDED.match(rest) and not at):
        raise InputError(
            f"wanted replay:JOURNAL, a run's folder or its calls.db, or replay:MODEL_URL@JOURNAL, got {url!r}"
        )
    return ModelUrl("replay", model=model, path=path)


def _openai(url: str, rest: str) -> ModelUrl:
    match = re.fullmatch(r"(.+)@(https?://.+)", rest)  # greedy: a model's name may hold an @ itself
    if not match:
        raise InputError(f"wanted openai:MODEL@BASE_URL, such as openai:qwen3@http://localhost:8000/v1, got {url!r}")
    parts = _sound(match[2])
    if parts is None:
        shown = match[2].rpartition("@")[2]  # what stands before an @ may be a password
        raise InputError(f"wanted http(s)://HOST[:PORT]/v1 after the model's name, got {shown!r}")
    if parts.username or parts.password or parts.query or parts.fragment:
        # the URL is written into every decision: a secret in it would be published with the run
        raise InputError("wanted a plain base URL without user, password or query; put the key into OPENAI_API_KEY")
    return ModelUrl("openai", model=match[1], base=normalised_base(match[2]))


def _sound(base: str) -> SplitResult | None:
    """The parts of a base URL that names a host and, if any, a possible port."""
    try:
        parts = urlsplit(base)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:  # a malformed host or port
        return None


def normalised_base(base: str) -> str:
    """The base with its API version: `/v1` is appended unless the path names a version already.

    >>> normalised_base("http://localhost:8000/")
    'http://localhost:8000/v1'
    >>> normalised_base("https://host/api/v4/chat/completions")
    'https://host/api/v4'
    """
    base = base.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    versioned = any(re.fullmatch(r"v\d\w*", part) for part in urlsplit(base).path.split("/"))
    return base if versioned else f"{base}/v1"
