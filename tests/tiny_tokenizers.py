"""Small tokenizers made on the spot in the ways of well-known models, each with its chat template."""

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXTS = ["The river rises in the northern hills.", "def total(items):\n    return sum(items)\n", "yes no Yes No"] * 8
LETTERS = [chr(c) for c in range(33, 127)] + ["▁", "\n"]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
INST = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% else %}{{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
TURNS = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}"
    "{% endif %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def qwen() -> PreTrainedTokenizerFast:
    """Byte-level BPE without a beginning of text; some marks are added tokens that are not special."""
    return _byte_level(
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], ["<tool_call>", "</think>"], CHATML, eos_token="<|im_end|>"
    )


def llama3() -> PreTrainedTokenizerFast:
    """Byte-level BPE that puts a beginning of text before each text."""
    made = _byte_level(["<|begin_of_text|>", "<|im_end|>", "<|im_start|>"], [], "{{ bos_token }}" + CHATML)
    return _framed(made, "<|begin_of_text|>", "<|im_end|>", end=False)


def gpt2() -> PreTrainedTokenizerFast:
    """Byte-level BPE whose beginning is its end of text, and which adds neither."""
    return _byte_level(["<|endoftext|>"], [], "", bos_token="<|endoftext|>", eos_token="<|endoftext|>")


def prefix_space() -> PreTrainedTokenizerFast:
    """Byte-level BPE that puts a blank before each text (RoBERTa's way)."""
    made = _byte_level(["<s>", "</s>"], [], "", prefix=True)
    return _framed(made, "<s>", "</s>", end=False)


def ends() -> PreTrainedTokenizerFast:
    """Byte-level BPE that puts a beginning before each text and an end behind it."""
    made = _byte_level(["<s>", "</s>"], [], "")
    return _framed(made, "<s>", "</s>", end=True)


def llama2() -> PreTrainedTokenizerFast:
    """BPE of sentencepiece with its marks in the vocabulary, and merges that lead to one of them."""
    coder = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    coder.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    coder.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<unk>", "<s>", "[INST]", "[/INST]"],
        initial_alphabet=LETTERS,
        show_progress=False,
    )
    coder.train_from_iterator([*TEXTS, *(f"{c}</s>{c}" for c in "abcdefghijklmnop")], trainer)
    assert coder.token_to_id("</s>"), "no merges to the end of text were learned"
    return _framed(_fast(coder, INST), "<s>", "</s>", end=False)


def gemma() -> PreTrainedTokenizerFast:
    """BPE of sentencepiece whose turn marks are added tokens that are not special, as are runs of blanks and HTML."""
    coder = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    coder.normalizer = normalizers.Replace(" ", "▁")
    coder.decoder = decoders.Replace("▁", " ")
    marks = ["<unk>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "\n\n", "<h1>"]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=marks, initial_alphabet=LETTERS, show_progress=False)
    coder.train_from_iterator(TEXTS, trainer)
    plain = Tokenizer.from_str(coder.to_str().replace('"special":true', '"special":false'))
    return _framed(_fast(plain, TURNS), "<bos>", "<eos>", end=False)


def unigram() -> PreTrainedTokenizerFast:
    """Unigram with its marks as pieces, which the likeliest segmentation of their spelling is made of."""
    coder = Tokenizer(models.Unigram())
    coder.pre_tokenizer = pre_tokenizers.Metaspace()
    coder.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120,
        special_tokens=["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"],
        unk_token="<unk>",
        show_progress=False,
        initial_alphabet=LETTERS,
    )
    coder.train_from_iterator(TEXTS, trainer)
    return _framed(_fast(coder, CHATML), "<s>", "</s>", end=False)


FAMILIES = {f.__name__: f for f in (qwen, llama3, gpt2, prefix_space, ends, llama2, gemma, unigram)}


def _byte_level(
    special: list[str], added: list[str], template: str, *, prefix: bool = False, **names: str
) -> PreTrainedTokenizerFast:
    coder = Tokenizer(models.BPE())
    coder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    coder.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    coder.train_from_iterator(TEXTS, trainer)
    coder.add_tokens([AddedToken(token, special=False) for token in added])
    return _fast(coder, template, **names)


def _fast(coder: Tokenizer, template: str, **names: Any) -> PreTrainedTokenizerFast:
    made = PreTrainedTokenizerFast(tokenizer_object=coder, **names)
    if template:
        made.chat_template = template
    return made


def _framed(made: PreTrainedTokenizerFast, begin: str, stop: str, *, end: bool) -> PreTrainedTokenizerFast:
    """The tokenizer with a beginning (and an end) around each text."""
    coder = made.backend_tokenizer
    frame = [(t, coder.token_to_id(t)) for t in (begin, stop)]
    single = f"{begin} $A {stop}" if end else f"{begin} $A"
    coder.post_processor = processors.TemplateProcessing(single=single, special_tokens=frame)
    unknown = {"unk_token": "<unk>"} if coder.token_to_id("<unk>") is not None else {}
    return _fast(coder, made.chat_template or "", bos_token=begin, eos_token=stop, **unknown)
