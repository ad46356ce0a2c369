"""RunReader: one run folder, read once for a view; nothing in it is changed."""

import fcntl
import math
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from ...tiers.apply import apply, no_holdings
from ...tiers.errors import InputError
from ...tiers.ledger import LEDGER_SCHEMA
from ...tiers.parts import read_part
from ...tiers.plain import from_yaml
from ...tiers.store import Store
from ..artefacts import checked_store
from ..run_db import RunDB
from .intervals import with_interval
from .several import by_comparison

NODES = ("allocate", "curate", "train", "evaluate", "learn")
PAIRS = (("accepted", "base"), ("main", "start"), ("main", "control"), ("control", "start"))
"""Comparisons that people ask for, in the order of interest; all others follow."""


class RunReader:
    """The tables of a run, fetched when first asked for.

    Raises:
        InputError: the folder is no run, or cannot be read.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.config = _config(self.root / "resolved.yaml")
        self.db = RunDB(self.root / "run.db")

    def __enter__(self) -> "RunReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    @property
    def name(self) -> str:
        """What commands call the run."""
        return self.root.resolve().name

    @property
    def config_text(self) -> str:
        """`resolved.yaml`, verbatim."""
        return (self.root / "resolved.yaml").read_text(encoding="utf-8")

    @cached_property
    def rounds(self) -> list[dict[str, Any]]:
        """Rows of `rounds` after prepare, oldest first."""
        return [r for r in self.db.rows("rounds") if r["round"] >= 1]

    @property
    def finished(self) -> list[dict[str, Any]]:
        """Rounds that are done."""
        return [r for r in self.rounds if r["status"] == "done"]

    @property
    def wanted(self) -> int:
        """Rounds the run was asked for (a resume may ask for more than the config)."""
        return int(self.db.meta("rounds") or self.config.get("rounds") or 0)

    @cached_property
    def deltas(self) -> list[dict[str, Any]]:
        """Every measured delta, with what it is worth among the benchmarks of its comparison."""
        units = {s: (self.db.meta(f"scale-{s}") or {}).get("sd", {}) for s in ("feedback", "hidden")}
        return by_comparison(self.db.rows("deltas"), units)

    @cached_property
    def runs(self) -> dict[tuple[int, str], dict[str, Any]]:
        """Trained models by round and name."""
        return {(r["round"], r["name"]): r for r in self.db.rows("runs")}

    @cached_property
    def domains(self) -> list[str]:
        """Domains in the order of the config."""
        return [str(d) for d in self.config.get("domains") or ("code", "en", "math")]

    @cached_property
    def store(self) -> Store:
        """The documents."""
        return checked_store(self.root, self.db)

    @cached_property
    def ledger(self) -> pa.Table:
        """Every decision without the texts it made and the evidence, in order."""
        return self.store.ledger.read(columns=[n for n in LEDGER_SCHEMA.names if n not in ("text", "evidence")])

    @cached_property
    def held(self) -> dict[int, pa.Table]:
        """What was held at the end of each round (0: after prepare)."""
        out, holdings = {}, no_holdings()
        for number in sorted(self.ledger["round"].unique().to_pylist()):
            holdings = apply(holdings, self.ledger.filter(pc.equal(self.ledger["round"], number)))
            out[number] = holdings
        return out

    def node_seconds(self, number: int) -> dict[str, float]:
        """Wall seconds by node of a round, those that were broken off included."""
        return {n["node"]: n["seconds"] or 0.0 for n in self.nodes if n["round"] == number}

    def nodes_done(self, number: int) -> set[str]:
        """Nodes of a round that have finished."""
        return {n["node"] for n in self.nodes if n["round"] == number and n["result"] is not None}

    @cached_property
    def nodes(self) -> list[dict[str, Any]]:
        """What is remembered of every node."""
        return self.db.rows("nodes")

    def delta(self, number: int, split: str, treatment: str, reference: str, benchmark: str = "composite") -> Any:
        """The row of one comparison, or None where it was not measured."""
        wanted = (number, split, treatment, reference, benchmark)
        keys = ("round", "split", "treatment", "reference", "benchmark")
        return next((d for d in self.deltas if tuple(d[k] for k in keys) == wanted), None)

    def arm_influence(self, number: int, arm: str) -> dict[str, Any]:
        """Gradient influence of an arm before a round, its standard error, and by benchmark; None if not measured."""
        told = self.db.meta(f"influence-{number}")
        if not told or arm not in told["influence"] or "cov" not in told:
            return with_interval({"influence": None, "influence_on": {}}, "influence", "influence_se")
        place = list(told["influence"]).index(arm)
        on = {name: values[arm] for name, values in told["benchmarks"].items()}
        found = {"influence": told["influence"][arm], "influence_on": on}
        found["influence_se"] = math.sqrt(max(told["cov"][place][place], 0.0))
        return with_interval(found, "influence", "influence_se", max(1, self._sampled(number, arm) - 1))

    def _sampled(self, number: int, arm: str) -> int:
        """Documents that an arm's influence is estimated from; all of the sample where the arm has fewer than two."""
        path = self.root / "scores" / f"influence-{number}.parquet"
        sample: Any = read_part(path, ["arm"])["arm"]
        mine = int(pc.sum(pc.equal(sample, arm)).as_py() or 0)
        return mine if mine > 1 else len(sample)

    def document_influence(self, doc: str) -> list[dict[str, Any]]:
        """Gradient influence of a document in the rounds whose sample it was in, and its rank in its arm's sample."""
        out = []
        for number in (r["round"] for r in self.rounds):
            path = self.root / "scores" / f"influence-{number}.parquet"
            if not path.is_file():
                continue
            table: Any = read_part(path)
            for row in table.filter(pc.equal(table["doc"], doc)).to_pylist():
                others = table.filter(pc.equal(table["arm"], row["arm"]))["influence"]
                rank = 1 + pc.sum(pc.greater(others, row["influence"])).as_py()
                on = {k.removeprefix("on "): v for k, v in row.items() if k.startswith("on ")}
                told = {"arm": row["arm"], "influence": row["influence"], "rank": rank, "sampled": len(others)}
                out.append({"round": number} | told | {"on": on})
        return out

    def rubric_probes(self) -> list[dict[str, Any]]:
        """Feedback composites of the rounds' rubric pairs, with the direction that set their documents apart."""
        found = [self.delta(r["round"], "feedback", "rubric-high", "rubric-low") for r in self.rounds]
        return [d | self.db.meta(f"rubric-probe-{d['round']}") for d in found if d]

    def accepted_mixture(self, number: int) -> dict[str, float]:
        """Realised shares of the run that the round accepted; empty until it has."""
        run = self.accepted_run(number)
        return dict(run["mixture"]) if run else {}

    def accepted_run(self, number: int) -> dict[str, Any] | None:
        """The run that the round accepted; None until it has."""
        row = next((r for r in self.rounds if r["round"] == number), None)
        return self.runs.get((number, row["accepted"])) if row and row["accepted"] else None

    def busy(self) -> int | None:
        """Id of the process that works on the run now (0 when it cannot be told), None when nobody does."""
        try:
            handle = os.open(self.root / ".lock", os.O_RDONLY)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.read(handle, 32).decode("ascii", "replace")
            return int(said) if said.isdigit() else 0
        finally:
            os.close(handle)
        return None


def pair_order(row: Mapping[str, Any]) -> tuple[int, str, str]:
    """Sort key of comparisons: the ones people ask for first."""
    pair = (row["treatment"], row["reference"])
    return (PAIRS.index(pair) if pair in PAIRS else len(PAIRS), *pair)


def credit(row: Mapping[str, Any]) -> dict[str, float | None]:
    """What an arm's share is estimated to have added to main over control: value x change of log share."""
    if row["value"] is None or not row["share"] or not row["reference"]:
        return {"credit": None, "credit_se": None}
    step = math.log(row["share"] / row["reference"])
    return {"credit": row["value"] * step, "credit_se": abs(step) * (row["value_se"] or 0.0)}


def _config(path: Path) -> dict[str, Any]:
    try:
        tree = from_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise InputError(
            f"{path} cannot be read: wanted the resolved config of a coevo run. List runs with: coevo status"
        ) from e
    if not isinstance(tree, dict):
        raise InputError(f"{path}: wanted a mapping of settings, got {type(tree).__name__}")
    return tree
