"""The request: fields that agree with each other."""

from typing import Self

from pydantic import model_validator

from .fields import GuestFields
from .validate import check


class Guest(GuestFields):
    """A guest to lay out: a machine, its devices, and what is asked of their layout.

    Making one raises pydantic.ValidationError, whose errors name field, value and mend.
    """

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check(self)
        return self
