"""lm-eval's own tasks by name: the requests that they make, as benchmarks that are split and paired like all others."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from ..tiers.errors import EvalError
from .engine import quiet
from .packs import SUBJECTS, Pool
from .score import Benchmark, Item

FEWSHOT_SEED = 1234
"""With which lm-eval's command draws the examples before a question."""


def import_tasks(names: Sequence[str], folder: str = "", *, domain: str = "en") -> Pool:
    """The items of lm-eval tasks, groups or tags, each with exactly the prompt and continuations that lm-eval sends.

    Likelihood tasks keep lm-eval's accuracy; tasks that generate become `gold` questions (bits per byte of the target
    after the prompt), and where answers are written they are judged by the task itself (`task_answers`). A group is one
    benchmark, clustered by its tasks where it has at least 20 of them.

    Args:
        names: names that `lm_eval ls tasks` knows, or that `folder` defines.
        folder: of task files (YAML) of one's own.
        domain: what the benchmarks are filed under.

    Raises:
        EvalError: an unknown name (the nearest are said), a task whose data cannot be had, or of a kind that cannot be
            asked here.
    """
    with quiet(offline=False):
        made = [_benchmark(name, tasks, domain) for name, tasks in load_tasks(names, folder).items()]
    return Pool(benchmarks=tuple(b for b, _ in made), notes=tuple(note for _, note in made if note))


def load_tasks(names: Sequence[str], folder: str) -> dict[str, dict[str, Any]]:
    """lm-eval's task objects, by the name that was asked and by their own.

    Raises:
        EvalError: an unknown name, or a task whose data cannot be had.
    """
    manager = _manager(folder, False) if folder else _manager("", True)
    if set(names) - set(_known(manager)):
        manager = _manager(folder, True)
    return {name: _load(manager, name) for name in names}


@cache
def _manager(folder: str, defaults: bool) -> Any:
    """lm-eval's index of tasks; that of its own takes seconds to read."""
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=folder or None, include_defaults=defaults)


def _known(manager: Any) -> list[str]:
    return [*manager.all_tasks, *manager.all_groups, *manager.all_tags]


def _load(manager: Any, name: str) -> dict[str, Any]:
    """Task objects by name."""
    known = _known(manager)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else "see 'lm_eval ls tasks'"
        raise EvalError(f"evaluation.tasks: lm-eval has no task, group or tag {name!r}: {hint}")
    with _absent(name):
        return dict(manager.load([name])["tasks"])


@contextmanager
def _absent(name: str) -> Iterator[None]:
    """Say in one sentence that a task's data is missing."""
    try:
        yield
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())[:160]
        raise EvalError(
            f"evaluation.tasks: the data of {name!r} is not on this machine and cannot be had ({why}): run once with "
            "network, set HF_HOME to a cache that has it, or use a file of its questions in evaluation.packs"
        ) from error


def _benchmark(name: str, tasks: dict[str, Any], domain: str) -> tuple[Benchmark, str]:
    kinds = {str(task.OUTPUT_TYPE) for task in tasks.values()}
    if len(kinds) != 1:
        raise EvalError(f"evaluation.tasks: {name!r} mixes {', '.join(sorted(kinds))}: name its tasks one by one")
    (kind,) = kinds
    items, left = [], 0
    for task_name, task in tasks.items():
        task.set_fewshot_seed(seed=FEWSHOT_SEED)
        task.build_all_requests(rank=0, world_size=1)
        for requests in _by_document(task):
            item = _ITEMS[kind](task, requests)
            left += item is None
            items += [_filed(item, task_name, requests[0].doc_id, len(tasks))] if item else []
    if not items:
        raise EvalError(f"evaluation.tasks: {name!r} has no question with one context and one right answer to ask here")
    asked = {"loglikelihood_rolling": "bpb", "multiple_choice": "choice"}.get(kind, "gold")
    made = Benchmark.model_validate(
        {
            "name": name,
            "kind": asked,
            "domain": domain,
            "metric": "margin" if asked == "choice" else "bits_per_byte",
            "items": tuple(items),
            "check": "task" if kind == "generate_until" and not _runs_code(tasks) else "",
            "normalize": asked == "choice" and _normalized(next(iter(tasks.values()))),
        }
    )
    notes = [f"{name}: {left} questions without one context and one right answer left out"] if left else []
    if _runs_code(tasks):
        notes.append(f"{name}: its answers are programs, of which only the likelihood is measured: use a pack of them")
    return made, "; ".join(notes)


def _by_document(task: Any) -> Iterator[list[Any]]:
    """Requests of each document, in the order of its choices."""
    found: dict[int, list[Any]] = {}
    for instance in task.instances:
        found.setdefault(instance.doc_id, []).append(instance)
    for requests in found.values():
        yield sorted(requests, key=lambda r: r.idx)


def _filed(item: Item, task: str, document: int, tasks: int) -> Item:
    name = f"{task}/{document}"
    return item.model_copy(update={"id": name, "cluster": task if tasks >= SUBJECTS else name})


def _choice(task: Any, requests: list[Any]) -> Item | None:
    choices, gold = task.doc_to_choice(requests[0].doc), task.doc_to_target(requests[0].doc)
    contexts, endings = zip(*(r.args for r in requests[: len(choices)]), strict=True)
    place = choices.index(gold) if isinstance(gold, str) and gold in choices else gold
    if len(set(contexts)) != 1 or not isinstance(place, int) or not 0 <= place < len(choices):
        return None
    return Item(id="", cluster="", text=contexts[0], choices=endings, answer=place)


def _continuation(task: Any, requests: list[Any]) -> Item | None:
    context, ending = requests[0].args
    return Item(id="", cluster="", text=context, choices=(ending,)) if ending else None


def _generated(task: Any, requests: list[Any]) -> Item | None:
    target = task.doc_to_target(requests[0].doc)
    target = target[0] if isinstance(target, list) and target else target  # the first of several right answers
    if not isinstance(target, str) or not target:
        return None
    context = requests[0].args[0]
    blank = "" if context[-1:].isspace() or target[:1].isspace() else task.config.target_delimiter
    return Item(id="", cluster="", text=context, choices=(blank + target,), target=target.strip())


def _text(task: Any, requests: list[Any]) -> Item | None:
    text = requests[0].args[0]
    return Item(id="", cluster="", text=text) if text else None


_ITEMS: dict[str, Callable[[Any, list[Any]], Item | None]] = {
    "multiple_choice": _choice,
    "loglikelihood": _continuation,
    "loglikelihood_rolling": _text,
    "generate_until": _generated,
}


def _runs_code(tasks: dict[str, Any]) -> bool:
    return any(getattr(task, "UNSAFE_CODE", False) for task in tasks.values())


def _normalized(task: Any) -> bool:
    names = {m["metric"] for m in task.config.metric_list or ()}
    return "acc_norm" in names and "acc" not in names
