"""Estimate: what a run will ask of its models and train, before anything is spent, as a range for each role."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..agents.backends.url import parse_url
from ..agents.calibration import built_in as built_in_gold
from ..agents.calibration import gold_pairs, read_gold
from ..agents.exam import tasks
from ..agents.scorer import judged_rubrics
from ..agents.strategist import STEPS
from ..prompts import Prompt, PromptSet, built_in
from ..tiers.record import Record
from ..tiers.tier import arms
from .config import RunConfig
from .run_db import RunDB

DENSE, PLAIN = 2.5, 4.5
"""Characters of a model's token: of code or Chinese, of English prose."""
SHORT = 40
"""Tokens of a brief structured answer."""
FREE = ("offline", "student", "replay")
"""Models that ask nobody."""
REPAIRED = 2
"""Calls of a question whose first answer has not the wanted form."""
CANARY_TEXTS = 10
"""Texts that the fresh canaries of one document are: five pairs."""
SHORTEST = 200
"""Characters of a small document."""


class Span(NamedTuple):
    """From how many to how many."""

    low: float
    high: float

    def by(self, factor: "float | Span") -> "Span":
        """So many times, or end by end."""
        low, high = factor if isinstance(factor, Span) else (factor, factor)
        return Span(self.low * low, self.high * high)

    def plus(self, other: "Span") -> "Span":
        """The sum of both."""
        return Span(self.low + other.low, self.high + other.high)


NONE = Span(0, 0)


class Line(Record):
    """What one role will ask of its model; every range is (low, high)."""

    role: str
    model: str
    calls: tuple[float, float]
    tokens_in: tuple[float, float]
    tokens_out: tuple[float, float]
    usd: tuple[float, float] | None
    """None where the config has no price of the model."""
    basis: str
    """Where the figures are from."""


class Estimate(Record):
    """What the rounds still to come will cost, and whether the budget reaches."""

    rounds: int
    lines: tuple[Line, ...]
    usd: tuple[float, float]
    trained_tokens: int
    spent_usd: float
    warnings: tuple[str, ...]


class Measured(Record):
    """What the finished rounds of a run have cost by role, on average."""

    rounds: int
    usd: float
    by_role: dict[str, dict[str, float]]


class Asked(NamedTuple):
    """Calls of one kind in one pass."""

    calls: Span
    prompt: Prompt
    document: Span
    """Characters of what it is about."""
    writes: bool = True
    """Whether the answer is written, or one token is read off."""


def estimate(config: RunConfig, known: Measured | None = None) -> Estimate:
    """What the rounds to come ask for: by quotas and prompts, or by what the rounds that are done have measured."""
    left = max(0, config.rounds - (known.rounds if known else 0))
    urls = {role: getattr(config.agents, role) for role in _CALLS}
    paid = [role for role, url in urls.items() if url and parse_url(url).scheme not in FREE]
    lines = tuple(_line(config, role, left, known) for role in paid)
    usd = NONE
    for line in lines:
        usd = usd.plus(Span(*line.usd)) if line.usd else usd
    spent = known.usd if known else 0.0
    return Estimate(
        rounds=left,
        lines=lines,
        usd=usd,
        trained_tokens=trained_tokens(config, left, begun=known is not None),
        spent_usd=spent,
        warnings=tuple(_warnings(config, lines, usd, spent)),
    )


def measured(db: RunDB, second: str = "") -> Measured | None:
    """Averages over the rounds that are done; None before there is one. `second` is the second verifier's model."""
    done = [r["round"] for r in db.rows("rounds", status="done") if r["round"]]  # what is prepared is no round
    if not done:
        return None
    by_role: dict[str, dict[str, float]] = {}
    for row in (r for r in db.rows("costs") if r["round"] in done and r["calls"]):
        role = "second_verifier" if second and row["model"] == second and row["role"] == "verifier" else row["role"]
        told = by_role.setdefault(role, dict.fromkeys(("calls", "tokens_in", "tokens_out", "usd"), 0.0))
        for key in told:
            told[key] += (row[key] or 0) / len(done)
    return Measured(rounds=len(done), usd=sum(r["usd"] for r in db.rows("costs")), by_role=by_role)


def trained_tokens(config: RunConfig, rounds: int, begun: bool = False) -> int:
    """Tokens trained on: main and control, probes with their centre, the rubric pair, and before all the A/A runs."""
    step = config.training.batch * config.model.block
    full, probe = config.training.steps * step, config.probes.steps(config.training.steps) * step
    beside = config.probes.count + (len(arms(config.domains)) if config.probes.ablate else 0)
    short = (beside + 1 if beside else 0) + (2 if config.probes.rubrics else 0)
    return rounds * (2 * full + short * probe) + (0 if begun else config.evaluation.aa_runs * full)


def _line(config: RunConfig, role: str, rounds: int, known: Measured | None) -> Line:
    url = getattr(config.agents, role)
    if known and role in known.by_role:
        mean = known.by_role[role]
        calls, read, written = (Span(v, v) for v in (mean["calls"], mean["tokens_in"], mean["tokens_out"]))
        passes, basis = rounds, f"mean of {known.rounds} finished rounds"
    else:
        calls, read, written = _per_pass(config, list(_CALLS[role](config)))
        passes = rounds + (not known and role != "strategist")  # what is prepared is curated once as well
        basis = "quotas of the config, lengths of its prompts"
    price = config.agents.prices.get(parse_url(url).model)
    usd = read.by(price.tokens_in / 1e6).plus(written.by(price.tokens_out / 1e6)).by(passes) if price else None
    spans = {"calls": calls.by(passes), "tokens_in": read.by(passes), "tokens_out": written.by(passes)}
    return Line(role=role, model=url, usd=usd, basis=basis, **spans)


