"""RunSpec and TrainedModel: what a fine-tuning run is asked for, and what it leaves behind."""

from typing import Literal

from ..tiers.record import Record

Dtype = Literal["auto", "float32", "bfloat16"]
"""Precision of the matrix products (weights and optimiser stay float32); auto: bfloat16 where the hardware has it."""


class ModelConfig(Record):
    """The base: a llama from scratch with its own byte-level BPE, or the model on disk or the Hub that `path` names."""

    path: str = ""
    vocab: int = 4096
    hidden: int = 128
    layers: int = 4
    heads: int = 2
    intermediate: int = 384
    block: int = 256
    """Tokens in a training sequence, and the context length."""
    steps: int = 240
    batch: int = 8
    lr: float = 4e-3
    dtype: Dtype = "auto"
    seed: int = 0


class TrainConfig(Record):
    """How a round's runs are trained; all runs of a round share it."""

    method: Literal["full", "lora"] = "full"
    steps: int = 80
    batch: int = 8
    lr: float = 2e-3
    warmup: float = 0.1
    """Share of the steps with rising learning rate."""
    decay: float = 0.5
    """Share of the steps with falling learning rate (WSD: warm up, stay, decay to zero)."""
    weight_decay: float = 0.1
    clip: float = 1.0
    dtype: Dtype = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; no part of a run's identity."""
    lora_rank: int = 8
    lora_targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    min_blocks: int = 16
    """An arm with fewer packed blocks is not trained on."""
    max_epochs: float = 4.0
    """No arm is repeated more often than this within a run; its excess share goes to the other arms."""


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
    steps: int
    seed: int
    """Of each arm's permutation (which of its blocks come, and when) and fresh adapters; differs between A/A runs."""
    order: int
    """Of the slots (which arm comes when), the same within a group."""
    pool: float = 1.0
    """Fraction of each arm's blocks that may be seen: a short probe repeats scarce arms as often as a full run."""
    out: str
    config: TrainConfig = TrainConfig()
    adapter: str = ""
    """LoRA only: folder of an adapter to train on (mode `stack`) instead of a fresh one."""


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
