"""Protocols: what tiers or candidate arms are worth, by pairs of runs that differ in when they see which data."""

import difflib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from pydantic import Field, ValidationError

from ..tiers.errors import InputError
from ..tiers.plain import from_yaml
from ..tiers.record import Record
from ..tiers.tier import Arm, Tier
from ..training.spec import Stage

TierName = Literal["L1", "L2", "L3", "L4"]


class StagePlan(Record):
    """A stretch of a protocol's run, before it is known which arms there are."""

    name: str
    share: float = Field(gt=0)
    """Of the run, in proportion to the other stages'."""
    tiers: dict[TierName, float] = Field(default_factory=dict)
    """Weights of the tiers, each in equal parts of the domains; empty means the reference mixture."""
    candidate: float = Field(default=0.0, ge=0, le=1)
    """Share that the candidate arms take."""


class Protocol(Record):
    """Two plans for runs of equal tokens."""

    about: str
    source: str
    warmup: float | None = Field(default=None, ge=0, le=1)
    """Of the learning rate; None: as training.warmup has it."""
    decay: float | None = Field(default=None, ge=0, le=1)
    treatment: tuple[StagePlan, ...] = Field(min_length=1)
    reference: tuple[StagePlan, ...] = Field(min_length=1)

    @property
    def wants_candidate(self) -> bool:
        """Whether it asks which arms are in question."""
        return any(stage.candidate for stage in (*self.treatment, *self.reference))


def protocols() -> dict[str, Any]:
    """The built-in protocols, as data."""
    told = (Path(__file__).parents[1] / "training" / "protocols.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = from_yaml(told)
    return found


def load_protocol(name: str) -> Protocol:
    """A built-in protocol, or the one in a YAML file.

    Raises:
        InputError: there is none of that name, or the file does not hold one.
    """
    known = protocols()
    if name not in known and not Path(name).is_file():
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"no protocol {name!r}: {hint}there are {', '.join(known)}, or name a YAML file")
    try:
        return Protocol.model_validate(known.get(name) or from_yaml(Path(name).read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as e:
        first = e.errors()[0] if isinstance(e, ValidationError) else {"loc": ("file",), "msg": str(e)}
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"protocol {name}: {where}: {first['msg']}") from e


def plan_stages(
    plans: tuple[StagePlan, ...], live: tuple[str, ...], default: dict[str, float], candidates: tuple[str, ...]
) -> tuple[Stage, ...]:
    """Stages over the arms that there are.

    Every domain has the same share of every stage that names tiers; a tier that a domain lacks is taken from its
    nearest tier, the lower one first.

    Args:
        plans: the stages.
        live: keys of the arms with enough data.
        default: the reference mixture over them.
        candidates: the arms in question, in equal parts.
    """
    whole = sum(plan.share for plan in plans)
    return tuple(Stage(share=plan.share / whole, mixture=_mixture(plan, live, default, candidates)) for plan in plans)


def overall(stages: tuple[Stage, ...]) -> dict[str, float]:
    """The mixture of a whole run."""
    arms = sorted({arm for stage in stages for arm in stage.mixture})
    return {arm: sum(s.share * s.mixture.get(arm, 0.0) for s in stages) for arm in arms}


def _mixture(
    plan: StagePlan, live: tuple[str, ...], default: dict[str, float], candidates: tuple[str, ...]
) -> dict[str, float]:
    mixture = dict.fromkeys(live, 0.0)
    if plan.tiers:
        domains = sorted({Arm.parse(arm).domain for arm in live})
        total = sum(plan.tiers.values()) * len(domains)
        for domain in domains:
            for tier, weight in plan.tiers.items():
                mixture[_nearest(domain, Tier[tier], live)] += weight / total
    else:
        mixture |= default
    mixture = {arm: share * (1 - plan.candidate) for arm, share in mixture.items()}
    for arm in candidates if plan.candidate else ():
        mixture[arm] += plan.candidate / len(candidates)
    return mixture


def _nearest(domain: str, tier: Tier, live: tuple[str, ...]) -> str:
    """The live arm of a domain at a tier, or at the one nearest to it."""
    held = [Arm.parse(arm).tier for arm in live if Arm.parse(arm).domain == domain]
    order = np.lexsort(([int(t) for t in held], [abs(int(t) - int(tier)) for t in held]))
    return str(Arm(domain, held[int(order[0])]))
