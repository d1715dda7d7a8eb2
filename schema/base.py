"""The base of all data that qslot takes and gives."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    TupleOf = Sequence
else:

    class TupleOf:
        """`TupleOf[T]` is `tuple[T, ...]`, whose field type checkers take for a sequence: so it may be given as a list.

        What pydantic stores is the tuple.
        """

        def __class_getitem__(cls, item: Any) -> Any:
            return tuple[item, ...]


class Frozen(BaseModel):
    """Data that never changes once it has been validated. Fields that it does not have are refused.

    The sentences below the fields are the descriptions in JSON Schema and in docs/guest.md and docs/layout.md. They are
    read where they are asked for (`formats/json_schema.py`): pydantic would parse every class for them at each start.
    """

    # built when first used: parts are built once with the whole that has them, and what is not asked for never is
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    def __hash__(self) -> int:
        """Equal data have equal hashes; pydantic's own cannot hash the mappings that some of it holds."""
        values = tuple(map(self.__dict__.get, type(self).model_fields))
        try:
            return hash(values)
        except TypeError:
            return hash(_hashable(values))


def _hashable(value: object) -> object:
    if isinstance(value, dict):
        return frozenset((key, _hashable(one)) for key, one in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, tuple) else value
