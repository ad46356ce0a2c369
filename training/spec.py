"""RunSpec and TrainedModel: what a fine-tuning run is asked for, and what it leaves behind."""

from typing import Literal, Self

from pydantic import Field, model_validator

from ..tiers.record import Record
from .schedule import Schedule

Attention = Literal["auto", "eager", "sdpa", "flash_attention_2"]
Mixing = Literal["none", "odm", "odm_code", "ado"]
"""How a run's own losses move its mixture while it trains (training.mixing)."""
InfluenceForm = Literal["less", "tracin", "cosine"]
Tracker = Literal["tensorboard", "wandb", "mlflow", "trackio"]
Dtype = Literal["auto", "float32", "bfloat16"]
"""Precision of the matrix products (weights and optimiser stay float32); auto: bfloat16 where the hardware has it."""


class ModelConfig(Record):
    """The base: a llama from scratch with its own byte-level BPE, or the model on disk or the Hub that `path` names."""

    path: str = ""
    vocab: int = Field(default=4096, ge=258)
    """256 bytes, end of text and padding at least."""
    hidden: int = Field(default=128, gt=0)
    layers: int = Field(default=4, gt=0)
    heads: int = Field(default=2, gt=0)
    intermediate: int = Field(default=384, gt=0)
    block: int = Field(default=256, ge=2)
    """Tokens in a training sequence, and the context length."""
    steps: int = Field(default=240, gt=0)
    batch: int = Field(default=8, gt=0)
    lr: float = Field(default=4e-3, gt=0)
    dtype: Dtype = "auto"
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        """Rotary positions turn pairs of numbers within a head."""
        if self.hidden % (2 * self.heads):
            raise ValueError(f"wanted hidden to be a multiple of 2 * heads = {2 * self.heads}, got {self.hidden}")
        return self


class TrainConfig(Record):
    """How a round's runs are trained; all runs of a round share it."""

    method: Literal["full", "lora", "qlora"] = "full"
    """qlora: adapters on a base held in four bits, on a GPU only."""
    steps: int = Field(default=80, gt=0)
    batch: int = Field(default=8, gt=0)
    lr: float = Field(default=2e-3, gt=0)
    warmup: float = Field(default=0.1, ge=0, le=1)
    """Share of the steps with rising learning rate."""
    decay: float = Field(default=0.5, ge=0, le=1)
    """Share of the steps with falling learning rate (WSD: warm up, stay, decay to zero)."""
    schedule: Schedule = "wsd"
    """cosine: after the warm-up down to a tenth, without a stay."""
    weight_decay: float = Field(default=0.1, ge=0)
    clip: float = Field(default=1.0, gt=0)
    dtype: Dtype = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; no part of a run's identity."""
    attention: Attention = "auto"
    micro_batch: int = Field(default=0, ge=0)
    """Rows that go through the model at once; 0: the whole batch. Halved, and said, when memory is too small."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them: a third slower, far less memory."""
    checkpoint: int = Field(default=0, ge=0)
    """Steps between checkpoints inside a run; 0: none, a killed run begins anew."""
    lora_rank: int = Field(default=8, gt=0)
    lora_alpha: float = Field(default=0.0, ge=0)
    """0: twice the rank."""
    lora_rs: bool = False
    """Scale by alpha / sqrt(rank) (rsLoRA)."""
    lora_dora: bool = False
    """Learn magnitude and direction apart (DoRA)."""
    lora_targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Names of the adapted modules; `all-linear` for all but the head."""
    format: Literal["text", "chat"] = "text"
    """chat: documents that hold a conversation (JSON messages) are laid out by the tokenizer's chat template."""
    learn_roles: tuple[str, ...] = ("assistant",)
    """Of a conversation, whose words are learned."""
    isolate: bool = False
    """Whether the documents of a block are hidden from each other (conversations always are)."""
    mixing: Mixing = "none"
    """Whether main's losses move its mixture during the run."""
    track: tuple[Tracker, ...] = ()
    """Where metrics are sent besides the run's own record; each wants its package."""
    processes: int = Field(default=1, ge=1)
    """GPUs (or CPU processes) that share each run, by `accelerate launch`; they have to divide the batch."""
    min_blocks: int = Field(default=16, gt=0)
    """An arm with fewer packed blocks is not trained on."""
    max_epochs: float = Field(default=4.0, gt=0)
    """No arm is repeated more often than this within a run; its excess share goes to the other arms."""


