"""Starting, continuing and ending a run: opens the rooms, walks the graph, and stops at a safe point when asked."""

import os
import re
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..tiers.errors import CoevoError, InputError
from ..tiers.filters.syntax import check_languages
from ..tiers.ingest import check_sources
from ..tiers.tier import arms
from .budget import end_of
from .config import RunConfig, load_config, parse_config
from .disk import explained
from .feedback import create
from .preflight import check_settings
from .run_folder import RunFolder, create_run, open_run
from .spent import spent
from .workers import THREADS, Stopping, stop_signals

if TYPE_CHECKING:
    from .context import RunContext
    from .estimate import Estimate
    from .progress import Progress

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Ended(InputError):
    """Nothing is left to do within the run's limits."""


def start(
    preset: str, overrides: tuple[str, ...], runs: Path, name: str | None, limits: dict[str, Any], quiet: bool = False
) -> RunFolder:
    """Make a run folder and work until the run ends.

    Raises:
        InputError: a bad config, or the name is taken by an unfinished run.
    """
    config = _limited(load_config(preset, overrides), limits)
    check_settings(config)
    check_mechanism(config)
    check_control(config, runs)
    check_sources(config.sources)
    check_languages(config.clean.parse_languages)
    own = _own_prompts(config)
    given = yaml.safe_dump({"preset": preset, "set": list(overrides)}, sort_keys=False)
    folder = create_run(runs, name or _free_name(runs, Path(preset).stem), config, given, own)
    return work(folder, config, quiet, fresh=True)


def _own_prompts(config: RunConfig) -> dict[str, str]:
    """The user's prompts by file name: they are copied into the run, which says what it said even if they change.

    Raises:
        InputError: the folder is not there, or one of them is malformed or does not fit.
    """
    if not config.agents.prompts:
        return {}
    from ..prompts import PromptError, built_in

    place = Path(config.agents.prompts)
    found = {p.name: p.read_text(encoding="utf-8") for p in sorted(place.glob("*.md"))}
    if not found:
        raise InputError(f"agents.prompts: wanted a folder of prompts such as score-clarity.md, found none in {place}")
    try:
        built_in().read(place)
    except PromptError as error:
        raise InputError(f"agents.prompts {place}: {error}; see the built-in ones with: coevo prompts") from error
    return found


def expected(preset: str, overrides: tuple[str, ...], limits: dict[str, Any]) -> "Estimate":
    """What a run that is not begun is expected to cost."""
    from .estimate import estimate

    return estimate(_limited(load_config(preset, overrides), limits))


def expected_of(runs: Path, name: str, limits: dict[str, Any]) -> "Estimate":
    """What the rounds that a run has still to do are expected to cost, by those that are done."""
    from .estimate import estimate, measured
    from .run_db import RunDB

    folder = open_run(runs, name)
    with RunDB(folder.database) as db:
        config = _limited(folder.config(), limits)
        return estimate(config, measured(db, config.agents.second_verifier))


def resume(runs: Path, name: str, limits: dict[str, Any], quiet: bool = False) -> RunFolder:
    """Continue the run called `name`; limits given now replace those it had."""
    folder = open_run(runs, name)
    config = _limited(folder.config(), limits)
    folder.check(config)
    return work(folder, config, quiet)


def work(folder: RunFolder, config: RunConfig, quiet: bool = False, fresh: bool = False) -> RunFolder:
    """Walk the graph from its newest checkpoint to its end, holding the run's lock.

    Raises:
        KeyboardInterrupt: the run was asked to stop and did, at a safe point.
    """
    os.environ.update({k: v for k, v in THREADS.items() if k not in os.environ})
    from .progress import Progress

    progress = Progress(quiet)
    with explained(folder.root), folder.lock(), stop_signals(progress.say) as stopping:
        folder.sweep()
        folder.write_config(config)  # only who holds the run may change its limits
        try:
            _walk(folder, config, progress, stopping)
        except (Stopping, KeyboardInterrupt):  # asked once, and asked twice
            progress.say(f"stopped; everything finished is on disk. Continue with: {folder.resume()}")
            raise KeyboardInterrupt from None
        except Ended:
            raise
        except (CoevoError, OSError) as e:
            if fresh and isinstance(e, InputError) and not folder.begun:
                shutil.rmtree(folder.root)  # nothing was read yet: with other settings the name is free
            else:
                progress.say(f"not finished; nothing is lost. Once it is mended: {folder.resume()}")
            raise
    return folder


def _walk(folder: RunFolder, config: RunConfig, progress: "Progress", stopping: threading.Event) -> None:
    from ..agents.backends import release
    from .context import open_context
    from .graph import build
    from .nodes import bind

    _check_agents(config)
    _tell_costs(folder, config, progress)
    context = open_context(folder, config, progress, stopping)
    try:
        graph = build(bind(context), folder.database)
        thread = {"configurable": {"thread_id": "main"}}
        entry = _entry(graph, thread, context)
        context.workers.start()  # now that there is something to do; their imports overlap with the first step
        for _ in graph.stream(entry, thread, durability="sync", stream_mode="updates"):
            context.safe_point()
    finally:
        release()
        context.workers.close()