def _per_pass(config: RunConfig, asked: list[Asked]) -> tuple[Span, Span, Span]:
    """Calls, tokens read and tokens written in one pass."""
    calls = read = written = NONE
    for kind in asked:
        shown = Span(kind.document.low, min(kind.document.high, kind.prompt.limit))
        chars = shown.plus(Span(len(kind.prompt.words), len(kind.prompt.words)))
        calls = calls.plus(kind.calls)
        read = read.plus(kind.calls.by(chars).by(Span(1 / PLAIN, 1 / DENSE)))
        length = Span(SHORT, config.agents.max_answer_tokens) if kind.writes else Span(1, 1)
        written = written.plus(kind.calls.by(length))
    return calls, read, written


def _scorer(config: RunConfig) -> Iterator[Asked]:
    """Grades under every rubric, calibration on gold, canaries and anchors, and the audit's questions for reasons."""
    by_rubric = {p.rubric: p for p in _prompts(config).of_role("scorer")}
    curation, domains = config.curation, len(config.domains)
    gold = [built_in_gold(), *([read_gold(Path(curation.gold))] if curation.gold else [])]
    texts = sum(2 * len(gold_pairs(g, config.domains)) for g in gold)
    tests = texts + domains * (curation.canaries * CANARY_TEXTS + curation.anchors)
    rubrics = curation.rubrics or judged_rubrics()
    for rubric in rubrics:
        yield Asked(Span(curation.score, curation.score), by_rubric[rubric], _document(config), writes=False)
        yield Asked(Span(tests - texts, tests), by_rubric[rubric], Span(SHORTEST, 1_200), writes=False)
    if parse_url(config.agents.strategist).scheme not in FREE:  # a rubric that it proposes is screened and on trial
        yield Asked(Span(0, curation.score + tests), by_rubric[rubrics[0]], _document(config), writes=False)
    audits = Span(curation.score * curation.audit, curation.score * curation.audit)
    yield Asked(audits.by(Span(0.5, 2 * REPAIRED)), _prompts(config).get("audit-score"), _document(config))


def _once_each(role: str, prompt: str, limit: Callable[[RunConfig], Span]) -> Callable[[RunConfig], Iterator[Asked]]:
    """A role that asks once about a document, or twice where an answer has to be repaired; and its exam."""

    def calls(config: RunConfig) -> Iterator[Asked]:
        exam = sum(t.domain in config.domains for t in getattr(tasks(), role))
        asked = limit(config).by(Span(1, REPAIRED)).plus(Span(0, REPAIRED * exam))
        yield Asked(asked, _prompts(config).get(prompt), _document(config))

    return calls


def _solving(exam: bool) -> Callable[[RunConfig], Iterator[Asked]]:
    """A verifier: what rules check costs nothing; else solutions, each compared with the answer, or one grade."""

    def calls(config: RunConfig) -> Iterator[Asked]:
        tried = config.curation.verify
        tried += sum(t.domain in config.domains for t in tasks().verifier) if exam else 0
        solved = Span(0, tried * config.curation.solutions)
        prompts = _prompts(config)
        yield Asked(solved.by(Span(1, REPAIRED)), prompts.get("verify-solve"), _document(config))
        yield Asked(solved, prompts.get("verify-same"), Span(SHORTEST, 2_000), writes=False)

    return calls


def _strategist(config: RunConfig) -> Iterator[Asked]:
    yield Asked(Span(1, STEPS * REPAIRED), _prompts(config).get("strategist"), Span(1_000, 20_000))


def _quota(limit: Callable[[RunConfig], float]) -> Callable[[RunConfig], Span]:
    return lambda config: Span(limit(config), limit(config))


_CALLS: dict[str, Callable[[RunConfig], Iterator[Asked]]] = {
    "scorer": _scorer,
    "editor": _once_each("editor", "edit-program", _quota(lambda c: c.curation.edit)),
    "synthesizer": _once_each("synthesizer", "synthesize-qa", _quota(lambda c: c.curation.synthesize / 2)),
    "verifier": _solving(exam=True),
    "second_verifier": _solving(exam=False),
    "organizer": _once_each("organizer", "organize-facts", lambda c: Span(0, c.curation.verify)),
    "strategist": _strategist,
}


def _prompts(config: RunConfig) -> PromptSet:
    """The prompts of the run that will be."""
    return built_in().read(Path(config.agents.prompts)) if config.agents.prompts else built_in()


def _document(config: RunConfig) -> Span:
    return Span(SHORTEST, config.ingest.document_bytes)


def _warnings(config: RunConfig, lines: tuple[Line, ...], usd: Span, spent: float) -> Iterator[str]:
    served = [parse_url(line.model) for line in lines if line.usd is None]
    for model in sorted({url.model for url in served if url.scheme == "openai"}):
        wanted = f"agents.prices={{{model}: {{tokens_in: 0.1, tokens_out: 0.4}}}}"
        yield f"no price of {model!r}, so it counts as free: --set '{wanted}' (USD per million tokens)"
    limit = config.budget.usd
    if limit and spent + usd.high > limit:
        sure = "will" if spent + usd.low > limit else "may"
        more = f"{usd.low:.2f} to {usd.high:.2f} more are expected"
        yield f"the budget of {limit:g} USD {sure} end the run before its last round: {more}"
    if usd.high and not limit:
        yield "no limit: --max-usd stops the run at the end of a round, agents.budget.max_usd within one"
