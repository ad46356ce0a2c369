"""A pickle in place of weights is refused by every loader before anything reads it."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from coevo.agents.backends.causal import CausalModel, _adapted
from coevo.eval import engine
from coevo.tiers.errors import CoevoError
from coevo.tiers.weights import refuse_pickles
from coevo.training.lora import load_adapter
from coevo.training.models import load_model

CONFIG = '{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "num_hidden_layers": 1}'


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (str(self.path), "w"))


LOADERS: dict[str, Callable[[Path], object]] = {
    "training": lambda folder: load_model(folder),
    "evaluation": lambda folder: engine.load(folder, 1, "cpu", "float32"),
    "agents": lambda folder: CausalModel(str(folder)),
    "an adapter to train on": lambda folder: load_adapter(torch.nn.Linear(1, 1), folder),
    "an adapter to ask": lambda folder: _adapted(torch.nn.Linear(1, 1), str(folder)),
}


@pytest.mark.parametrize("name", ["pytorch_model.bin", "adapter_model.bin", "model.pt", "weights.pkl"])
@pytest.mark.parametrize("loader", LOADERS)
def test_a_pickle_is_never_opened(loader: str, name: str, tmp_path: Path) -> None:
    folder, sprung = tmp_path / "model", tmp_path / "sprung"
    folder.mkdir()
    (folder / "config.json").write_text(CONFIG)
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 1}')
    (folder / name).write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(CoevoError, match=r"as a pickle.*safetensors"):
        LOADERS[loader](folder)
    assert not sprung.exists()


def test_safetensors_and_names_of_a_hub_pass(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "training_args.bin").write_bytes(b"")
    refuse_pickles(tmp_path)
    refuse_pickles("organisation/model")
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(CoevoError, match="as a pickle"):
        refuse_pickles(tmp_path)
