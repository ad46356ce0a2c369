"""Selection by rubric scores: ranked within a domain, weighted, sampled; never the bare top.

After QuaDMix (arXiv 2504.16511): scores are merged by weight and turned into a rank r within the domain (0 = best); a
document is drawn with a chance that falls as a sigmoid of r, never below an exploration tail. Three things differ:
scores are ranked before they are merged (rubrics have no common scale), the chance is divided by that of the
best document so that each is drawn at most once, and the midpoint of the sigmoid is solved from the wanted share.
The draw has an exact size: sequential Poisson sampling (Ohlsson 1998) keeps the smallest u / chance, where u is a hash
of seed and id, so a document's luck is the same whoever else is there and under any weights.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from .errors import InputError
from .sampling import Sampling

Floats = np.ndarray[Any, np.dtype[np.float64]]


def weighted_scores(documents: pa.Table, scores: pa.Table, weights: dict[str, float]) -> pa.Table:
    """Each document's weighted score and its rank within its domain.

    Args:
        documents: [n] columns id, domain.
        scores: columns doc_id, rubric, score; of several rows for one document and rubric the last counts.
        weights: by rubric; a negative weight prefers low scores, rubrics without weight are ignored.

    Returns:
        [n] columns id, domain, score (weighted mean of rank percentiles in [0, 1], null where no weighted rubric
        scored it), percentile (of the score within the domain, 1 = best, ties share the mean; null likewise).
    """
    domain = documents["domain"].combine_chunks().dictionary_encode()
    group = np.asarray(domain.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    total, weight = np.zeros(documents.num_rows), np.zeros(documents.num_rows)
    for rubric, w in sorted(weights.items()):
        if w:
            values = percentiles(_newest(documents, scores, rubric), group)
            seen = ~np.isnan(values)
            total[seen] += abs(w) * (values[seen] if w > 0 else 1 - values[seen])
            weight[seen] += abs(w)
    score = np.divide(total, weight, out=np.full(len(total), np.nan), where=weight > 0)
    if not any(weights.values()):
        score[:] = 0.5  # no rubric is trusted: all documents are equal, and chance alone decides
    rank = percentiles(score, group)
    return pa.table(
        {"id": documents["id"], "domain": documents["domain"], "score": _nullable(score), "percentile": _nullable(rank)}
    )


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _newest(documents: pa.Table, scores: pa.Table, rubric: str) -> Floats:
    """[n] last score of each document under a rubric, NaN where there is none."""
    mine = scores.filter(pc.equal(scores["rubric"], rubric))
    values = np.full(documents.num_rows, np.nan)
    at = pc.index_in(mine["doc_id"].combine_chunks(), value_set=documents["id"].combine_chunks())
    at = np.asarray(pc.fill_null(at.cast(pa.int64()), -1).to_numpy(zero_copy_only=False))
    values[at[at >= 0]] = np.asarray(mine["score"].to_numpy())[at >= 0]  # the last assignment stays
    return values


def percentiles(values: Floats, group: np.ndarray[Any, np.dtype[np.int64]]) -> Floats:
    """[n] rank of each value within its group as (rank - 0.5) / size in (0, 1), ties at their mean; NaN stays NaN."""
    out = np.full(len(values), np.nan)
    seen = np.flatnonzero(~np.isnan(values))
    order = seen[np.lexsort((values[seen], group[seen]))]
    v, g = values[order], group[order]
    if not len(order):
        return out
    new_group = np.concatenate([[True], g[1:] != g[:-1]])
    new_value = new_group | np.concatenate([[True], v[1:] != v[:-1]])
    start = np.flatnonzero(new_group)[np.cumsum(new_group) - 1]
    size = np.bincount(g)[g]
    tie = np.cumsum(new_value) - 1
    mean_place = np.bincount(tie, weights=np.arange(len(order)) - start) / np.bincount(tie)
    out[order] = (mean_place[tie] + 0.5) / size
    return out


def chances(rank: Floats, share: float, sampling: Sampling) -> Floats:
    """[n] chance of each document, by its rank (0 = best, 1 = worst), with mean `share`, at most 1.

    Falls as a sigmoid from the best document on, above the exploration tail (feedback.md 1.18).
    """
    order = np.argsort(rank, kind="stable")  # sums in one order, so that documents may come in any
    rank, out = rank[order], np.empty(len(rank))
    low, high = -10.0, 10.0
    for _ in range(60):  # the mean chance grows with the midpoint
        middle = (low + high) / 2
        low, high = (middle, high) if _chance(rank, middle, sampling).mean() < share else (low, middle)
    chance = _chance(rank, high, sampling)
    out[order] = np.minimum(chance * share / chance.mean(), 1.0)
    return out


def _chance(rank: Floats, middle: float, sampling: Sampling) -> Floats:
    falling = -np.logaddexp(0, -sampling.steepness * (middle - rank)) * sampling.power  # in logs: far out it underflows
    best = -np.logaddexp(0, -sampling.steepness * (middle - rank.min())) * sampling.power
    return np.asarray(sampling.explore + (1 - sampling.explore) * np.exp(falling - best))


def select(
    documents: pa.Table,
    scores: pa.Table,
    weights: dict[str, float],
    keep: float | dict[str, float],
    seed: int,
    sampling: Sampling | None = None,
) -> pa.Table:
    """Choose documents by their weighted rubric scores.

    Args:
        documents: [n] candidates, columns id, domain.
        scores: columns doc_id, rubric, score (the store's score table).
        weights: by rubric.
        keep: share of each domain's candidates to keep, or the share by domain.
        seed: of the draw.
        sampling: shape of the chance.

    Returns:
        [n] verdicts in the order of `documents`: id, kept, reason, domain, score, percentile, chance.

    Raises:
        InputError: a share is outside [0, 1], or a domain has none.
    """
    table = weighted_scores(documents, scores, weights)
    score, percentile = (np.asarray(table[c].to_numpy()) for c in ("score", "percentile"))
    domains = np.asarray(table["domain"].to_pylist(), dtype=object)
    kept, chance = np.zeros(len(score), dtype=bool), np.zeros(len(score))
    size = np.zeros(len(score), dtype=np.int64)
    fortune = luck(table["id"].to_pylist(), seed)
    for domain in sorted(set(domains.tolist())):
        share = _share(keep, domain)
        mine = np.flatnonzero((domains == domain) & ~np.isnan(score))
        if len(mine):
            size[domains == domain] = len(mine)
            kept[mine], chance[mine] = draw(percentile[mine], fortune[mine], share, sampling or Sampling())
    reason = reasons(table, kept, chance, size, weights)
    columns = {"kept": pa.array(kept), "reason": reason, "chance": pa.array(chance)}
    named = {name: table[name] for name in ("domain", "score", "percentile")}
    return pa.table({"id": table["id"], **columns, **named})


def _share(keep: float | dict[str, float], domain: str) -> float:
    share = keep.get(domain) if isinstance(keep, dict) else keep
    if share is None or not 0 <= share <= 1:
        raise InputError(f"wanted the share of {domain} to keep between 0 and 1, got {share}: set it in the config")
    return share


def draw(percentile: Floats, fortune: Floats, share: float, sampling: Sampling) -> tuple[Any, Floats]:
    """Whether each of a domain's n scored documents is drawn, and with what chance it was.

    Args:
        percentile: [n] rank, 1 = best.
        fortune: [n] `luck` of each.
        share: of them that is drawn.
        sampling: shape of the chance.
    """
    chance = chances(1 - percentile, share, sampling)
    drawable = np.flatnonzero(chance > 0)
    best = drawable[np.argsort(fortune[drawable] / chance[drawable], kind="stable")[: round(share * len(chance))]]
    kept = np.zeros(len(chance), bool)
    kept[best] = True
    return kept, chance


def luck(ids: list[str], seed: int) -> Floats:
    """[n] numbers in (0, 1) that depend on the seed and the id only."""
    return (np.array([xxhash.xxh3_64_intdigest(i.encode(), seed) >> 11 for i in ids], dtype=np.float64) + 0.5) / 2.0**53


def reasons(table: pa.Table, kept: Any, chance: Floats, size: Any, weights: dict[str, float]) -> pa.Array:
    """[n] sentences: what happened, score, rank, chance and the weights they follow from."""
    used = {name: w for name, w in sorted(weights.items()) if w}
    how = (
        ", ".join(f"{name}={w:.3g}" for name, w in used.items()) if used else "no rubric has weight, so chance decides"
    )
    percentile = np.asarray(table["percentile"].to_numpy())
    explored = kept & (chance < 0.5) & (percentile < 0.5)
    verb = np.where(explored, "explored", np.where(kept, "selected", "not selected"))
    in_domain = pc.binary_join_element_wise(pa.array(size).cast(pa.string()), table["domain"], " in ")
    rank = pc.binary_join_element_wise(_decimals(table["percentile"]), in_domain, " of ")
    said = pc.binary_join_element_wise(
        pc.binary_join_element_wise(pa.array(verb.tolist(), pa.string()), ": score ", _decimals(table["score"]), ""),
        pc.binary_join_element_wise(", rank percentile ", rank, ""),
        pc.binary_join_element_wise(", chance ", _decimals(pa.array(chance)), f"; weights {how}", ""),
        "",
    )
    return pc.fill_null(said, f"not selected: unscored by {', '.join(used)}")


def _decimals(values: Any) -> Any:
    return pc.round(values, ndigits=3).cast(pa.string())
