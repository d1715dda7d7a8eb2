"""The base of all data that qslot takes and gives."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Data that never changes once it has been validated. Fields that it does not have are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
