"""RunBench: the bench of a real run; packed blocks, score files, the ledger and the strategist."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...eval.clustered import Error
from ...eval.rounds import Repeated
from ...tiers.gates import demote_harmful
from ...tiers.rows import rows_from_decisions
from ...tiers.select import weighted_scores
from ...tiers.tier import arms
from ...training.packing import PackedArm
from ..config import RunConfig
from ..context import RunContext
from ..feedback.guard import guarded_posterior
from ..feedback.mechanism import Evidence, Mechanism, Signals
from ..view.report import write_report
from .allocate import previous_round
from .bench import Found
from .blocks import packed
from .control import yoked_mixture
from .costs import record_costs
from .deltas import record_deltas, round_pairs
from .evidence import gather
from .evolve import evolve
from .hold import step
from .influence import measure_influence, with_influence
from .judges import working_weights
from .proposal import propose, wished
from .refine import index_facts
from .screened import record_screening
from .together import rounds_together, split_excess


@dataclass(frozen=True)
class RunBench:
    """Stock and measurements of a run, read from its folder."""

    context: RunContext

    @property
    def offers(self) -> frozenset[str]:
        """What mechanisms may need and a run has."""
        return offers(self.context.config)

    def stock(self, number: int) -> Mapping[str, PackedArm]:
        """What was packed after a round's curation."""
        return packed(self.context, number).arms

    def signals(self, number: int) -> Signals:
        """The strategist's wish after the round before, and the arms' influence where it is measured."""
        measure_influence(self.context, number, self.context.absolute(start_path(self.context, number)))
        return with_influence(self.context, number, wished(self.context, number))

    def yoke(self, number: int) -> Mapping[str, float] | None:
        """The mixture of another run in the same folder, where the config names one."""
        return yoked_mixture(self.context.folder.root.parent, self.context.config.feedback, number)

    def deltas(self, number: int) -> Found:
        """Deltas of the round's score files, and which benchmarks heard anything."""
        record_screening(self.context, number)
        return record_deltas(
            self.context, number, round_pairs(self.context, number, started_from(self.context, number))
        )

    def together(self, numbers: Sequence[int]) -> Mapping[str, Repeated]:
        """From the score files of all these rounds."""
        return rounds_together(self.context, numbers)

    def excess(self, number: int) -> tuple[float, Error]:
        """From the round's score files and the A/A runs'."""
        return split_excess(self.context, number)

    def evidence(self, number: int) -> Evidence:
        """Contrasts of the round's score files, with their joint error."""
        return gather(self.context, number)

    def settle(self, number: int, mechanism: Mechanism, accepted: str) -> None:
        """Demote what harms, ask the strategist, act on its rubrics, seal the round and write the report."""
        step(self.context, number, "demote", lambda: (demotions(self.context, number, mechanism), None))
        index_facts(self.context)  # what was moved down states nothing any more
        propose(self.context, number, accepted)
        path = str(self.context.db.rows("runs", round=number, name=accepted)[0]["path"])
        evolve(self.context, number, self.context.absolute(path))
        record_costs(self.context, number)  # again: strategist and screening come when curation is long over
        self.context.store.seal(number)
        write_report(self.context.folder.root)


def offers(config: RunConfig) -> frozenset[str]:
    """What mechanisms may need and a run with this config has."""
    measured = {"influence", "losses"} if config.feedback.influence else set()
    return frozenset({"sizes", "proposal"} | measured | ({"probes"} if config.probes.count else set()))


def start_path(context: RunContext, number: int) -> str:
    """Folder of the model that a round starts from, relative to the run folder."""
    before, name = started_from(context, number)
    if name == "base":
        return context.relative(context.folder.models / "base")
    return str(context.db.rows("runs", round=before, name=name)[0]["path"])


def started_from(context: RunContext, number: int) -> tuple[int, str]:
    """(round, name) of the run whose model the round started from."""
    before = previous_round(context, number)
    if before is None or context.config.mode == "reset":
        return 0, "base"
    return number - 1, str(before["accepted"])


def demotions(context: RunContext, number: int, mechanism: Mechanism) -> pa.Table:
    """DEMOTE decisions about the worst documents of arms that were measured to harm."""
    mean, cov, _ = guarded_posterior(mechanism, tuple(arms(context.config.domains)))
    sd = np.sqrt(np.maximum(np.diag(cov), 0.0))
    values = {a: (float(m), float(s)) for a, m, s in zip(arms(context.config.domains), mean, sd, strict=True)}
    held = context.store.holdings()
    scored = weighted_scores(held, context.store.scores(), working_weights(context, number))
    return rows_from_decisions(demote_harmful(number, held, values, scored, context.config.curation.gate))
