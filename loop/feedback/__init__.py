"""Feedback: measured evidence in, the next plan out."""

from collections.abc import Callable

from ...tiers.errors import InputError
from ..named import named
from .aioli import Aioli
from .base import ANY_MODE
from .climb import Climb
from .config import FeedbackConfig
from .doge import Doge
from .doremi import DoReMi
from .evolution import Evolution
from .exp3 import Exp3
from .exp3_ix import Exp3Ix
from .gaussian_ts import GaussianTs
from .gp_bo import GpBo
from .guard import FAULTS, words
from .horizon_blr import HorizonBlr
from .hyperband import Hyperband
from .influence_eg import InfluenceEg
from .lin_ts import LinTs
from .log_blr import LogBlr
from .loopai import LoopAi
from .mechanism import Mechanism, Mode
from .mixmin import MixMin
from .odm import Odm
from .olmix import Olmix
from .paper_schedule import PaperSchedule
from .regmix import RegMix
from .skill_it import SkillIt
from .strategist_only import StrategistOnly
from .structured_blr import StructuredBlr
from .successive_halving import SuccessiveHalving
from .temperature import Temperature
from .tier_prior import TierPrior
from .trust_blr import TrustBlr
from .ucb import Ucb
from .uniform import Uniform
from .unimax import UniMax

MECHANISMS: dict[str, Callable[[FeedbackConfig, tuple[str, ...], int], Mechanism]] = {
    "uniform": Uniform,
    "temperature": Temperature,
    "unimax": UniMax,
    "tier_prior": TierPrior,
    "paper_schedule": PaperSchedule,
    "ucb": Ucb,
    "exp3": Exp3,
    "exp3_ix": Exp3Ix,
    "gaussian_ts": GaussianTs,
    "lin_ts": LinTs,
    "structured_blr": StructuredBlr,
    "influence_eg": InfluenceEg,
    "horizon_blr": HorizonBlr,
    "trust_blr": TrustBlr,
    "log_blr": LogBlr,
    "gp_bo": GpBo,
    "evolution": Evolution,
    "successive_halving": SuccessiveHalving,
    "hyperband": Hyperband,
    "doremi": DoReMi,
    "doge": Doge,
    "odm": Odm,
    "skill_it": SkillIt,
    "mixmin": MixMin,
    "aioli": Aioli,
    "regmix": RegMix,
    "climb": Climb,
    "olmix": Olmix,
    "strategist_only": StrategistOnly,
    "loopai": LoopAi,
}
"""Mechanisms by name; each is called with (config, arms, seed)."""


def create(
    config: FeedbackConfig,
    arms: tuple[str, ...],
    seed: int,
    mode: Mode = "continue",
    offers: frozenset[str] | None = None,
) -> Mechanism:
    """The mechanism that `config.mechanism` names: one of `MECHANISMS`, or `module:Class` from anywhere on the path.

    Args:
        config: names it.
        arms: keys of all arms, in canonical order.
        seed: of its random numbers.
        mode: in which it has to work.
        offers: what it can have of what mechanisms say in `needs`; None means everything.

    Raises:
        InputError: no such name (the nearest is told), what was imported is no mechanism or loses its state,
            or it is not made for this.
    """
    name = config.mechanism
    factory = named(name, MECHANISMS, "feedback.mechanism", _lacks)
    made = _made(factory, config, arms, seed)
    _suits(name, made, mode, offers)
    key = (factory, config.model_dump_json(), arms, mode)
    if ":" in name and key not in _REHEARSED:
        from .rehearsal import rehearse

        rehearse(lambda: _made(factory, config, arms, seed), config, arms, mode)
        _REHEARSED.add(key)
    return made


METHODS = ("plan", "observe", "posterior", "state_dict", "load_state_dict")
_REHEARSED: set[tuple[object, ...]] = set()
"""Foreign classes, with their settings, that were seen to keep their state in this process."""


def _lacks(kind: type) -> str:
    """What a class is missing to be a mechanism; empty where nothing is."""
    missing = [m for m in METHODS if not callable(getattr(kind, m, None))]
    return f"it has no method {', '.join(missing)} (docs/mechanisms.md)" if missing else ""


def _made(factory: Callable[..., Mechanism], config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> Mechanism:
    name = config.mechanism
    try:
        made = factory(config, arms, seed)
        called = getattr(made, "name", None)
    except InputError:
        raise
    except FAULTS as e:  # whatever a third party's constructor does, it is the config that has to change
        why = words(e)
        raise InputError(f"feedback.mechanism {name!r} cannot be called with (config, arms, seed): {why}") from e
    if not isinstance(called, str):
        raise InputError(f"feedback.mechanism {name!r} wants an attribute `name`, a word (docs/mechanisms.md)")
    return made


def _suits(name: str, made: Mechanism, mode: Mode, offers: frozenset[str] | None) -> None:
    modes = getattr(made, "modes", ANY_MODE)
    if mode not in modes:
        raise InputError(
            f"feedback.mechanism {name!r} is made for mode {' or '.join(sorted(modes))}, this is {mode!r}: "
            "set mode, or choose another mechanism (docs/mechanisms.md says which suits what)"
        )
    lacking = sorted(getattr(made, "needs", frozenset()) - offers) if offers is not None else []
    if lacking:
        raise InputError(
            f"feedback.mechanism {name!r} needs {', '.join(lacking)}, which nobody measures here "
            f"(there is {', '.join(sorted(offers or ())) or 'nothing'}): choose another mechanism, "
            "or try it in the lab (docs/mechanisms.md)"
        )
