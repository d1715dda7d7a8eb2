"""A finding: one rule that a layout or a request breaks, who breaks it, and the numbers."""

from typing import Literal

from pydantic import AliasChoices, Field, field_validator

from .base import Frozen
from .pci.qemu_properties import Scalar, as_text
from .rules import RULES


class Finding(Frozen):
    """One rule that is broken, or a fact that matters to it: who breaks it, and what was found."""

    rule: str = Field(examples=["wasteful-pin"])
    """Code of the rule; docs/rules.md lists them."""
    severity: Literal["error", "warning"] = Field(default="error", examples=["warning"])
    """A layout with an error is wrong; one with a warning works, but costs or risks something."""
    subjects: tuple[str, ...] = Field(default=(), examples=[["net0"]])
    """Ids of the devices and controllers that break the rule; none where it is the layout as a whole."""
    details: dict[str, Scalar] = Field(
        default={}, validation_alias=AliasChoices("details", "numbers"), examples=[{"hotplug-unmet": 8}]
    )
    """What was found, by name: amounts are bytes or counts. Layouts that qslot wrote before call them `numbers`."""

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
