"""Texts as a model's tokens: a text is data, so control tokens come only from the model's own frame and template."""

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .errors import CoevoError, InputError

_MARKER = re.compile(r"[\s\u2581\u0120]*(?:__\w+__|[<\[{|>\uff5c].*\w.*[>\]}|<\uff5c])", re.DOTALL)
"""Shape of a token that marks something: `<|end|>`, `[INST]`, `<start_of_turn>`, `>>TITLE<<`, `__eot__`."""
_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")
"""Bytes that a vocabulary falls back on."""
_HTML = re.compile(
    r"</?(?:a|b|blockquote|br|code|div|em|h[1-6]|hr|i|img|li|ol|p|pre|span|strong|sub|sup|table|tbody|td|tfoot|th|thead"
    r"|tr|u|ul)/?>"
)
"""Elements that some vocabularies (Gemma's) hold whole: text of a page, not a mark of the model's."""


class TemplateRefused(InputError):
    """A conversation that a chat template does not lay out; `why` in its own words."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the chat template refuses the conversation ({why})")
        self.why = why


class TextTokens:
    """Encodes texts and conversations for a transformers tokenizer.

    A text that spells a control token becomes the pieces of its spelling. In what `render` returns, the control tokens
    that the chat template wrote stand under secret names, which only this object reads; so a conversation is encoded in
    one piece, exactly as without this care where its contents spell none.

    Control tokens are the special tokens, the added tokens in the chat template, and added tokens in the shape of a
    marker. Other added tokens (runs of blanks, words, HTML elements) are text.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.control = _control(tokenizer)
        """Ids by spelling."""
        secret = secrets.token_hex(16)
        self._rendered = f"{secret}r"
        self._names = {spelling: f"{secret}c{i}x" for i, spelling in enumerate(self.control)}
        self._shields = {spelling: f"{secret}s{i}x" for i, spelling in enumerate(self.control)}
        self._spellings = {shield: spelling for spelling, shield in self._shields.items()}
        self._spelled = _any_of(self.control)
        self._shielded = re.compile(_any_of(self._spellings).pattern, re.IGNORECASE)  # templates change case
        backend = getattr(tokenizer, "backend_tokenizer", None)
        self._backend = _renamed(backend, self._names) if backend is not None else None

    @cached_property
    def opening(self) -> tuple[int, ...]:
        """What the tokenizer puts before a text: a beginning of text, or nothing. What it puts behind is left out."""
        bare = self.encode("a")
        framed = self.tokenizer("a", add_special_tokens=True).input_ids
        places = range(len(framed) - len(bare) + 1)
        return next((tuple(framed[:i]) for i in places if framed[i : i + len(bare)] == bare), ())

    @cached_property
    def closing(self) -> tuple[int, ...]:
        """What the tokenizer puts behind a text: a separator or an end of text, or nothing."""
        framed = self.tokenizer("a", add_special_tokens=True).input_ids
        at = len(self.opening) + len(self.encode("a"))
        return tuple(framed[at:]) if framed[len(self.opening) : at] == self.encode("a") else ()

    @cached_property
    def start(self) -> tuple[int, ...]:
        """What the first token of a text is predicted from: the opening, or else what stands between documents.

        Raises:
            InputError: the tokenizer has neither beginning nor end of text.
        """
        if self.opening:
            return self.opening
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return (int(token),)
        name = getattr(self.tokenizer, "name_or_path", "")
        raise InputError(
            f"the tokenizer in {name} marks neither beginning nor end of a text: set eos_token in tokenizer_config.json"
        )

    def encode(self, text: str) -> list[int]:
        """Tokens of a text or of what `render` returned, without an opening."""
        return self.encode_batch([text.removeprefix(self._rendered)])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of each text, without an opening; half a surrogate pair is read as a question mark."""
        sound = [_sound(text) for text in texts]
        if self._backend is None:
            return [self._encode_slowly(text) for text in sound]
        return [e.ids for e in self._backend.encode_batch_fast(sound, add_special_tokens=False)]

    def framed(self, text: str) -> list[int]:
        """Tokens of a text behind its opening; what `render` returned opens as its template has it."""
        return [*self._before(text), *self.encode(text)]

    def pairs(self, asked: Sequence[tuple[str, str]]) -> list[tuple[list[int], list[int]]]:
        """Tokens of each context (never none) and of what follows it, split as lm-eval does: blanks go to what follows.

        Where the last word of a context and its continuation share a token, the continuation is encoded alone.
        """
        split = [(c.rstrip(), c[len(c.rstrip()) :] + more) for c, more in asked]
        texts = list(dict.fromkeys(text for head, more in split for text in (head, head + more)))
        coded = dict(zip(texts, self.encode_batch([t.removeprefix(self._rendered) for t in texts]), strict=True))
        return [
            ([*self._before(head), *coded[head]] or [*self.start], self._after(coded, head, more))
            for head, more in split
        ]

    def _before(self, text: str) -> tuple[int, ...]:
        return () if text.startswith(self._rendered) else self.opening

    def _after(self, coded: Mapping[str, list[int]], head: str, more: str) -> list[int]:
        return coded[head + more][len(coded[head]) :] or self.encode(more)

    def with_offsets(self, text: str) -> tuple[list[int], npt.NDArray[np.int64]]:
        """Tokens of a text or of what `render` returned, and [n, 2] the characters from which to which each reaches.

        Raises:
            InputError: the tokenizer is written in Python and knows no offsets.
        """
        if self._backend is None:
            raise InputError(
                f"{type(self.tokenizer).__name__} gives no offsets: use the model's fast tokenizer (tokenizer.json)"
            )
        bare = text.removeprefix(self._rendered)
        encoding = self._backend.encode(_sound(bare), add_special_tokens=False)
        offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
        return list(encoding.ids), offsets + (len(text) - len(bare))

    def render(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> str:
        """A conversation by the chat template, for `encode`, `framed`, `pair` and `with_offsets`, not for reading.

        Args:
            messages: role and content of each turn.
            options: of `apply_chat_template`.

        Raises:
            TemplateRefused: the template refuses the conversation, or breaks over it.
        """
        return self.through(messages, partial(self.tokenizer.apply_chat_template, tokenize=False, **options))

    def through(self, messages: Sequence[Mapping[str, Any]], template: Callable[[list[dict[str, Any]]], str]) -> str:
        """As `render`, by another way to the template: it must return a text."""
        turns = [self._shield(dict(message)) for message in messages]
        try:
            text = template(turns)
        except CoevoError:
            raise
        except Exception as e:  # a template is a program, and may fail in any way
            why = " ".join(str(e).split())[:80] or type(e).__name__
            raise TemplateRefused(why) from e
        named = self._spelled.sub(lambda m: self._names[m[0]], text)
        return self._rendered + self._shielded.sub(lambda m: self._spellings[m[0].lower()], named)

    def _shield(self, value: Any) -> Any:
        """What holds no text in which a control token is spelled, until `through` puts the spellings back."""
        if isinstance(value, dict):
            return {key: self._shield(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._shield(inner) for inner in value]
        return self._spelled.sub(lambda m: self._shields[m[0]], value) if isinstance(value, str) else value

    def _encode_slowly(self, text: str) -> list[int]:
        """By a tokenizer written in Python: piece by piece between the control tokens."""
        ids = {self._names[spelling]: token for spelling, token in self.control.items()}
        pieces = re.split(f"({_any_of(ids).pattern})", text)
        return [i for piece in pieces for i in ([ids[piece]] if piece in ids else self._plain(piece))]

    def _plain(self, piece: str) -> list[int]:
        if not piece:
            return []
        ids = self.tokenizer.encode(piece, add_special_tokens=False, split_special_tokens=True)
        forged = {*ids} & {*self.control.values()} - {self.tokenizer.unk_token_id}
        if forged:
            spelling = self.tokenizer.convert_ids_to_tokens(min(forged))
            raise InputError(
                f"{type(self.tokenizer).__name__} reads {spelling!r} in a text as a control token: use the model's "
                "fast tokenizer (tokenizer.json)"
            )
        return cast(list[int], ids)


def text_tokens(tokenizer: Any) -> TextTokens:
    """The encoder of a tokenizer, made once for as long as its tokens and its template stay the same."""
    state = (len(tokenizer), getattr(tokenizer, "chat_template", None))
    known = getattr(tokenizer, "_coevo_text_tokens", None)
    if known is None or known[0] != state:
        known = (state, TextTokens(tokenizer))
        tokenizer._coevo_text_tokens = known
    return cast(TextTokens, known[1])


def _sound(text: str) -> str:
    """The text without halves of surrogate pairs, which no tokenizer takes; as long as it was."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _control(tokenizer: Any) -> dict[str, int]:
    """Ids of control tokens by their spelling, longest first."""
    template = str(getattr(tokenizer, "chat_template", None) or "")
    special = {*tokenizer.all_special_tokens}
    found = {
        token.content: int(number)
        for number, token in tokenizer.added_tokens_decoder.items()
        if token.special or token.content in special or _marks(token.content, template)
    }
    found |= {t: int(tokenizer.convert_tokens_to_ids(t)) for t in special if t not in found}
    usable = {spelling: number for spelling, number in found.items() if spelling and not _BYTE.fullmatch(spelling)}
    return dict(sorted(usable.items(), key=lambda pair: (-len(pair[0]), pair[0])))


