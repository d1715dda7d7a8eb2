"""Indexes of controllers of all types: stated, or as libvirt 9.0 gives them to those that state none:
tests/real/test_libvirt.py."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import count
from typing import Final

from .splice import Element, SourceError

MOST_INDEX: Final = 1 << 31


def controller_indexes(devices: Element, scsi: Iterable[int] = ()) -> dict[Element, int]:
    """Those of every controller. Without one it is the lowest of its type that nobody states, nor is among those of
    `scsi` that libvirt has added before; a part of a USB 2 controller belongs to the one before it, until that has such
    a part. Raises SourceError."""
    listed = list(devices.all("controller"))
    indexes = {one: _stated(one) for one in listed if one.get("index")}
    used: dict[str, set[int]] = defaultdict(set, scsi=set(scsi))
    for one, index in indexes.items():
        used[one.get("type")].add(index)
    usb2: dict[int, set[str]] = defaultdict(set)
    before: Element | None = None
    for one in listed:
        sort, model = one.get("type"), one.get("model")
        if one not in indexes:
            joined = None if before is None or not _is_usb2(one) else indexes[before]
            if joined is None or model in usb2[joined]:
                joined = next(number for number in count() if number not in used[sort])
            indexes[one] = joined
            used[sort].add(joined)
        if sort == "usb":
            before = one if _is_usb2(one) else None
            usb2[indexes[one]].add(model)
    return indexes


def _is_usb2(controller: Element) -> bool:
    return controller.get("type") == "usb" and controller.get("model").startswith("ich9-")


def _stated(controller: Element) -> int:
    text = controller.get("index")
    if not text.isdecimal() or int(text) >= MOST_INDEX:
        raise SourceError(f"{controller.where}: index {text[:40]!r} is not a number from 0 up")
    return int(text)
