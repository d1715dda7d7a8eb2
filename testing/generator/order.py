"""Devices whose guest addresses are to ascend."""

from .draft import Data
from .draw import Draw


def with_order(draw: Draw, data: Data) -> Data | None:
    """The request, with an order of two or three of its devices; None where it has one alone."""
    ids = [one["id"] for one in data["devices"]]
    return {**data, "order": draw.sample(ids, draw.integer(2, min(len(ids), 3)))} if len(ids) > 1 else None
