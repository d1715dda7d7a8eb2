"""A finding: one rule that a layout or a request breaks, who breaks it, and the numbers."""

from typing import Literal

from pydantic import AliasChoices, Field, field_validator

from .base import Frozen
from .pci.qemu_properties import Scalar, as_text
from .rules import RULES


class Finding(Frozen):
    """`rule` is a code of `RULES`, `subjects` are ids of devices and controllers, `details` what was found."""

    rule: str
    severity: Literal["error", "warning"] = "error"
    subjects: tuple[str, ...] = ()
    details: dict[str, Scalar] = Field(default={}, validation_alias=AliasChoices("details", "numbers"))
    """By name. Layouts that qslot wrote before call them `numbers`."""

    @field_validator("rule")
    @classmethod
    def _listed(cls, code: str) -> str:
        if code not in RULES:
            raise ValueError(f"rule {code!r} is not in the list of rules")
        return code

    def __str__(self) -> str:
        who = ", ".join(self.subjects)
        details = ", ".join(f"{name} {as_text(value)}" for name, value in self.details.items())
        return f"{self.severity} {self.rule}: {f'{who}: ' if who else ''}{RULES[self.rule].sentence}" + (
            f" ({details})" if details else ""
        )
