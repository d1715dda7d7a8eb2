"""Pieces that the families are written with."""

from collections.abc import Iterable
from typing import Any

from qslot.schema import Guest

Data = dict[str, Any]


def split(size: int, *weights: int) -> list[int]:
    """Whole shares of `size` in proportion to the weights; the last takes what rounding leaves.

    >>> split(10, 1, 2)
    [3, 7]
    """
    shares = [size * weight // sum(weights) for weight in weights]
    return [*shares[:-1], size - sum(shares[:-1])]


def many(prefix: str, count: int, model: str, **entry: Any) -> list[Data]:
    return [{"id": f"{prefix}{number}", "model": model, **entry} for number in range(count)]


def guest(machine: str, devices: Iterable[Data], size: int, **rest: Any) -> Guest:
    listed = list(devices)
    assert len(listed) == size, f"{len(listed)} devices, {size} wanted"
    return Guest.model_validate({"machine": machine, "memory": "4GiB", "devices": listed, **rest})
