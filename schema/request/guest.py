"""The request: fields that agree with each other."""

from typing import Any, Self

from pydantic import ValidationError, model_validator

from ..base import Frozen
from ..errors import ArgumentError, InputError, expect
from .fields import GuestFields
from .problems import problems
from .stated import request_of
from .validate import check


class Guest(GuestFields):
    """A guest to lay out: a machine, its devices, and what is asked of their layout.

    Making one raises pydantic.ValidationError, whose errors name field, value and mend.
    """

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check(self)
        self.__dict__["_agrees"] = True
        return self

    @classmethod
    def from_layout(cls, layout: Frozen) -> Self:
        """The request that pins all that a Layout has where it is. Needs that no layout holds are at their defaults:
        hot-plug, nodes of devices, IO and memory of spare slots, the policy. Raises ArgumentError for what is none,
        InputError for one that no request can ask for."""
        if not hasattr(layout, "input_sha256"):
            raise ArgumentError("layout", layout, "no Layout, as qslot.solve(guest).require() gives one")
        return cls._of(request_of(layout.model_dump(mode="json")), "layout")

    def validated(self) -> Self:
        """This guest, if it has been validated; else, as after `model_copy`, the same once it is. Raises InputError."""
        if "_agrees" in self.__dict__:
            return self
        return self._of(self.model_dump(warnings=False), "guest")

    @classmethod
    def _of(cls, data: dict[str, Any], name: str) -> Self:
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise InputError(name, problems(error, data, cls)) from None


def valid(guest: Guest) -> Guest:
    """The guest, validated. Raises ArgumentError for what is no Guest, and InputError as `Guest.validated`."""
    instead = "a Guest, as qslot.Guest(...), qslot.read_guest(file) and qslot.parse_guest(text) make one"
    return expect("guest", guest, Guest, instead).validated()
