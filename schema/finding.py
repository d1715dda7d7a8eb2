"""A finding: one rule that a layout or a request breaks, who breaks it, and the numbers."""

from typing import Literal

from pydantic import field_validator

from .base import Frozen
from .pci.qemu_properties import Scalar, as_text
from .rules import RULES


class Finding(Frozen):
    """`rule` is a code of `RULES`, `subjects` are ids of devices and controllers, `numbers` what was measured."""

    rule: str
    severity: Literal["error", "warning"] = "error"
    subjects: tuple[str, ...] = ()
    numbers: dict[str, Scalar] = {}

    @field_validator("rule")
    @classmethod
    def _listed(cls, code: str) -> str:
        if code not in RULES:
            raise ValueError(f"rule {code!r} is not in the list of rules")
        return code

    def __str__(self) -> str:
        who = ", ".join(self.subjects)
        numbers = ", ".join(f"{name} {as_text(value)}" for name, value in self.numbers.items())
        return f"{self.severity} {self.rule}: {f'{who}: ' if who else ''}{RULES[self.rule].sentence}" + (
            f" ({numbers})" if numbers else ""
        )