class Stage(Record):
    """A stretch of a run with a mixture of its own."""

    share: float = Field(gt=0, le=1)
    """Of the run's tokens."""
    mixture: dict[str, float]


class RunSpec(Record):
    """One run of a declared batch; runs of one `group` share base, seed, order and token count, so they are paired."""

    name: str
    """main, control, centre, probe-1.., aa-1.. : unique within a round."""
    group: str
    """Runs that may be compared with each other: `full` (main, control, aa) or `probe` (centre, probes)."""
    base: str
    """Folder of the base model (transformers format with tokenizer)."""
    blocks: str
    """Folder of packed arms: `index.json` and one `<domain>-<tier>.npy` of shape [blocks, block] each."""
    mixture: dict[str, float]
    steps: int = Field(gt=0)
    seed: int
    """Of each arm's permutation (which of its blocks come, and when) and fresh adapters; differs between A/A runs."""
    order: int
    """Of the slots (which arm comes when), the same within a group."""
    pool: float = Field(default=1.0, gt=0, le=1)
    """Fraction of each arm's blocks that may be seen: a short probe repeats scarce arms as often as a full run."""
    out: str
    config: TrainConfig = TrainConfig()
    adapter: str = ""
    """LoRA only: folder of an adapter to train on (mode `stack`) instead of a fresh one."""
    stages: tuple[Stage, ...] = ()
    """Stretches with mixtures of their own under one learning-rate schedule; `mixture` then is only their record."""
    mixing: Mixing = "none"
    """How this run's own losses move its mixture."""
    metrics: str = ""
    """Folder of the trackers' files."""


class TrainedModel(Record):
    """What a run left behind, written as `trained.json` in `path` once all is on disk."""

    name: str
    path: str
    """Folder of the trained model (full weights; for LoRA the merged model, with the adapter in `adapter/`)."""
    fingerprint: str
    """Digest of everything that bears on the weights: base fingerprint, data, mixture, seeds, config."""
    mixture: dict[str, float]
    """Realised shares of the tokens, after the epoch cap."""
    epochs: dict[str, float]
    """How often each arm's blocks were seen."""
    tokens: int
    seconds: float
    loss_first: float
    loss_last: float
    losses: tuple[float, ...] = ()
    """Training loss in nats per token, averaged over ten equal stretches of the run."""
    diverged: bool = False
    """The loss became NaN or rose above three times its first value: training stopped there, the weights are no use."""
    dtype: str = "float32"
    """What `auto` came to on this machine."""
    device: str = ""
    """Likewise: `cpu`, or `cuda` where a GPU was used; empty in records of older versions."""
    flops: float = 0.0
    """Model FLOPs of the run: forward and backward, nothing computed twice."""
    mfu: float | None = None
    """Share of the devices' peak that the model FLOPs came to; None where the peak is not known, as on a CPU."""
    notices: tuple[str, ...] = ()
    """What a reader should know: a smaller micro-batch, a checkpoint passed over."""


class InfluenceConfig(Record):
    """How influence is measured."""

    form: InfluenceForm = "less"
    """less: Adam's step against the gradient, by cosine; cosine: both plain gradients; tracin: their product."""
    checkpoints: int = Field(default=2, ge=1, le=16)
    """Places of the warm-up at which gradients are compared."""
    warmup: int = Field(default=8, ge=1)
    """Steps of eight documents before each of them: they move the adapters off zero and give Adam its moments."""
    lr: float = Field(default=1e-3, gt=0)
    rank: int = Field(default=8, gt=0)
    length: int = Field(default=256, ge=2)
    """Tokens that are read of a text."""
    features: int = Field(default=8192, gt=0)
    """Numbers that a gradient is projected to."""
    seed: int = 0
    """Of the adapters, the order of the warm-up and the projection."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
