"""Preflight: settings that could only fail later are refused before the first step, while they can still be changed."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ..agents.backends.url import parse_url
from ..tiers.encoder import HASHING
from ..tiers.errors import InputError
from ..tiers.weights import refuse_pickles
from .config import RunConfig


def check_settings(config: RunConfig) -> None:
    """See that every setting can do here what it asks for.

    Raises:
        CoevoError: one cannot: a file, a package or a device is missing, or two settings exclude each other.
    """
    problem = next(_problems(config), "")
    if problem:
        raise InputError(problem)
    if config.curation.gold:
        from ..agents.calibration import read_gold

        read_gold(Path(config.curation.gold))
    if config.curation.kinds:
        _check_kinds(config)
    _check_hardware(config)


def _problems(config: RunConfig) -> Iterator[str]:
    yield from _feedback_problems(config)
    yield from _file_problems(config)
    yield from _package_problems(config)
    yield from _chat_problems(config)
    yield from _question_problems(config)
    training = config.training
    if training.batch % training.processes:
        yield (
            f"training.batch={training.batch} cannot be shared by training.processes={training.processes}: set a "
            f"multiple of {training.processes}"
        )


def _feedback_problems(config: RunConfig) -> Iterator[str]:
    feedback = config.feedback
    if feedback.rubric_method == "hedge":
        yield (
            "feedback.rubric_method=hedge needs the worth of score buckets, which no run measures: set fusion, or "
            "influence with feedback.influence above 0"
        )
    if feedback.rubric_method == "influence" and not (feedback.influence and config.curation.score):
        yield (
            "feedback.rubric_method=influence needs the influence of scored documents: set feedback.influence and "
            "curation.score above 0, or feedback.rubric_method=fusion"
        )
    shares = feedback.reference
    if shares and (min(shares.values()) < 0 or sum(shares.values()) <= 0):
        yield f"feedback.reference wants shares from 0 on with a sum above 0, got {shares}"


def _file_problems(config: RunConfig) -> Iterator[str]:
    for pack in config.evaluation.packs:
        if not Path(pack).exists():
            yield f"evaluation.packs: there is nothing at {pack}: wanted a file of JSON lines, or a folder of them"
    if config.evaluation.task_folder and not Path(config.evaluation.task_folder).is_dir():
        yield f"evaluation.task_folder: there is no folder {config.evaluation.task_folder}"
    for setting, encoder in _encoders(config):
        if encoder != HASHING and not (Path(encoder) / "config.json").is_file():
            yield f"{setting}: no encoder in {encoder}: wanted {HASHING!r} or the folder of a transformers model"
    base = Path(config.model.path)
    if config.model.path and (base.is_absolute() or config.model.path.startswith(".") or base.is_dir()):
        if not (base / "config.json").is_file():
            yield f"model.path: no model in {base}: wanted a transformers folder with config.json and safetensors"
        refuse_pickles(base)


def _encoders(config: RunConfig) -> Iterator[tuple[str, str]]:
    """Encoders that will be loaded, by the setting that names them."""
    if config.curation.selector == "embedding" or config.curation.novelty:
        yield "curation.encoder", config.curation.encoder
    if config.decontaminate.meaning:
        yield "decontaminate.encoder", config.decontaminate.encoder


def _package_problems(config: RunConfig) -> Iterator[str]:
    wanted = {
        "engine=ray": ("ray", config.engine == "ray", "pip install 'coevo[ray]', or set engine=local"),
        "evaluation.engine=vllm": (
            "vllm",
            config.evaluation.engine == "vllm",
            "pip install 'coevo[gpu]', or set evaluation.engine=hf",
        ),
        "curation.novelty": ("faiss", config.curation.novelty > 0, "install faiss-cpu, or set it to 0"),
        "decontaminate.meaning": ("faiss", config.decontaminate.meaning > 0, "install faiss-cpu, or set it to 0"),
    }
    wanted |= {f"training.track={t}": (t, True, "install it, or leave it out") for t in config.training.track}
    for setting, (package, asked, remedy) in wanted.items():
        if asked and find_spec(package) is None:
            yield f"{setting} wants the package {package}, which is not installed: {remedy}"


def _chat_problems(config: RunConfig) -> Iterator[str]:
    """Conversations need a chat template, which a base trained from scratch has not."""
    evaluation = config.evaluation
    asked = {
        "training.format=chat": config.training.format == "chat",
        "evaluation.chat=true": evaluation.chat and bool(evaluation.packs or evaluation.tasks),
    }
    for setting, wanted in asked.items():
        if wanted and not config.model.path:
            yield f"{setting} wants a base with a chat template: set model.path to an instruct model"
        elif wanted and Path(config.model.path).is_dir() and not _has_template(Path(config.model.path)):
            yield f"{setting} wants a chat template, and the tokenizer in {config.model.path} has none"


def _has_template(folder: Path) -> bool:
    stated = folder / "tokenizer_config.json"
    written = stated.is_file() and '"chat_template"' in stated.read_text(encoding="utf-8", errors="replace")
    return written or any(folder.glob("chat_template*"))


def _question_problems(config: RunConfig) -> Iterator[str]:
    asked = config.evaluation
    own = max(asked.bpb_items, asked.cloze_items, asked.arithmetic_items)
    if own < asked.min_items and not asked.packs and not asked.tasks:
        items = f"bpb_items={asked.bpb_items}, cloze_items={asked.cloze_items}"
        yield (
            f"evaluation: no benchmark has evaluation.min_items={asked.min_items} questions ({items}, "
            f"arithmetic_items={asked.arithmetic_items}) and there are no packs or tasks: set one of them higher"
        )


def _check_kinds(config: RunConfig) -> None:
    """See that each kind can be written for its domain by whoever writes.

    Raises:
        InputError: no such domain here, or a kind that rules do not make or that no prompt asks for there.
    """
    from ..agents.kinds import RULED
    from ..prompts import built_in

    prompts = built_in().read(Path(config.agents.prompts)) if config.agents.prompts else built_in()
    offline = parse_url(config.agents.synthesizer).scheme == "offline"
    for domain, shares in config.curation.kinds.items():
        if domain not in config.domains:
            raise InputError(f"curation.kinds: {domain!r} is none of the domains {', '.join(config.domains)}")
        asked = {p.kind for p in prompts.of_role("synthesizer", domain) if p.kind}
        able = sorted(asked.intersection(RULED) if offline else asked)
        strange = sorted(set(shares) - set(able))
        if strange:
            who = "rules write" if offline else "a model is asked for"
            raise InputError(
                f"curation.kinds: {who} no {strange[0]!r} of {domain}, only {', '.join(able)}: leave it out, or give "
                "agents.prompts a prompt for it"
            )


def _check_hardware(config: RunConfig) -> None:
    """See that the device is there; torch is imported only where a setting names one.

    Raises:
        TrainingError: a GPU, bitsandbytes or flash-attn is wanted and missing.
    """
    training = config.training
    if training.device != "cuda" and training.method != "qlora" and training.attention != "flash_attention_2":
        return
    from ..training.fit import attention, choose_device, choose_dtype
    from ..training.models import check_four_bits

    device = choose_device(training.device)
    attention(device, choose_dtype(training.dtype, device), config.model.block, training.attention)
    if training.method == "qlora":
        check_four_bits()
