"""One run by its spec file: `python -m coevo.training SPEC.json`, or the same under `accelerate launch -m`."""

import json
import os
import sys
import time
from pathlib import Path

from ..tiers.errors import CoevoError


def main(path: str) -> int:
    """Train what the file declares; a line a second of progress, the TrainedModel as JSON at the end."""
    from pydantic import ValidationError

    from .spec import RunSpec
    from .trainer import run

    try:
        spec = RunSpec.model_validate_json(Path(path).read_bytes())
        made = run(spec, _Said())
    except OSError as e:
        return _refused(f"wanted the spec of a run in {path}: {e.strerror}")
    except ValidationError as e:
        return _refused(f"{path} is no spec of a run: {e.errors()[0]['loc']}: {e.errors()[0]['msg']}")
    except CoevoError as e:
        return _refused(str(e))
    if os.environ.get("RANK", "0") == "0":
        print(made.model_dump_json(), flush=True)
    return 0


class _Said:
    """Progress as JSON lines on standard error: another process reads them as easily as a person."""

    def __init__(self) -> None:
        self._last, self._first = 0.0, os.environ.get("RANK", "0") == "0"

    def __call__(self, step: int, steps: int, loss: float, speed: float) -> None:
        now = time.monotonic()
        if self._first and (now - self._last > 1 or step == steps):
            self._last = now
            told = {"step": step, "steps": steps, "loss": round(loss, 4), "tokens_per_second": round(speed)}
            print(json.dumps(told), file=sys.stderr, flush=True)


def _refused(sentence: str) -> int:
    print(f"coevo: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m coevo.training SPEC.json")
    sys.exit(main(sys.argv[1]))
