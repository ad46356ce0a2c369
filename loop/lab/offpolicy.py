"""Off-policy: what another mechanism would have planned in a finished run, and how its plans would have scored."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...tiers.errors import InputError
from ...tiers.tier import arms
from ...training.packing import PackedArm
from ..config import RunConfig, parse_config
from ..feedback import create
from ..feedback.config import FeedbackConfig
from ..feedback.evidence_json import load
from ..feedback.guard import guarded_observe, guarded_plan
from ..feedback.mechanism import Context, Evidence, Floats, Mechanism, Plan, Signals
from ..feedback.policy import vector
from ..feedback.regression import log_shares
from ..nodes.allocate import planning_context
from ..progress import Progress
from ..run_db import RunDB
from ..run_folder import open_run
from .doubly_robust import LEAST_SHARE, Logged, Value, Z, overall, values
from .simulate import LabContext
from .specs import parse

LEAST_ROUNDS = 3
"""Rounds with evidence below which nothing is estimated: each is judged by what the others taught."""


@dataclass(frozen=True)
class LoggedBench:
    """What a run's database tells of its stock and its signals, to ask another mechanism as the run's own was asked."""

    config: RunConfig
    db: RunDB
    evidence: Mapping[int, Evidence]

    @property
    def offers(self) -> frozenset[str]:
        """Probes, sizes, and the signals that every round wrote down."""
        told = [vars(e.signals) for e in self.evidence.values()]
        known = {k for k in vars(Signals()) if told and all(t[k] is not None for t in told)}
        return frozenset(known | {"sizes"} | ({"probes"} if self.config.probes.count else set()))

    def stock(self, number: int) -> Mapping[str, PackedArm]:
        """What each arm held after a round's curation; before the first round, what the first trained on."""
        rows = self.db.rows("arms", round=max(number, 1))
        size = self.config.model.block
        empty: dict[str, Any] = {"file": "", "ends": "", "digest": ""}
        return {
            r["arm"]: PackedArm(blocks=r["tokens"] // size, tokens=r["tokens"], documents=r["documents"], **empty)
            for r in rows
        }

    def signals(self, number: int) -> Signals:
        """What the round's plan was made with."""
        return self.evidence[number].signals if number in self.evidence else Signals()


def evaluate(runs: Path, name: str, mechanism: str) -> dict[str, Any]:
    """Plans and their doubly robust value, round by round and overall, in JSON types.

    Every round the mechanism plans with what the run had measured by then, from the weights that the run had accepted;
    a round's value is the gain of its main mixture over control at full length, in composite sds.

    Args:
        runs: folder of runs.
        name: of the run, or its path.
        mechanism: spec, `name,key=value`.

    Raises:
        InputError: no such run, too few rounds with evidence, or a mechanism that the run has not enough for.
    """
    folder = open_run(runs, name)
    config = folder.config()
    with RunDB(folder.database) as db:
        done = [r for r in db.rows("rounds", status="done") if r["round"] > 0]
        kept = {r["round"]: db.meta(f"evidence-{r['round']}") for r in done}
        evidence = {n: load(n, k) for n, k in kept.items() if k}
        told = sum(bool(e.contrasts) for e in evidence.values())
        if told < LEAST_ROUNDS:
            raise InputError(
                f"run {folder.name!r} has evidence of {told} rounds: wanted {LEAST_ROUNDS} or more in which main "
                "differed from control (a run with feedback.mechanism=uniform has none)"
            )
        _check_probes(folder.name, done, evidence)
        plans, problems = _plans(config, db, done, evidence, mechanism)
    logged = [_logged(evidence[r["round"]], Plan.model_validate(r["plan"]), config) for r in done]
    found = values(logged, [plans[r["round"]] for r in done], config)
    return {
        "view": "offpolicy",
        "run": folder.name,
        "mechanism": mechanism,
        "logged": str(done[-1]["plan"]["mechanism"]),
        "rounds": [_told(v, plans[v.round], logged[i], config) for i, v in enumerate(found)],
        "problems": problems,
        **overall(found),
    }


def _check_probes(name: str, done: Sequence[Any], evidence: Mapping[int, Evidence]) -> None:
    """Refuse a run of which more than half of the rounds tried nothing but main and control.

    One point beside control says nothing of other directions; what the model of the other rounds has wrong there
    stays in the value.
    """
    tried = [n for n, e in evidence.items() if any(c.kind == "probe" for c in e.contrasts)]
    if len(tried) < LEAST_SHARE * len(done):
        raise InputError(
            f"run {name!r} measured probes in {len(tried)} of {len(done)} rounds: wanted them in half or more, since "
            "main and control alone say nothing of other mixtures. Run it with --set probes.count=3"
        )


def _plans(
    config: RunConfig, db: RunDB, done: Sequence[Any], evidence: Mapping[int, Evidence], spec: str
) -> tuple[dict[int, Floats], list[str]]:
    """[K] what the mechanism would have planned in each round, and what it did that it may not."""
    name, given = parse(spec)
    asked = config.feedback.model_dump(mode="json") | {"options": {}} | given | {"mechanism": name, "control": ""}
    feedback = parse_config(config.model_dump(mode="json") | {"feedback": asked}, "lab").feedback
    keys = tuple(arms(config.domains))
    bench = LoggedBench(config, db, evidence)
    controls = LabContext(config, db, Progress(quiet=True), threading.Event())
    made = create(feedback, keys, config.seed, config.carries, bench.offers)
    plans, problems, before = {}, [], None
    for row in done:
        number = row["round"]
        context = planning_context(bench, controls, number, before)  # type: ignore[arg-type]
        plans[number], problem = _plan(made, context, feedback, before)
        problems += [problem] if problem else []
        if number in evidence:
            said = guarded_observe(made, evidence[number])
            problems += [said] if said else []
        before = row
    return plans, list(dict.fromkeys(problems))


def _plan(made: Mechanism, context: Context, feedback: FeedbackConfig, before: Any) -> tuple[Floats, str]:
    previous = Plan.model_validate(before["plan"]) if before else None
    guarded = guarded_plan(made, context, feedback, previous)
    return vector(guarded.plan.mixture, context.arms), guarded.problem


def _logged(evidence: Evidence, plan: Plan, config: RunConfig) -> Logged:
    """A round's runs as points: displacement from control in log shares, gain over control, and the gains' errors.

    A probe was compared with its centre, a short main; from control it is as far as main and the probe together.
    """
    keys = tuple(arms(config.domains))
    reference = vector(plan.reference, keys)
    contrasts = evidence.contrasts
    full = next((i for i, c in enumerate(contrasts) if c.kind == "full"), None)
    main = log_shares(vector(plan.mixture, keys)) - log_shares(reference)
    to_main = np.zeros(len(contrasts))
    if full is not None:
        to_main[full] = 1.0
    used = [i for i, c in enumerate(contrasts) if c.kind == "probe" or i == full]
    rows, points = [np.zeros(len(contrasts))], [np.zeros(len(keys))]
    for i in used:
        c = contrasts[i]
        if c.kind == "probe" and full is None:
            continue  # nobody knows what its centre was worth
        step = log_shares(c.mixture) - log_shares(c.baseline)
        points.append(step if i == full else main + step)
        rows.append(to_main if i == full else to_main + np.eye(len(contrasts))[i] / c.fraction)
    link = np.array(rows).reshape(len(rows), len(contrasts))
    gains = np.array([c.gain for c in contrasts])
    return Logged(evidence, reference, np.array(points), link @ gains, link @ evidence.cov @ link.T, full is not None)


def _told(value: Value, plan: Floats, logged: Logged, config: RunConfig) -> dict[str, Any]:
    keys = arms(config.domains)
    moved = plan - logged.reference
    order = [i for i in np.argsort(-np.abs(moved), kind="stable") if abs(moved[i]) >= 0.005][:2]
    return {
        "round": value.round,
        "moves": ", ".join(f"{keys[i]} {logged.reference[i]:.2f}→{plan[i]:.2f}" for i in order) or "none",
        "mixture": {k: float(w) for k, w in zip(keys, plan, strict=True) if w > 0},
        "gain": value.gain,
        "se": value.se,
        "low": value.gain - Z * value.se,
        "high": value.gain + Z * value.se,
        "logged": value.logged,
        "ess": value.ess,
        "distance": value.distance,
        "supported": value.supported,
        "why": value.why,
    }
