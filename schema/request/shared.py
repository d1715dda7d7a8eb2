"""What requests and layouts have in common: ids, kinds of slots, terms of the objective, BARs.

A file of its own, so that what only looks at layouts need not load requests.
"""

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, field_validator

from ..base import Frozen
from ..pci.size import Size

ID_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9._-]*$"
QemuId = Annotated[str, Field(pattern=ID_PATTERN, max_length=128, examples=["net0"])]

SlotKind = Literal["pcie", "pci"]

Term = Literal["moved", "guest_visible", "preferences", "io_windows", "controllers", "depth"]
TERMS: tuple[Term, ...] = get_args(Term)
"""Terms of the objective, in the order in which they count where the policy has no other."""

MAX_IO_BAR = 4096
"""Larger IO BARs would need windows aligned beyond one page; no QEMU model has more than 1 KiB."""


class Bar(Frozen):
    """One base address register of a device that the catalogue does not know; `lspci -vv` on the host shows them."""

    bar: int = Field(ge=0, le=5, examples=[0])
    """Number of the register. A 64-bit BAR takes the next number, too."""
    kind: Literal["io", "mem32", "mem64"] = Field(examples=["mem64"])
    """IO ports, memory with 32-bit addresses, or memory with 64-bit addresses."""
    size: Size = Field(examples=[16777216])
    """Size in bytes: a power of two from 4 up, of an IO BAR 4096 at most."""
    prefetchable: bool = Field(default=False, examples=[True])
    """Whether the memory is prefetchable, and so may go into the prefetchable windows of bridges."""

    @field_validator("size")
    @classmethod
    def _power_of_two(cls, size: int) -> int:
        if size < 4 or size & (size - 1):
            raise ValueError(f"a BAR of {size} bytes is not a power of two from 4 up")
        return size

    def model_post_init(self, _context: Any) -> None:
        """Refuses an IO BAR that no IO window page holds."""
        if self.kind == "io" and self.size > MAX_IO_BAR:
            raise ValueError(
                f"an IO BAR of {self.size} bytes is above {MAX_IO_BAR}, the most that one IO window page holds"
            )
