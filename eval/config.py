"""EvalConfig: how many questions of which length a suite holds, and how its deltas are judged."""

from typing import Literal

from pydantic import Field

from ..tiers.record import Record

EngineName = Literal["hf", "vllm", "auto"]


class EvalConfig(Record):
    """Everything that bears on which questions are asked; the suite's digest follows from it.

    The defaults keep one `measure` of a 1.3M-parameter model under 2.5 s on one thread. Lengths are UTF-8 bytes,
    which bound the tokens of every byte-level tokenizer from above: a cloze question of 144 bytes never outgrows a
    context of 256 tokens, whatever the tokenizer.
    """

    bpb_items: int = Field(default=72, ge=0)
    """Chunks for bits per byte, in each domain; 0 leaves the benchmark out."""
    bpb_bytes: int = Field(default=320, ge=64)
    """Longest chunk; a chunk is at least half as long."""
    cloze_items: int = Field(default=48, ge=0)
    """True-continuation-against-distractors questions, in each domain."""
    cloze_context_bytes: int = Field(default=96, ge=16)
    cloze_choice_bytes: int = Field(default=48, ge=8)
    choices: int = Field(default=4, ge=2, le=8)
    """Choices of a cloze or arithmetic question, the true one among them."""
    arithmetic_items: int = Field(default=64, ge=0)
    arithmetic_domain: str = "math"
    """Arithmetic belongs to this domain, and is asked only where the domain has held-out texts."""
    tasks: tuple[str, ...] = ()
    """lm-eval tasks, groups or tags to ask as well (docs/evaluation.md)."""
    task_folder: str = ""
    """Folder of lm-eval task files of your own."""
    packs: tuple[str, ...] = ()
    """Benchmark files of JSON lines, or folders of them, to ask as well."""
    pack_items: int = Field(default=200, ge=2)
    """Most items of such a benchmark in one split."""
    pack_bytes: int = Field(default=0, ge=0)
    """Longest question with its longest choice that is asked of them, in UTF-8 bytes; 0 means any."""
    pack_shots: int = Field(default=0, ge=0, le=64)
    """Solved examples before each question of a pack."""
    pack_choices: Literal["text", "letters"] = "text"
    """Multiple choice of packs: the answer's text, or choices listed and answered by a letter."""
    chat: bool = False
    """Put questions of packs and tasks through the model's chat template."""
    written: int = Field(default=0, ge=0)
    """Tokens of an answer that the model writes itself where a pack's answers can be checked; 0: likelihoods alone."""
    aa_runs: int = Field(default=6, ge=2, le=9)
    """Runs on one mixture with other seeds that `prepare` measures seed noise by: n leave n - 1 degrees of freedom."""
    folds: int = Field(default=1, ge=1)
    """Parts that feedback items are cut into; each round is judged by the next one."""
    adapters: bool = False
    """Measure LoRA runs as adapters on one loaded base, and not as merged models."""
    engine: EngineName = "hf"
    """What computes: transformers, or vLLM, or vLLM where it is installed and there is a GPU (`auto`)."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What forward passes run in."""
    memory: float = Field(default=0.8, gt=0, le=1)
    """Share of the GPU's memory that vLLM takes for an evaluation."""
    min_clusters: int = Field(default=6, ge=2)
    """A benchmark cut from fewer source files is left out by name: its error could not be estimated."""
    min_items: int = Field(default=24, ge=2)
    """A benchmark with fewer questions is left out by name."""
    max_share: float = Field(default=0.3, gt=0, le=1)
    """Largest share of one benchmark in the sum of absolute contributions to the composite, its gain above .25 sd."""
    batch: int = Field(default=8, ge=1)
    """Requests in one forward pass; scores do not depend on it in float32."""
