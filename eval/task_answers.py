"""Answers written to lm-eval's own tasks, judged by the task objects: their prompts, filters and metrics."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ..tiers.errors import EvalError
from .imported import FEWSHOT_SEED, load_tasks
from .score import Benchmark

LENGTHS = ("max_gen_toks", "max_tokens", "max_new_tokens", "max_length")
"""Names that tasks have for the longest answer."""


def judged(lm: Any, benchmark: Benchmark, tokens: int, folder: str, chat: bool) -> dict[str, float]:
    """The task's own metric of each item, by id: of its first filter, the first that is a number for one answer.

    Args:
        lm: a model behind lm-eval's interface.
        benchmark: made by `import_tasks` of tasks that generate.
        tokens: longest answer; a task that asks for less gets less.
        folder: of task files of one's own.
        chat: whether the model's chat template is put around the prompts.

    Raises:
        EvalError: the tasks' data is not what the benchmark was made of, or they have no metric for one answer.
    """
    wanted: dict[str, dict[int, str]] = defaultdict(dict)
    for item in benchmark.items:
        task, _, document = item.id.rpartition("/")
        wanted[task][int(document)] = item.text
    found: dict[str, float] = {}
    for name, loaded in load_tasks(sorted(wanted), folder).items():
        scores = _judged(lm, loaded[name], wanted[name], tokens, chat)
        found |= {f"{name}/{document}": score for document, score in scores.items()}
    return found


def _judged(lm: Any, task: Any, wanted: Mapping[int, str], tokens: int, chat: bool) -> dict[int, float]:
    _prepare(lm, task, tokens, chat)
    # All requests are made although some are asked: the examples before a question depend on those before it.
    task._instances = [i for i in task.instances if i.doc_id in wanted]
    if not chat and {i.doc_id: i.args[0] for i in task.instances} != dict(wanted):
        raise EvalError(
            f"evaluation.tasks: {task.task_name} asks other questions than when the suite was cut (its data or lm-eval "
            "changed): restore them, or start a new run"
        )
    asked = [instance for instance in task.instances for _ in range(instance.repeats)]
    for said, instance in zip(lm.generate_until(asked), asked, strict=True):
        instance.resps.append(said)
    task.apply_filters()
    first = next(iter(task.instances[0].filtered_resps))
    return {i.doc_id: _number(task, task.process_results(i.doc, [i.filtered_resps[first]])) for i in task.instances}


def _prepare(lm: Any, task: Any, tokens: int, chat: bool) -> None:
    """Build the task's requests as lm-eval's command does, with answers of `tokens` at most."""
    own = dict(task.config.generation_kwargs or {})
    longest = min([tokens, *(int(own.pop(name)) for name in LENGTHS if own.get(name))])
    task.config.generation_kwargs = own | {"max_gen_toks": longest}
    task.set_fewshot_seed(seed=FEWSHOT_SEED)
    more = {"chat_template": lm.apply_chat_template, "tokenizer_name": lm.tokenizer_name} if chat else {}
    task.build_all_requests(rank=0, world_size=1, apply_chat_template=chat, **more)


def _number(task: Any, metrics: Mapping[str, Any]) -> float:
    found = next((float(v) for v in metrics.values() if isinstance(v, (bool, int, float)) or hasattr(v, "item")), None)
    if found is None:
        raise EvalError(
            f"evaluation.tasks: {task.task_name} has no metric for a single answer ({', '.join(metrics)}): set "
            "evaluation.written=0 to measure likelihoods alone"
        )
    return found
