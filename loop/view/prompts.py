"""Prompts: what is said to models in a run, where each prompt came from, and what it was measured to be worth."""

import difflib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...prompts import Prompt, PromptError, PromptSet, built_in
from ...tiers.errors import InputError
from ..prompt_family import Member, family
from ..run_folder import open_run
from .formats import diff, safe
from .intervals import with_interval
from .reader import RunReader

LINES = 200


def prompts(
    runs: Path, name: str | None, shown: str | None = None, compared: tuple[str, str] | None = None
) -> dict[str, Any]:
    """All prompts; or one in full; or what one says that another does not.

    Raises:
        InputError: there is no such run or prompt.
    """
    if name is None:
        return _view(built_in(), {}, "", shown, compared)
    with RunReader(open_run(runs, name).root) as run:
        try:
            known = built_in().read(run.root / "prompts")
        except PromptError as error:
            raise InputError(f"{run.root / 'prompts'}: {error}; restore it from a copy of the run") from error
        return _view(known, _measured(run, known), run.name, shown, compared)


def _view(
    known: PromptSet,
    measured: dict[str, dict[str, Any]],
    run: str,
    shown: str | None,
    compared: tuple[str, str] | None,
) -> dict[str, Any]:
    if compared:
        before, after = (find(known, n) for n in compared)
        told = {"before": before.ref, "after": after.ref, "lines": diff(before.words, after.words, LINES, 2_000)}
        return safe({"view": "prompt-diff", **told})
    if shown:
        prompt = find(known, shown)
        return safe({"view": "prompt", "words": prompt.words, **_row(prompt), **measured.get(prompt.name, {})}, 20_000)
    rows = [_row(p) | measured.get(p.name, {}) for p in known]
    gone = measured.get("", {}).get("refused", [])
    return safe({"view": "prompts", "run": run, "prompts": rows, "refused": gone})


def find(known: PromptSet, name: str) -> Prompt:
    """The prompt called `name` or `name@digest`.

    Raises:
        InputError: there is none; the nearest names are said.
    """
    by_name = {p.name: p for p in known}
    wanted, _, digest = name.partition("@")
    if wanted in by_name and (not digest or by_name[wanted].digest.startswith(digest)):
        return by_name[wanted]
    near = difflib.get_close_matches(wanted, by_name, n=3, cutoff=0.3)
    raise InputError(f"no prompt {name!r}: did you mean {', '.join(near) or ', '.join(sorted(by_name))}?")


def _row(prompt: Prompt) -> dict[str, Any]:
    return {
        "name": prompt.name,
        "ref": prompt.ref,
        "role": prompt.role,
        "makes": prompt.rubric or prompt.kind,
        "domains": list(prompt.domains),
        "languages": list(prompt.languages),
        "version": prompt.version,
        "parent": prompt.parent,
        "origin": prompt.origin,
        "standing": "in use" if not prompt.parent else "trial",
        **dict.fromkeys(("trust", "weight", "worth", "low", "high", "verdict", "reason")),
        "decisions": 0,
    }


def _measured(run: RunReader, known: PromptSet) -> dict[str, dict[str, Any]]:
    """By name of the prompt: trust, weight, worth with its 95 % interval, decisions, standing; under "" the refused."""
    members = family(run.db)
    newest = {r["rubric"]: r for r in run.db.rows("rubrics")}
    told: dict[str, dict[str, Any]] = {}
    for prompt in known:
        row = newest.get(prompt.rubric) if prompt.rubric else None
        told[prompt.name] = {"decisions": _decisions(run, prompt)} | (_worth(row) if row else {})
        if prompt.rubric in members:
            told[prompt.name] |= _standing(members[prompt.rubric])
    told[""] = {"refused": [m.model_dump(mode="json") for m in members.values() if m.standing == "refused"]}
    return told


def _worth(row: dict[str, Any]) -> dict[str, Any]:
    said = {k: row[k] for k in ("trust", "weight", "worth", "reason")}
    if row["worth"] is None or not row["worth_se"]:
        return said | {"worth": None}
    measured = with_interval(row, "worth", "worth_se")
    return said | {key: measured[f"worth_{key}"] for key in ("low", "high", "verdict")}


def _standing(member: Member) -> dict[str, Any]:
    return {"standing": member.standing, "since": member.round, "screened": member.reason}


def _decisions(run: RunReader, prompt: Prompt) -> int:
    """Decisions that the prompt was said for; a rubric's grades are counted, as one decision may hold several."""
    if prompt.rubric:
        table = run.store.scores()
        mine = pc.equal(table["rubric"], prompt.rubric) if table is not None and table.num_rows else pa.array([False])
        return int(pc.sum(pc.cast(mine, pa.int64())).as_py() or 0)
    return int(pc.sum(pc.cast(pc.equal(run.ledger["prompt"], prompt.ref), pa.int64())).as_py() or 0)
