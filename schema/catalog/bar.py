"""One base address register."""

from collections.abc import Mapping
from typing import Literal

from ..records import record

Kind = Literal["io", "mem32", "mem64"]


@record(frozen=True)
class ModelBar:
    """One base address register: number 0-5, kind, and size in bytes, a power of two."""

    bar: int
    kind: Kind
    size: int
    prefetchable: bool


BarsByNumber = Mapping[int, ModelBar]
"""By BAR number."""
