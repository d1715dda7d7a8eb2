"""BARs of a function of the host, as sources have them."""

from collections.abc import Iterable

from pydantic import ValidationError

from ..request.device import Bar

BarRow = tuple[int, str, int, bool]
"""Number, kind, size in bytes, whether prefetchable."""


def checked(rows: Iterable[BarRow]) -> tuple[Bar, ...] | None:
    """The BARs; None where one is none that a guest could have: of an old IDE function Linux lists ports of the ISA."""
    try:
        return tuple(
            Bar.model_validate({"bar": number, "kind": kind, "size": size, "prefetchable": prefetchable})
            for number, kind, size, prefetchable in rows
        )
    except ValidationError:
        return None
