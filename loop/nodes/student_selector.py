"""The student selector of a round: fitted to the judges' labels, held against those held back, grades every row."""

import pyarrow as pa
import pyarrow.compute as pc

from ...tiers.encoder import Encoder, encoder_of
from ...tiers.seeds import SeedPool, accept_pool
from ...tiers.select import select, weighted_scores
from ...tiers.selector import Agreement, agreement, fit
from ...tiers.split import source_file
from ...tiers.store import SELECTOR
from ...tiers.tier import Tier
from ..context import RunContext
from .judges import working_weights
from .suites import HELD_OUT


def select_by_student(context: RunContext, number: int) -> pa.Table:
    """Verdicts about all L1 documents of the domains in which the selector agrees with the judges.

    Elsewhere the judges' own sample is drawn from, as without a selector; an event says so.
    """
    config, seed = context.config.curation, context.config.seed * 1000 + number
    told = selector_of(context, number)
    able = pa.array([d for d, found in told.items() if found.accepted], pa.string())
    held = context.store.documents(tier=Tier.L1).drop_columns(["text"])
    by_student = pc.is_in(held["domain"], value_set=able)
    judged = context.store.scores(number)
    by_judge = pc.and_(pc.invert(by_student), pc.is_in(held["id"], value_set=pc.unique(judged["doc_id"])))
    whole, sampled = held.filter(by_student), held.filter(by_judge)
    keep = {d: _share(context, number, d, whole) for d in able.to_pylist()}
    graded = context.store.selector_scores(number)
    verdicts = [select(whole, graded, {SELECTOR: 1.0}, keep, seed, config.sampling)] if whole.num_rows else []
    weights = working_weights(context, number)
    verdicts.append(select(sampled, judged, weights, config.select, seed, config.sampling))
    return pa.concat_tables(verdicts)


def _share(context: RunContext, number: int, domain: str, candidates: pa.Table) -> float:
    """Share of the L1 documents that rises now, so that `curation.select` of all that stood there ever did."""
    rows = context.store.ledger.read(step="select", columns=["doc", "round", "domain", "action"])
    mine = pc.and_(pc.equal(rows["domain"], domain), pc.less(rows["round"], number))
    risen = rows.filter(pc.and_(mine, pc.equal(rows["action"], "promote"))).num_rows
    here = pc.sum(pc.equal(candidates["domain"], domain)).as_py() or 0
    wanted = context.config.curation.select * (here + risen) - risen
    return min(max(wanted / here, 0.0), 1.0) if here else 0.0


def selector_of(context: RunContext, number: int) -> dict[str, Agreement]:
    """Agreement by domain; the grades of every row lie in the store afterwards. Done once a round."""
    known = context.db.meta(f"selector-{number}")
    if known is None:
        encoder = encoder_of(context.config.curation.encoder) if context.config.curation.selector != "hashed" else None
        told = _fitted(context, number, encoder)
        known = {domain: found.model_dump(mode="json") for domain, found in told.items()}
        context.db.set_meta(f"selector-{number}", known)
    return {domain: Agreement.model_validate(found) for domain, found in known.items()}


def _fitted(context: RunContext, number: int, encoder: Encoder | None) -> dict[str, Agreement]:
    """Fit, measure and grade, domain by domain; grades that lie there already were made of the same labels."""
    weights, labels = working_weights(context, number), context.store.scores()
    labels = labels.filter(pc.is_in(labels["round"], value_set=pa.array(_rounds(context, number), pa.int32())))
    told: dict[str, Agreement] = {}
    graded: list[tuple[list[str], list[float]]] = []
    versions = []
    for domain in context.config.domains:
        rows = gradable(context.store.documents(domain=domain, status=None))
        target = weighted_scores(rows, labels, weights)["score"]
        judged = rows.filter(target.is_valid())
        y = target.drop_null().to_numpy()
        files = [source_file(s) for s in judged["source"].to_pylist()]
        found = agreement(judged["text"], y, files, encoder, context.config.curation.agreement)
        told[domain] = found
        context.event(number, "curate", "info" if found.accepted else "warning", f"selector of {domain} {found.reason}")
        if found.accepted:
            made = fit(judged["text"], y, encoder)
            graded.append((rows["id"].to_pylist(), made.score(rows["text"]).tolist()))
            versions.append(f"{domain}:{made.version}")
    if graded and not context.store.selector_scores(number).num_rows:
        ids, scores = ([x for part in graded for x in part[side]] for side in (0, 1))
        context.store.put_scores(number, SELECTOR, " ".join(versions), ids, scores)
    return told


def gradable(documents: pa.Table) -> pa.Table:
    """Every row with a text, kept or dropped, but for those held out for the benchmarks."""
    apart = pc.and_(pc.equal(documents["status"], "dropped"), pc.starts_with(documents["reason"], HELD_OUT))
    return documents.filter(pc.and_(documents["text"].is_valid(), pc.invert(apart)))


def _rounds(context: RunContext, number: int) -> list[int]:
    """Rounds whose judged sample the selector may learn from: this one, and of those before the ones that helped.

    Without `curation.verified_seeds` that is all of them. A round's sample was put to the proof when two short runs
    were trained on what the judges ranked high and low in it (`probes.rubrics`).
    """
    if not context.config.curation.verified_seeds:
        return list(range(number + 1))
    found = []
    for n in range(number):
        rows = context.db.rows("deltas", round=n, benchmark="composite", treatment="rubric-high", split="feedback")
        delta = (rows[0]["gain"], rows[0]["se"]) if rows else None
        taken, reason = accept_pool(SeedPool(f"sample of round {n}", delta))
        context.event(number, "curate", "info", reason)
        found += [n] if taken else []
    return [*found, number]
