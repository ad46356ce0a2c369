"""Benchmark, Suite and Scores: the questions as they lie on disk, and per-item results of one model."""

from typing import Literal

from pydantic import Field

from ..tiers.record import Record
from .clustered import Error

Split = Literal["feedback", "hidden", "sealed"]
"""What steers, what only reports, and what nobody sees before the end."""
Verdict = Literal["gain", "loss", "unresolved"]


def verdict(low: float, high: float) -> Verdict:
    """What a 95 % interval of a gain says: it is resolved when it excludes zero."""
    return "gain" if low > 0 else "loss" if high < 0 else "unresolved"


class Item(Record):
    """One question; which fields are used depends on the benchmark's kind."""

    id: str
    cluster: str
    """Items of one cluster (one source document, one template) are not independent; errors are clustered by it."""
    text: str = ""
    """bpb: the text whose bits per byte are measured. Otherwise the context."""
    before: str = ""
    """Examples that stand before the context when it is asked."""
    choices: tuple[str, ...] = ()
    """Continuations of the context, byte for byte; of a `gold` question only the true one."""
    answer: int = 0
    target: str = ""
    """What a generated answer is checked against: a number, an expression, a word, or the tests of a program."""


class Benchmark(Record):
    """A local lm-eval task.

    Kinds: `bpb` (rolling loglikelihood of a text), `cloze` and `arithmetic` (made here: the true continuation against
    others), `choice` (multiple choice as lm-eval scores it) and `gold` (a true answer after its question).
    """

    name: str
    kind: Literal["bpb", "cloze", "arithmetic", "choice", "gold"]
    domain: str
    metric: Literal["bits_per_byte", "margin"]
    """The continuous per-item metric that deltas are made of (accuracy is kept beside it for cloze and arithmetic)."""
    items: tuple[Item, ...]
    normalize: bool = False
    """choice: accuracy by likelihood per character (`acc_norm` of lm-eval) instead of by likelihood (`acc`)."""
    check: Literal["", "number", "math", "text", "function", "program", "task"] = ""
    """gold: how a generated answer is judged; code is run as prompt + answer + tests, or as answer + tests; `task`: by
    the filters and the metric of the lm-eval task that an item's id begins with."""
    stop: tuple[str, ...] = ()
    """gold: what ends a generated answer."""

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

    split: Split
    benchmarks: tuple[Benchmark, ...]
    digest: str
    omitted: tuple[Omitted, ...] = ()
    """Benchmarks that the configuration asks for but the held-out texts are too few for (not part of the digest)."""
    part: bool = False
    """Whether only some of the items that the digest names are in it: one round's fold."""


class Delta(Record):
    """Paired difference of two models on one benchmark (or the composite), `treatment` minus `reference`."""

    benchmark: str
    split: Split
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
    dof: float = Field(ge=1, allow_inf_nan=False)
    """Degrees of freedom of `se` (Satterthwaite): the interval, `p` and every later use of the gain are Student's t."""
    low: float
    """95 % interval of `gain`."""
    high: float
    p: float
    """Chance of a gain as far from zero, or farther, if there is none: two-sided, from the same t as the interval."""
    n: int
    clusters: int
    verdict: Verdict

    @property
    def error(self) -> Error:
        """What the interval, `p`, the gate and the guards are made of."""
        return Error(self.se, self.dof)
