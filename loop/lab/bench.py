"""WorldBench: a world plays data, training and benchmarks to the nodes that plan and judge a real run."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...eval.composite import Scale
from ...tiers.tier import arms
from ...training.packing import PackedArm
from ..context import Controls
from ..feedback.mechanism import Plan, Signals
from ..feedback.policy import vector
from ..state import State, Update
from .measurement import Measured, Run, measure
from .oracle import uniform
from .world import World

BASE = "models/base"


@dataclass
class WorldBench:
    """The bench of a simulated run, and the nodes that the world plays: prepare, curate, train, evaluate, finish."""

    world: World
    context: Controls
    states: dict[str, Any] = field(default_factory=dict)
    """Models by the path that a real run would have saved them under."""
    measured: dict[int, Measured] = field(default_factory=dict)

    def prepare(self, context: Controls, state: State) -> Update:
        """A base model, and the composite's units."""
        context.db.insert("rounds", {"round": 0, "status": "done", "started": time.time(), "ended": time.time()})
        ones = dict.fromkeys(self.world.benchmarks, 1.0)
        for split in ("feedback", "hidden"):
            context.db.set_meta(f"scale-{split}", Scale(split=split, mean=dict.fromkeys(ones, 0.0), sd=ones))
        self.states[BASE] = self._reference = self.world.start()
        return Update(round=0, start=BASE, accepted=BASE, stop="")

    def curate(self, context: Controls, state: State) -> Update:
        """Nothing: this world's documents are what they are."""
        return Update()

    def train(self, context: Controls, state: State) -> Update:
        """Every run that a real round would train, the same ones once."""
        number, full = state["round"], context.config.training.steps
        self._from = state["start"]
        plan = Plan.model_validate(context.db.rows("rounds", round=number)[0]["plan"])
        wanted = [("main", plan.mixture, 1.0), ("control", plan.reference, 1.0)]
        if plan.probes:
            part = context.config.probes.steps(full) / full
            wanted += [("centre", plan.mixture, part), *((p.name, p.mixture, part) for p in plan.probes)]
        trained: dict[tuple[bytes, float], Run] = {}
        runs = []
        for name, mixture, fraction in wanted:
            w = self.world.realised(vector(mixture, self.arms))
            done = trained.get((w.tobytes(), fraction))
            after = done.state if done else self.world.train(self.states[self._from], w, fraction)
            run = Run(name, after, w, fraction)
            trained.setdefault((w.tobytes(), fraction), run)
            runs.append(run)
        self._runs = runs
        context.db.insert("runs", [self._row(number, r) for r in runs])
        return Update(runs=[r.name for r in runs])

    def evaluate(self, context: Controls, state: State) -> Update:
        """Scores on both splits."""
        number = state["round"]
        self.measured[number] = measure(self.world, number, self._runs)
        self._reference = self.world.train(self._reference, uniform(self.world))
        return Update()

    def finish(self, context: Controls, state: State) -> Update:
        """Remember how it ended, as a run does."""
        row = context.db.rows("rounds", round=state["round"])[0]
        told = {"round": state["round"], "run": row["accepted"], "path": state["accepted"], "stop": state["stop"]}
        context.db.set_meta("final", told)
        return Update()

    @property
    def offers(self) -> frozenset[str]:
        """Probes where the config pays for them, sizes, and what the world measures."""
        probes = {"probes"} if self.context.config.probes.count else set()
        return frozenset({"sizes"} | probes | self.world.offers)

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """[K] keys."""
        return tuple(arms(self.world.domains))

    def stock(self, number: int) -> Mapping[str, PackedArm]:
        """The world's stock in blocks of tokens."""
        return self._stock

    def signals(self, number: int) -> Signals:
        """What the world can tell of its arms before the round; looked up again as the round is judged."""
        if number not in self._signals:
            before = self.context.db.rows("rounds", round=number - 1) if number > 1 else []
            ...
        return self._signals[number]
