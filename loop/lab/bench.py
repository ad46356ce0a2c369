"""WorldBench: a world plays data, training and benchmarks to the nodes that plan and judge a real run."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from ...eval.clustered import Error
from ...eval.composite import Scale
from ...eval.rounds import Repeated
from ...tiers.tier import arms
from ...training.packing import PackedArm
from ..context import Controls
from ..feedback.guard import guarded_recommendation
from ..feedback.mechanism import Evidence, Mechanism, Plan, Signals
from ..feedback.policy import vector
from ..nodes.allocate import load_mechanism, planning_context, previous_round
from ..nodes.bench import Found
from ..nodes.evidence import keep_evidence
from ..state import State, Update
from .measurement import Measured, Run, contrasts, deltas, excess, measure, together
from .oracle import uniform
from .world import World

SPLITS: tuple[Literal["feedback"], Literal["hidden"]] = ("feedback", "hidden")
BASE = "models/base"
EVALUATION = 0.1
"""Cost of measuring one model, in full runs (research/feedback.md 4.1)."""


@dataclass
class WorldBench:
    """The bench of a simulated run, and the nodes that the world plays: prepare, curate, train, evaluate, finish."""

    world: World
    context: Controls
    states: dict[str, Any] = field(default_factory=dict)
    """Models by the path that a real run would have saved them under."""
    measured: Measured = field(init=False)
    """The newest round's."""
    _signals: dict[int, Signals] = field(default_factory=dict)
    composite: list[float] = field(default_factory=list)
    """True composite of the accepted model after every round, the base first, in sds."""
    feedback: list[float] = field(default_factory=list)
    """The same on feedback items."""
    truth: list[float] = field(default_factory=list)
    """True gain of main over control in every round."""
    cost: list[float] = field(default_factory=list)
    """Run-equivalents of every round: tokens trained on and models measured."""
    elsewhere: Sequence[Mapping[str, float]] = ()
    """Mixtures of another run, round by round: what a yoked one replays."""
    planned: list[Mapping[str, float]] = field(default_factory=list)
    """Mixtures of this run."""
    recommended: float | None = None
    """In reset mode: true composite of a full run on what the mechanism recommends in the end."""
    _reference: Any = None
    _runs: list[Run] = field(default_factory=list)

    def prepare(self, context: Controls, state: State) -> Update:
        """A base model, and the composite's units."""
        context.db.insert("rounds", {"round": 0, "status": "done", "started": time.time(), "ended": time.time()})
        ones = dict.fromkeys(self.world.benchmarks, 1.0)
        for split in ("feedback", "hidden"):
            context.db.set_meta(f"scale-{split}", Scale(split=split, mean=dict.fromkeys(ones, 0.0), sd=ones))
        self.states[BASE] = self._reference = self.world.start()
        self._note(BASE)
        return Update(round=0, start=BASE, accepted=BASE, stop="")

    def curate(self, context: Controls, state: State) -> Update:
        """Nothing: this world's documents are what they are."""
        return Update()

    def train(self, context: Controls, state: State) -> Update:
        """Every run that a real round would train, the same ones once."""
        number, full = state["round"], context.config.training.steps
        plan = Plan.model_validate(context.db.rows("rounds", round=number)[0]["plan"])
        self.planned.append(plan.mixture)
        wanted = [("main", plan.mixture, 1.0), ("control", plan.reference, 1.0)]
        if plan.probes:
            part = context.config.probes.steps(full) / full
            wanted += [("centre", plan.mixture, part), *((p.name, p.mixture, part) for p in plan.probes)]
        trained: dict[tuple[bytes, float], Run] = {}
        runs = []
        for name, mixture, fraction in wanted:
            w = self.world.realised(vector(mixture, self.arms))
            done = trained.get((w.tobytes(), fraction))
            after = done.state if done else self.world.train(self.states[state["start"]], w, fraction)
            run = Run(name, after, w, fraction)
            trained.setdefault((w.tobytes(), fraction), run)
            self.states[model_path(number, name)] = after
            runs.append(run)
        self._runs = runs
        self.cost.append(sum(r.fraction + EVALUATION for r in trained.values()))
        context.db.insert("runs", [self._row(number, r) for r in runs])
        return Update(runs=[r.name for r in runs])

    def evaluate(self, context: Controls, state: State) -> Update:
        """Scores on both splits."""
        number = state["round"]
        self.measured = measure(self.world, number, self._runs)
        main, control = (self.measured.runs[n].state for n in ("main", "control"))
        self.truth.append(self.world.composite(main) - self.world.composite(control))
        self._reference = self.world.train(self._reference, uniform(self.world))
        return Update()

    def finish(self, context: Controls, state: State) -> Update:
        """Remember how it ended, as a run does."""
        row = context.db.rows("rounds", round=state["round"])[0]
        told = {"round": state["round"], "run": row["accepted"], "path": state["accepted"], "stop": state["stop"]}
        context.db.set_meta("final", told)
        if context.config.mode == "reset":
            self._recommend(state["round"])
        return Update()

    def _recommend(self, number: int) -> None:
        """What the mechanism would train on after all it has learned."""
        before = previous_round(self.context, number + 1)
        assert before is not None
        mechanism = load_mechanism(self, self.context, number, before["learned_state"])
        planning = planning_context(self, self.context, number + 1, before)
        wanted, problem = guarded_recommendation(mechanism, planning, self.context.config.feedback)
        if problem:
            self.context.event(number, "finish", "warning", problem)
        self.recommended = self.world.composite(self.world.train(self.states[BASE], self.world.realised(wanted)))

    @property
    def offers(self) -> frozenset[str]:
        """Probes where the config pays for them, sizes, and what the world measures."""
        return offers(self.world, self.context.config.probes.count)

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """[K] keys."""
        return tuple(arms(self.world.domains))

    @cached_property
    def _stock(self) -> dict[str, PackedArm]:
        config = self.context.config
        whole, size = config.training.steps * config.training.batch, config.model.block
        blocks = {a: round(float(s) * whole) for a, s in zip(self.arms, self.world.stock, strict=True)}
        empty: dict[str, Any] = {"file": "", "ends": "", "digest": ""}
        return {a: PackedArm(blocks=n, tokens=n * size, documents=n, **empty) for a, n in blocks.items()}

    def stock(self, number: int) -> Mapping[str, PackedArm]:
        """The world's stock, in blocks of tokens."""
        return self._stock

    def signals(self, number: int) -> Signals:
        """What the world tells of its arms as the round is planned, on the model that it starts from."""
        if number not in self._signals:
            before = previous_round(self.context, number)
            path, mixture = BASE, uniform(self.world)
            if before is not None:
                mixture = vector(Plan.model_validate(before["plan"]).mixture, self.arms)
                path = BASE if self.context.config.mode == "reset" else model_path(number - 1, str(before["accepted"]))
            self._signals = {number: self.world.signals(self.states[path], self._reference, mixture, number)}
        return self._signals[number]

    def yoke(self, number: int) -> Mapping[str, float] | None:
        """The mixture that the same mechanism planned in another world of this kind."""
        return self.elsewhere[min(number, len(self.elsewhere)) - 1] if self.elsewhere else None

    def deltas(self, number: int) -> Found:
        """Main against control on both splits."""
        found: Found = {("main", "control", s): deltas(self.world, self.measured, s) for s in SPLITS}
        self.context.db.insert("deltas", [d.model_dump() | {"round": number} for made in found.values() for d in made])
        return found

    def together(self, numbers: Sequence[int]) -> Mapping[str, Repeated]:
        """From the deltas that were written down, and the world's own error model."""
        rows = self.context.db.rows("deltas", split="feedback", treatment="main", reference="control")
        return together(self.world, [r for r in rows if r["round"] in numbers])

    def excess(self, number: int) -> tuple[float, Error]:
        """Of the newest round."""
        return excess(self.world, self.measured)

    def evidence(self, number: int) -> Evidence:
        """The round's contrasts."""
        evidence = contrasts(self.world, number, self.measured, self.signals(number))
        slim = replace(evidence.signals, skills=None, target_logprobs=None)  # matrices that nobody reads again
        keep_evidence(self.context, number, replace(evidence, signals=slim))
        return evidence

    def settle(self, number: int, mechanism: Mechanism, accepted: str) -> None:
        """Note how good the accepted model truly is; models that nobody can start from any more are let go."""
        self._note(model_path(number, accepted))
        kept = {BASE, model_path(number, accepted)}
        self.states = {path: s for path, s in self.states.items() if path in kept}

    def _note(self, path: str) -> None:
        self.composite.append(self.world.composite(self.states[path]))
        self.feedback.append(float(self.world.scores(self.states[path]).mean()))

    def _row(self, number: int, run: Run) -> dict[str, object]:
        shares = {a: float(w) for a, w in zip(self.arms, run.mixture, strict=True) if w > 0}
        stock = dict(zip(self.arms, self.world.stock.tolist(), strict=True))
        epochs = {a: w * run.fraction / stock[a] for a, w in shares.items()}
        path = model_path(number, run.name)
        group = "full" if run.name in ("main", "control") else "probe"
        return {"round": number, "name": run.name, "grp": group, "mixture": shares, "epochs": epochs, "path": path}


def model_path(number: int, name: str) -> str:
    """Where a real run would have saved a model."""
    return f"models/round-{number:03d}/{name}"


def offers(world: World, probes: int) -> frozenset[str]:
    """What mechanisms may need and a world has."""
    return frozenset({"sizes"} | ({"probes"} if probes else set()) | world.offers)
