"""Editor (L2 -> L3): asks a model or the rules for an edit program, and shows what it makes of the document."""

from collections.abc import Sequence

from ..prompts import Prompt, cap
from ..tiers.decision import Action, Decision, Usage
from ..tiers.document import Document, document_id
from ..tiers.tier import Tier
from . import edit_rules
from .agent import Agent
from .chat import writable
from .edit_guards import EditRefused
from .edit_program import Edited, EditProgram, apply, lines_of

WORTH_IT = 0.01
"""White space alone makes an edit only when at least this share of the characters goes."""


class Editor(Agent):
    """Proposes EDIT with the edited text and its diff, REFUSE with the reason, or NONE where nothing needs an edit."""

    role = "editor"
    stage = "edit"
    rule = "rule:edit-rules"

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """One decision a document."""
        if self.offline:
            return [self._by_rules(d) for d in documents]
        return [self.attempt(d, lambda d=d: self._by_model(d)) for d in documents]  # type: ignore[misc]

    def _by_rules(self, document: Document) -> Decision:
        code = document.domain == "code"
        refusal = ""
        for rules in (edit_rules.ALL, edit_rules.SAFE):
            draft = edit_rules.draft(document.text, code=code, rules=rules)
            if not draft.changes or not _worth_it(draft, document.text):
                break
            try:
                edited = apply(draft.program(), document.text, code=code)
            except EditRefused as error:
                refusal = refusal or str(error)
                continue
            return self._edited(document, edited, draft.program().reason, list(draft.rules))
        if refusal:
            return self.decision(document, Action.REFUSE, refusal)
        return self.nothing(document, "nothing to edit")

    def _by_model(self, document: Document) -> Decision:
        prompt = self.prompts.get("edit-program", document.domain)
        numbered, shown = number_lines(document.text, prompt.limit)
        answer = self.ask(prompt, EditProgram, {"document": numbered})
        program, lines = answer.value, len(lines_of(document.text))
        if not program.edits:
            where = "" if shown == lines else f" in the {shown} of {lines} lines shown"
            reason = f"nothing to edit{where}: {program.reason}"
            return self.nothing(document, reason, prompt=prompt, usage=answer.usage)
        try:
            edited = apply(program, document.text, code=document.domain == "code", shown_lines=shown)
        except EditRefused as error:
            evidence = {"program": program.model_dump_json()[:4000]}
            return self.decision(
                document, Action.REFUSE, str(error), prompt=prompt, usage=answer.usage, evidence=evidence
            )
        if edited.text == document.text:
            return self.nothing(document, "the program changes nothing", prompt=prompt, usage=answer.usage)
        return self._edited(document, edited, program.reason, [], prompt=prompt, usage=answer.usage)

    def _edited(
        self,
        document: Document,
        edited: Edited,
        reason: str,
        rules: list[str],
        *,
        prompt: Prompt | None = None,
        usage: Usage | None = None,
    ) -> Decision:
        text = writable(edited.text)
        evidence = {
            "diff": edited.diff,
            "rules": rules,
            "removed_lines": edited.removed_lines,
            "added_lines": edited.added_lines,
            "chars_before": len(document.text),
            "chars_after": len(text),
        }
        return self.decision(
            document,
            Action.EDIT,
            reason,
            tier=Tier.L3,
            made=document_id(text, writable(document.source)),
            text=text,
            sources=(document.id,),
            evidence=evidence,
            prompt=prompt,
            usage=usage or Usage(),
        )


def _worth_it(draft: edit_rules.Draft, text: str) -> bool:
    if set(draft.rules) != {"white-space"}:
        return True
    gone = sum(
        len(draft.lines[i]) + 1 if new is None else len(draft.lines[i]) - len(new) for i, new in draft.changes.items()
    )
    return gone >= WORTH_IT * len(text)


def number_lines(text: str, limit: int) -> tuple[str, int]:
    """The first lines of `text`, each after its number, within `limit` characters; and how many they are."""
    shown: list[str] = []
    left = limit
    for n, line in enumerate(lines_of(text), 1):
        numbered = f"{n}: {cap(line, 600)}"
        left -= len(numbered) + 1
        if left < 0:
            break
        shown.append(numbered)
    return "\n".join(shown), len(shown)
