"""RunConfig: every room's config side by side, read from YAML, overridden by `--set`, identified by its literals."""

import difflib
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from ..agents.config import AgentsConfig
from ..eval.config import EvalConfig
from ..tiers.config import CleanConfig, DecontaminateConfig, IngestConfig, SourceConfig
from ..tiers.errors import InputError
from ..tiers.gates import GateConfig
from ..tiers.plain import from_yaml
from ..tiers.record import Record
from ..tiers.sampling import Sampling
from ..tiers.tier import arms
from ..training.spec import ModelConfig, TrainConfig
from .feedback.config import FeedbackConfig

MOST_SHOWN = 200
"""Characters of a wrong value that an error shows."""

Settings = TypeVar("Settings", bound=BaseModel)

Domain = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
"""A domain is part of file names and of keys such as `math/L3`."""


class CurationConfig(Record):
    """How many documents the agents work on in a round, over all domains."""

    score: int = Field(default=900, ge=0)
    """Documents scored a round (L1 first, then the oldest L2 scores)."""
    student_judges: bool = True
    """Whether the evolving model judges too, by P(yes) and by its loss, beside the configured scorer."""
    gold: str = ""
    """A YAML file with further texts of known worth for calibrating judges (the form of agents/gold.yaml)."""
    canaries: int = Field(default=2, ge=0)
    """L1 documents of each domain that fresh canaries are made of each round, where a model judges."""
    anchors: int = Field(default=8, ge=0)
    """L1 documents of each domain that a model judge grades anew each round, so that its drift shows."""
    select: float = Field(default=0.4, ge=0, le=1)
    """Share of the newly scored L1 documents that may rise to L2."""
    sampling: Sampling = Sampling()
    """How the chance to rise falls with the rank, and what chance the worst document keeps."""
    selector: Literal["none", "hashed", "embedding"] = "none"
    """none: only judged documents may rise. Else a student of the judges grades every row: on hashed n-grams (fast) or
    on the vectors of `encoder`."""
    agreement: float = Field(default=0.2, ge=-1, le=1)
    """Least lower end of the student's rank correlation with the judges, or a domain goes without it."""
    encoder: str = "hashing"
    """`hashing`, or the folder of a local sentence encoder: for `selector: embedding` and `novelty`."""
    verified_seeds: bool = False
    """Whether the student learns only from samples of which training on the best beat training on the worst."""
    novelty: float = Field(default=0.0, ge=0, le=1)
    """Cosine from which a written document means what a held L3 or L4 one does, and is refused; 0: not looked for."""
    rubrics: tuple[str, ...] = ()
    """Rubrics that the configured scorer grades under; empty: those that rules can measure too."""
    audit: float = Field(default=0.02, ge=0, le=1)
    """Share of scored documents for which a model that judges has to give reasons and quote the text."""
    edit: int = Field(default=150, ge=0)
    """L2 documents shown to the editor."""
    synthesize: int = Field(default=600, ge=0)
    """L3 documents written."""
    kinds: dict[Domain, dict[str, Annotated[float, Field(gt=0)]]] = Field(default={})
    """By domain, the kinds of documents that are written and their shares; of others the usual ones."""
    facts: int = Field(default=4, ge=0, le=50)
    """Most verified facts of L4 that a model which writes is shown beside its source; what it cites is a parent."""
    verify: int = Field(default=400, ge=0)
    """L3 documents checked for L4."""
    gate: GateConfig = GateConfig()
    """What a document and its arm must show before the document moves up, and how fast harm moves down."""
    solutions: int = Field(default=2, ge=1, le=16)
    """Solutions of a model that an answer which no rule can check must agree with (of three and more, two thirds)."""

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        if not self.rubrics and not self.kinds:
            return self
        from ..agents.kinds import KINDS  # with the roles comes all that they need, which --help does without
        from ..agents.scorer import STUDENT_RUBRICS
        from ..prompts import built_in

        for wanted, known, what in (
            (self.rubrics, {p.rubric for p in built_in().of_role("scorer")} - {*STUDENT_RUBRICS}, "rubric"),
            ([k for shares in self.kinds.values() for k in shares], {*KINDS}, "kind"),
        ):
            unknown = sorted({*wanted} - known)
            if unknown:
                raise ValueError(f"no {what} {unknown[0]!r}; known are {', '.join(sorted(known))}")
        return self