def _marks(spelling: str, template: str) -> bool:
    """Whether an added token that is not special is one of the model's marks nevertheless."""
    if spelling in template and any(c.isalnum() for c in spelling):
        return True
    return bool(_MARKER.fullmatch(spelling)) and not _HTML.fullmatch(spelling)


def _any_of(spellings: Any) -> re.Pattern[str]:
    """Matches any of them, the longest first; of none, nothing."""
    return re.compile("|".join(re.escape(s) for s in sorted(spellings, key=len, reverse=True)) or r"(?!)")


def _renamed(backend: Any, names: Mapping[str, str]) -> Any:
    """The tokenizer with its control tokens under other spellings, all ids as they were.

    Marking them as special and asking not to match special ones would leave those that the vocabulary itself holds.
    """
    parts = json.loads(backend.to_str())
    parts["truncation"] = parts["padding"] = None
    for token in parts.get("added_tokens") or ():
        token["content"] = names.get(token["content"], token["content"])
    model = parts["model"]
    vocab = model["vocab"]
    if isinstance(vocab, dict):
        model["vocab"] = {names.get(piece, piece): number for piece, number in vocab.items()}
    else:  # Unigram: pieces with their scores, in the order of their ids
        model["vocab"] = [[names.get(piece, piece), score] for piece, score in vocab]
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    if "merges" in model:
        model["merges"] = [m for m in model["merges"] if not _merges_to(m, names)]
    return type(backend).from_str(json.dumps(parts))


def _merges_to(merge: str | Sequence[str], names: Mapping[str, str]) -> bool:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left in names or right in names or left + right in names
