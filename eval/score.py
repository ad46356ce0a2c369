"""Benchmark, Suite and Scores: the questions as they lie on disk, and per-item results of one model."""

from typing import Literal

from ..tiers.record import Record


class Item(Record):
    """One question; which fields are used depends on the benchmark's kind."""

    id: str
    cluster: str
    """Items of one cluster (one source document, one template) are not independent; errors are clustered by it."""
    text: str = ""
    """bpb: the text whose bits per byte are measured. Otherwise the context."""
    choices: tuple[str, ...] = ()
    answer: int = 0


class Benchmark(Record):
    """A local lm-eval task: `bpb` (rolling loglikelihood), `cloze` and `arithmetic` (gold against choices)."""

    name: str
    kind: Literal["bpb", "cloze", "arithmetic"]
    domain: str
    metric: Literal["bits_per_byte", "margin"]
    """The continuous per-item metric that deltas are made of (accuracy is kept beside it for cloze and arithmetic)."""
    items: tuple[Item, ...]

    @property
    def higher_is_better(self) -> bool:
        """False for bits per byte."""
        return self.metric != "bits_per_byte"


class Omitted(Record):
    """A benchmark that could not be built, and why; a report names it instead of passing over it."""

    benchmark: str
    reason: str


class Suite(Record):
    """The benchmarks of one split, and the digest that names them."""

    split: Literal["feedback", "hidden"]
    benchmarks: tuple[Benchmark, ...]
    digest: str
    omitted: tuple[Omitted, ...] = ()
    """Benchmarks that the configuration asks for but the held-out texts are too few for (not part of the digest)."""


class Delta(Record):
    """Paired difference of two models on one benchmark (or the composite), `treatment` minus `reference`."""

    benchmark: str
    split: Literal["feedback", "hidden"]
    metric: str
    treatment: str
    reference: str
    before: float
    """Mean of the reference."""
    after: float
    """Mean of the treatment."""
    gain: float
    """Improvement: after - before, with the sign turned where lower is better."""
    se: float
    """Standard error of `gain`: clustered item error and seed noise together."""
    low: float
    """95 % interval of `gain`."""
    high: float
    n: int
    clusters: int
    verdict: Literal["gain", "loss", "unresolved"]
