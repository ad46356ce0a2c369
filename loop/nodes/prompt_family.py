"""The prompt family in a run at work: new rubrics are made of their parents, entered, tried and retired."""

from ...agents.advice import RubricIdea
from ...prompts import Prompt, PromptError, PromptSet, built_in, parse, write
from ...tiers.whole import write_whole
from ..context import Controls, RunContext
from ..prompt_family import KEY, Member, family


def enter(context: RunContext, member: Member) -> None:
    """Write a member down, in place of what was known of its rubric."""
    known = family(context.db) | {member.rubric: member}
    context.db.set_meta(KEY, [m.model_dump(mode="json") for m in known.values()])
    what = {"trial": "is tried", "retired": "is retired", "refused": "is not tried"}[member.standing]
    context.event(member.round, "learn", "info", f"rubric {member.rubric} {what}: {member.reason}")


def prompts_of(context: RunContext) -> PromptSet:
    """The prompts of a run: the built-in ones, and its own.

    Raises:
        PromptError: one of its own is malformed or does not fit.
    """
    paths = [p for p in sorted(context.folder.prompts.glob("*.md")) if context.artefacts.known(p)]
    return built_in().extended(parse(p.read_text(encoding="utf-8"), p.stem) for p in paths)


def on_trial(context: Controls) -> tuple[str, ...]:
    """New rubrics that are graded under."""
    return tuple(r for r, m in family(context.db).items() if m.standing == "trial")


def retired(context: Controls) -> frozenset[str]:
    """Rubrics that nobody grades under any more."""
    return frozenset(r for r, m in family(context.db).items() if m.standing == "retired")


def child(prompts: PromptSet, idea: RubricIdea, origin: str) -> Prompt:
    """The prompt that an idea makes of its parent: the question is its own, all other words are the parent's.

    Raises:
        PromptError: the parent has no question of its own, or the new words do not fit.
    """
    parent = next((p for p in prompts.of_role("scorer") if p.rubric == idea.parent), None)
    if parent is None or not parent.question:
        raise PromptError(f"rubric {idea.parent!r} has no prompt with a question that could be varied")
    if "{" in idea.question or "<document" in idea.question:
        raise PromptError("the question holds marks of a template or of a document")
    fields = {
        "name": f"score-{idea.rubric.replace('_', '-')}",
        "rubric": idea.rubric,
        "version": 1,
        "question": idea.question,
        "parent": parent.ref,
        "origin": origin,
        "languages": (),
    }
    made = Prompt.model_validate(parent.model_dump(by_alias=True) | fields)
    prompts.extended([made])
    return made


def keep(context: RunContext, prompt: Prompt) -> None:
    """Write a prompt into the run, whole or not at all."""
    path = context.folder.prompts / f"{prompt.name}.md"
    write_whole(path, write(prompt).encode())
    context.artefacts.add(path)


def adopt(context: RunContext) -> None:
    """Rubrics that the user's own prompts bring along are graded under from the start, where a model can grade."""
    known = {p.rubric for p in built_in().of_role("scorer")} | family(context.db).keys()
    ruled = context.config.agents.scorer.startswith("offline:")
    told = (
        {"standing": "refused", "reason": "rules grade here, and a question needs a model"}
        if ruled
        else {"standing": "trial", "reason": "given at the start"}
    )
    for prompt in prompts_of(context).of_role("scorer"):
        if prompt.rubric not in known:
            said = {"rubric": prompt.rubric, "prompt": prompt.ref, "question": prompt.question, "origin": "user"}
            enter(context, Member.model_validate(said | {"round": 0} | told))
