"""The base model: trained from scratch on the train split, or found in the cache, and copied into the run."""

import hashlib
import json
import shutil

from ...tiers.seal import SEAL, check_sealed, seal_folder
from ...tiers.tier import Tier
from ...tiers.whole import whole_folder
from ..context import RunContext
from ..jobs import base_job


def base_model(context: RunContext) -> str:
    """Folder of the base inside the run, relative to it."""
    target = context.folder.models / "base"
    if target.is_dir() and context.db.meta("base") is None:  # run.db is from before it was made
        shutil.rmtree(target)
    if not target.is_dir():
        context.safe_point()
        config = context.config
        context.progress.say(f"base model · {config.model.path or 'a llama trained from scratch, unless it is cached'}")
        job = (config.model.model_dump_json(), base_texts(context), str(context.cache), config.workers)
        made = json.loads(context.workers.map(base_job, [job])[0])
        with whole_folder(target) as fresh:
            shutil.copytree(made.pop("path"), fresh, dirs_exist_ok=True)
            check_sealed(fresh)
            seal_folder(fresh)
            context.db.set_meta("base", made)
        how = "from the cache" if made["cached"] else f"{made['tokens'] / 1e6:.2f}M tokens in {made['seconds']:.0f} s"
        context.progress.say(f"base model · {made['parameters'] / 1e6:.2f}M parameters, {how}")
    context.artefacts.add(target / SEAL)
    return context.relative(target)


def base_texts(context: RunContext) -> list[str]:
    """L1 texts, all domains, in an order drawn from the model's seed."""
    held = context.store.documents(tier=Tier.L1)
    ids, texts = held["id"].to_pylist(), held["text"].to_pylist()
    seed = context.config.model.seed
    order = sorted(range(len(ids)), key=lambda i: hashlib.blake2b(f"{seed}:{ids[i]}".encode()).digest())
    return [texts[i] for i in order]
