"""The base of all data that qslot takes and gives."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Frozen(BaseModel):
    """Data that never changes once it has been validated. Fields that it does not have are refused.

    The sentences below the fields are the descriptions in JSON Schema and in docs/guest.md and docs/layout.md.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class _Tuple:
    """To pydantic the sequence that this annotates is a tuple of any length."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (item,) = get_args(source)
        return core_schema.tuple_variable_schema(handler.generate_schema(item))


Item = TypeVar("Item")
TupleOf = Annotated[Sequence[Item], _Tuple()]
"""A field for which type checkers take any sequence, as a list; what is stored is a tuple, and so hashable."""
