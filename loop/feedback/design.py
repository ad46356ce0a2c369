"""What a round tries out: signed perturbations of domains and tiers, and of rubrics (Plackett and Burman)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...tiers.tier import Arm
from .mechanism import Context, Floats, Probe
from .simplex import project


def hadamard(order: int) -> NDArray[np.int64]:
    """[order, order] Sylvester matrix of +-1 with orthogonal columns; `order` is a power of two."""
    h = np.ones((1, 1), dtype=np.int64)
    while len(h) < order:
        h = np.block([[h, h], [h, -h]])
    return h


def probes(context: Context, centre: Floats, size: float, floor: float, seed: int) -> tuple[Probe, ...]:
    """`context.probes` perturbations of `centre`: every domain and every tier is a two-level factor.

    Rows of one Hadamard matrix are used up over the rounds before any comes again, so main effects of domains and
    tiers are estimated with the whole run's probes, each with all of them. Columns and rows are permuted by `seed`.

    Args:
        context: the round.
        centre: [K] mixture to perturb.
        size: log-share amplitude.
        floor: smallest share of a live arm.
        seed: of the run.
    """
    arms = [Arm.parse(a) for a in context.arms]
    live = [i for i in range(len(arms)) if context.live[i]]
    factors = list(dict.fromkeys([arms[i].domain for i in live] + [arms[i].tier.name for i in live]))
    if len(live) < 2:
        return ()
    signs = _varied(_rows(len(factors), seed))
    out: list[Probe] = []
    for j in range(context.probes):
        row = signs[((context.round - 1) * context.probes + j) % len(signs)]
        sign = dict(zip(factors, row, strict=False))
        tilt = np.array([0.5 * size * (sign.get(a.domain, 0) + sign.get(a.tier.name, 0)) for a in arms])
        mixture = project(centre * np.exp(tilt), context.live, context.cap, floor)
        told = " ".join(f"{'+' if sign[f] > 0 else '-'}{f}" for f in factors)
        out.append(
            Probe(name=f"probe-{j + 1}", mixture=dict(zip(context.arms, mixture.tolist(), strict=True)), reason=told)
        )
    return tuple(out)


def random_probes(
    context: Context,
    centre: Floats,
    sizes: tuple[float, float, float],
    floor: float,
    rng: np.random.Generator,
    first: Floats | None = None,
) -> tuple[Probe, ...]:
    """`context.probes` perturbations `centre * exp(N(0, tier) + N(0, domain) + N(0, cell))`.

    Args:
        context: the round.
        centre: [K] mixture to perturb.
        sizes: sds of the tiers', the domains' and the cells' part.
        floor: smallest share of a live arm.
        rng: random numbers of the round.
        first: [K] log-share direction that the first probe goes instead of a random one.
    """
    arms = [Arm.parse(a) for a in context.arms]
    if int(context.live.sum()) < 2:
        return ()
    out: list[Probe] = []
    for j in range(context.probes):
        tilt = _random_tilt(arms, sizes, rng) if j or first is None else first
        mixture = project(centre * np.exp(tilt), context.live, context.cap, floor)
        told = "a random tilt of tiers, domains and cells" if j or first is None else "along the gradients' influence"
        out.append(
            Probe(name=f"probe-{j + 1}", mixture=dict(zip(context.arms, mixture.tolist(), strict=True)), reason=told)
        )
    return tuple(out)


def _random_tilt(arms: Sequence[Arm], sizes: tuple[float, float, float], rng: np.random.Generator) -> Floats:
    tiers, domains = list(dict.fromkeys(a.tier for a in arms)), list(dict.fromkeys(a.domain for a in arms))
    by_tier = dict(zip(tiers, rng.normal(0, sizes[0], len(tiers)), strict=True))
    by_domain = dict(zip(domains, rng.normal(0, sizes[1], len(domains)), strict=True))
    shared = np.array([by_tier[a.tier] + by_domain[a.domain] for a in arms])
    return np.asarray(shared + rng.normal(0, sizes[2], len(arms)))


def rubric_signs(rubrics: Sequence[str], round: int, seed: int) -> dict[str, float]:  # noqa: A002 - the plan's word
    """+-1 by rubric: the direction that the round's rubric probe sets documents apart in.

    Rows of a Hadamard matrix, one a round, so that over the rounds every rubric's sign is balanced against the others'.
    """
    if not rubrics:
        return {}
    signs = _rows(len(rubrics), seed)
    return dict(zip(rubrics, signs[(round - 1) % len(signs)].astype(float).tolist(), strict=True))


def _rows(factors: int, seed: int) -> NDArray[np.int64]:
    order = 1
    while order < factors + 1:
        order *= 2
    rng = np.random.Generator(np.random.PCG64(seed))
    columns = 1 + rng.permutation(order - 1)[:factors]
    return hadamard(order)[np.ix_(rng.permutation(order), columns)]


def _varied(signs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows with both signs: moving every factor alike moves nothing on the simplex."""
    return signs[[len(set(r.tolist())) > 1 for r in signs]]