class HoldoutConfig(Record):
    """Shares of the source files that no tier ever sees."""

    feedback: float = Field(default=0.06, gt=0, lt=1)
    """For the benchmarks that steer."""
    hidden: float = Field(default=0.06, gt=0, lt=1)
    """For their twins that only report."""
    sealed: float = Field(default=0.0, ge=0, lt=1)
    """For twins that nobody sees before `coevo unseal`; 0 means there are none."""

    @model_validator(mode="after")
    def _leaves_some(self) -> Self:
        shares = (self.feedback, self.hidden, *((self.sealed,) if self.sealed else ()))
        if sum(shares) >= 1:
            told = " + ".join(f"{share:g}" for share in shares)
            raise ValueError(f"wanted shares that leave something to train on, got {told}")
        return self


class ProbesConfig(Record):
    """The short paired runs that a mechanism may ask for."""

    count: int = Field(default=3, ge=0, le=64)
    fraction: float = Field(default=0.34, gt=0, le=1)
    """Length of a probe as a fraction of a full run."""
    lr: float = Field(default=1.0, gt=0, le=1)
    """Learning rate of the short runs as a share of the full runs' (low rates rank data more truly, 2512.24503)."""
    ablate: bool = False
    """Whether each arm of main's mixture is also left out once, in a short run compared with the centre."""
    rubrics: bool = True
    """Whether a pair of probes also tells what the rubrics' judgement is worth."""

    def steps(self, full: int) -> int:
        """Steps of a probe where a full run has `full`."""
        return max(1, round(full * self.fraction))


class BudgetConfig(Record):
    """Where the run stops, always at a round boundary; zero means no limit."""

    usd: float = Field(default=0.0, ge=0)
    gpu_hours: float = Field(default=0.0, ge=0)
    seconds: float = Field(default=0.0, ge=0)


class RunConfig(Record):
    """One run, whole."""

    seed: int = Field(default=0, ge=0, lt=2**32)
    rounds: int = Field(default=3, ge=1, le=100_000)
    mode: Literal["continue", "reset", "stack"] = "continue"
    """continue: the accepted model is the next round's base (an adapter merged into it). stack: the accepted adapter is
    trained on, over the same base. reset: every round starts from the same base, afresh."""
    domains: tuple[Domain, ...] = Field(default=("code", "en", "math"), min_length=1)
    sources: tuple[SourceConfig, ...] = Field(default=(SourceConfig(url="local:"),), min_length=1)
    ingest: IngestConfig = IngestConfig()
    holdout: HoldoutConfig = HoldoutConfig()
    clean: CleanConfig = CleanConfig()
    decontaminate: DecontaminateConfig = DecontaminateConfig()
    curation: CurationConfig = CurationConfig()
    agents: AgentsConfig = AgentsConfig()
    model: ModelConfig = ModelConfig()
    training: TrainConfig = TrainConfig()
    probes: ProbesConfig = ProbesConfig()
    evaluation: EvalConfig = EvalConfig()
    feedback: FeedbackConfig = FeedbackConfig()
    budget: BudgetConfig = BudgetConfig()
    workers: int = Field(default=2, ge=1, le=256)
    """Worker processes for training and evaluation, one thread each."""
    engine: Literal["local", "ray"] = "local"
    """Where the rules that make L1 run, with the same result: in processes of this machine (in this one where there is
    little to do), or on Ray."""

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        """Each domain once, and a reference mixture over arms that there are."""
        if len(set(self.domains)) < len(self.domains):
            raise ValueError(f"domains: wanted each once, got {', '.join(self.domains)}")
        if self.mode == "stack" and self.training.method == "full":
            raise ValueError("mode=stack goes on with one adapter: set training.method=lora, or mode=continue")
        known = arms(self.domains)
        unknown = [arm for arm in self.feedback.reference if arm not in known]
        if unknown:
            near = difflib.get_close_matches(unknown[0], known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"arms are {', '.join(known)}"
            raise ValueError(f"feedback.reference: unknown arm {unknown[0]!r}: {hint}")
        return self

    @model_validator(mode="after")
    def _seeds_can_be_verified(self) -> Self:
        """What is learned from only if training on it helped has a learner, and is trained on."""
        able = {"curation.selector=hashed (or embedding)": self.curation.selector != "none"}
        able |= {"probes.rubrics=true": self.probes.rubrics}
        missing = [setting for setting, there in able.items() if not there]
        if self.curation.verified_seeds and missing:
            raise ValueError(f"curation.verified_seeds wants {' and '.join(missing)} too")
        return self

    @property
    def carries(self) -> Literal["continue", "reset"]:
        """What mechanisms need to know of the mode: whether what was learned is carried over."""
        return "reset" if self.mode == "reset" else "continue"

    @property
    def fingerprint(self) -> str:
        """Digest of the literals that bear on results: not the budget, the number of rounds, nor who works."""
        told = self.model_dump(mode="json", exclude={"budget", "workers", "rounds", "engine"})
        return hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=8).hexdigest()


