"""Record: what crosses a disk or a model's mouth is frozen, closed to unknown fields and never NaN."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A value that outlives its process; `model_dump_json` and `model_validate_json` are exact inverses."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
