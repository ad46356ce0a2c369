"""Documents, their tiers, the ledger of decisions, and how they lie on disk.

Names are loaded when first asked for: the command line imports `coevo.tiers.errors` and must not wait for Arrow.
Functions that are called like their module (`apply`, `rows`, `counts`, `select`) are imported from it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .apply import HOLDINGS_SCHEMA, replay
    from .counts import StepCount
    from .decision import Action, Decision, Usage
    from .document import Document, document_id
    from .errors import CoevoError, InputError, LedgerError
    from .ledger import LEDGER_SCHEMA, STEPS, Ledger
    from .manifest import Manifest
    from .record import Record
    from .rows import decisions, rows_from_decisions, verdict_rows
    from .store import Store
    from .tier import DOMAINS, Arm, Tier, arms

__all__ = [
    "DOMAINS",
    "HOLDINGS_SCHEMA",
    "LEDGER_SCHEMA",
    "STEPS",
    "Action",
    "Arm",
    "CoevoError",
    "Decision",
    "Document",
    "InputError",
    "Ledger",
    "LedgerError",
    "Manifest",
    "Record",
    "StepCount",
    "Store",
    "Tier",
    "Usage",
    "arms",
    "decisions",
    "document_id",
    "replay",
    "rows_from_decisions",
    "verdict_rows",
]

_MODULES = {
    "apply": ("HOLDINGS_SCHEMA", "replay"),
    "counts": ("StepCount",),
    "decision": ("Action", "Decision", "Usage"),
    "document": ("Document", "document_id"),
    "errors": ("CoevoError", "InputError", "LedgerError"),
    "ledger": ("LEDGER_SCHEMA", "STEPS", "Ledger"),
    "manifest": ("Manifest",),
    "record": ("Record",),
    "rows": ("decisions", "rows_from_decisions", "verdict_rows"),
    "store": ("Store",),
    "tier": ("DOMAINS", "Arm", "Tier", "arms"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
