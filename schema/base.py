"""The base of all data that qslot takes and gives."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Data that never changes once it has been validated. Fields that it does not have are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __hash__(self) -> int:
        """Equal data have equal hashes; pydantic's own cannot hash the mappings that some of it holds."""
        return hash(tuple(_hashable(getattr(self, name)) for name in type(self).model_fields))


def _hashable(value: object) -> object:
    if isinstance(value, Mapping):
        return frozenset((key, _hashable(one)) for key, one in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, tuple) else value