def load_config(name: str, overrides: tuple[str, ...] = ()) -> RunConfig:
    """The preset or YAML file `name`, with `a.b=value` overrides.

    Raises:
        InputError: no such preset or file, unreadable YAML, an unknown key (the nearest is named) or a bad value.
    """
    path = _find(name)
    tree = read_settings(path)
    for item in overrides:
        override(tree, item)
    return parse_config(tree, path.name)


def read_settings(path: Path) -> dict[str, Any]:
    """The tree of settings in a YAML file.

    Raises:
        InputError: it cannot be read, or is no mapping.
    """
    try:
        tree = from_yaml(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise InputError(f"{path} is not readable YAML: {e}") from e
    if not isinstance(tree, dict):
        raise InputError(f"{path}: wanted a mapping of settings, got {type(tree).__name__}")
    return tree


def parse_config(tree: dict[str, Any], where: str) -> RunConfig:
    """A validated RunConfig; each problem is one line that names the setting."""
    return parse_as(RunConfig, tree, where)


def parse_as(model: type[Settings], tree: dict[str, Any], where: str) -> Settings:
    """Validated settings of any kind; each problem is one line that names the setting."""
    try:
        return model.model_validate(tree)
    except ValidationError as e:
        raise InputError("; ".join(_problem(err, where, model) for err in e.errors())) from e


def dump_config(config: RunConfig) -> str:
    """YAML of every value, which `load_config` reads back to an equal config."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def presets() -> dict[str, Path]:
    """Presets by name."""
    return {p.stem: p for p in sorted(Path(__file__).parent.glob("*.yaml"))}


def _find(name: str) -> Path:
    known = presets()
    if name in known:
        return known[name]
    if Path(name).is_file():
        return Path(name)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(f"no preset or config file {name!r}: {hint}presets are {', '.join(known)}")


def override(tree: dict[str, Any], item: str) -> None:
    """Put `a.b=value` into a tree of settings.

    Raises:
        InputError: not so written, or `a` is a value.
    """
    key, eq, value = item.partition("=")
    if not eq or not key:
        raise InputError(f"--set wants key=value such as training.steps=40, got {item!r}")
    *parents, leaf = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise InputError(f"--set {item}: {parent!r} is a value, not a group of settings")
    tree[leaf] = _value(key, value)


def _value(key: str, text: str) -> Any:
    """What stands right of the `=`; a group of settings is written {a: b}, so `student:` is a word."""
    try:
        value = from_yaml(text)
    except yaml.YAMLError as e:
        raise InputError(f"--set {key}: wanted a YAML value such as 40, true or [code, en], got {_short(text)}") from e
    return text.strip() if isinstance(value, dict) and not text.lstrip().startswith("{") else value


def _problem(error: Any, where: str, model: type[BaseModel]) -> str:
    """One of pydantic's errors as a sentence; of an unknown setting the nearest known one is named."""
    spot = ".".join(str(p) for p in error["loc"])
    if error["type"] == "value_error":  # our own sentences say what they got
        return f"{where}: {spot}{': ' if spot else ''}{error['ctx']['error']}"
    if error["type"] != "extra_forbidden":
        return f"{where}: {spot}: {error['msg']}, got {_short(error['input'])}"
    names = _fields_at(error["loc"][:-1], model)
    near = difflib.get_close_matches(str(error["loc"][-1]), names, n=1, cutoff=0.4)
    return f"{where}: unknown setting {spot!r}: " + (
        f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
    )


def _short(value: Any) -> str:
    written = repr(value)
    return written if len(written) <= MOST_SHOWN else f"{written[:MOST_SHOWN]}..."


def _fields_at(loc: tuple[Any, ...], model: type[BaseModel]) -> list[str]:
    for part in loc:
        if isinstance(part, int):
            continue
        inner = model.model_fields[part].annotation
        inner = getattr(inner, "__args__", (inner,))[0]
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