def check_mechanism(config: RunConfig) -> None:
    """Make the mechanism once: a wrong one is said before any work.

    Raises:
        InputError: an unknown one, or one that is not made for this mode or needs what a run does not measure.
    """
    from .nodes.run_bench import offers

    create(config.feedback, tuple(arms(config.domains)), config.seed, config.carries, offers(config))


def check_control(config: RunConfig, runs: Path) -> None:
    """See that the run whose mixtures are replayed is there.

    Raises:
        InputError: it is not, or has planned nothing.
    """
    from .nodes.control import yoked_mixture

    yoked_mixture(runs, config.feedback, 1)


def _check_agents(config: RunConfig) -> None:
    """Ask every model once whether it is there, before anything is spent; those of a round come with it.

    Raises:
        AgentError: a server cannot be reached or refuses.
        InputError: a model, an adapter, a journal or vLLM is not here.
    """
    from ..agents.backends import check, parse_url
    from ..agents.backends.local import check_vllm
    from ..agents.config import ROLES

    for role in (*ROLES, *(["second_verifier"] if config.agents.second_verifier else [])):
        at = parse_url(getattr(config.agents, role))
        if at.scheme == "vllm":
            check_vllm()
        if at.model or at.path:
            check(config.agents.open(role))


def _tell_costs(folder: RunFolder, config: RunConfig, progress: "Progress") -> None:
    """Say what the rounds to come are expected to cost, where a model is paid."""
    from .estimate import estimate, measured
    from .run_db import RunDB

    with RunDB(folder.database) as db:
        expected = estimate(config, measured(db, config.agents.second_verifier))
    if expected.usd[1]:
        progress.say(f"expected to cost {expected.usd[0]:.2f} to {expected.usd[1]:.2f} USD; more with --dry-run")
    for told in expected.warnings:
        progress.say(f"warning: {told}")


def _entry(graph: Any, thread: dict[str, Any], context: "RunContext") -> dict[str, Any] | None:
    """The graph's input: a fresh state, or None to go on from the checkpoint.

    Between two rounds the limits as they are now decide whether there is another one, not those it once stopped by.

    Raises:
        Ended: the run has, and its limits still say so.
        InputError: the checkpoint was altered.
    """
    from .nodes.once import check_state

    at = graph.get_state(thread)
    if not at.values and not at.next:
        return {"round": 0}
    check_state(context.db, at.values)
    if at.tasks and not at.next:
        return None  # killed between a node's saved result and its checkpoint: values look ahead, nothing has ended
    number = at.values.get("round", 0)
    begun = context.db.rows("rounds", round=number + 1)  # a round that was begun is finished
    if number and at.next in ((), ("finish",), ("allocate",)) and not begun:
        used = spent(context.db)
        end = end_of(context.config.budget, used, number, context.config.rounds)
        if end and not at.next:
            more = context.folder.resume(end.more)
            raise Ended(f"run {context.folder.name!r} has ended: {end.reason}. Go on with: {more}")
        graph.update_state(thread, {"stop": end.reason if end else ""}, as_node="learn")
    return None


def _limited(config: RunConfig, limits: dict[str, Any]) -> RunConfig:
    given = {k: v for k, v in limits.items() if v is not None}
    budget = dict(config.budget)
    if "timeout" in given:
        budget["seconds"] = parse_seconds(given["timeout"])
    budget |= {k: given[old] for k, old in (("usd", "max_usd"), ("gpu_hours", "max_gpu_hours")) if old in given}
    changed = {"rounds": given.get("rounds", config.rounds), "budget": budget}
    return parse_config(config.model_dump(mode="json") | changed, "limits")


def parse_seconds(text: str) -> float:
    """Seconds written like `90s`, `30m`, `12h` or a bare number.

    Raises:
        InputError: not a duration.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if not match:
        raise InputError(f"--timeout wants a duration such as 90s, 30m or 12h, got {text!r}")
    return float(match[1]) * UNITS[match[2] or "s"]


def _free_name(runs: Path, stem: str) -> str:
    """`stem`, or the first free `stem-2`, `stem-3`; never beside an unfinished run of that name."""
    from .view.tables import is_finished

    name, number = stem, 1
    while (runs / name).exists():
        if not (runs / name / "run.db").exists() or not is_finished(runs / name):
            again = RunFolder(runs / name).resume()
            raise InputError(f"run {name!r} is unfinished: continue it with '{again}', or start another with --name")
        number += 1
        name = f"{stem}-{number}"
    return name
