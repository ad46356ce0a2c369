"""Sampling: the shape of the chance by which selection draws, as a user sets it."""

from pydantic import Field

from .record import Record


class Sampling(Record):
    """Shape of the chance over the rank."""

    steepness: float = Field(default=12.0, ge=0)
    """lambda: how fast the chance falls around the midpoint; 0 ignores scores."""
    power: float = Field(default=1.0, gt=0)
    """eta: above 1 favours the very best."""
    explore: float = Field(default=0.05, ge=0, le=1)
    """epsilon: the chance that even the worst document keeps."""
