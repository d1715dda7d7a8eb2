"""The PCI devices among a running QEMU's objects (QOM), and where each sits.

Source: QEMU 7.2, 10.0 and 11.1 (tests/real/test_adoption.py).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..catalog.virtual_functions import ALWAYS_THERE, COUNTED_BY, virtual_functions
from ..pci.address import FUNCTIONS
from ..qemu.monitor import Monitor
from ..qemu_arguments import nameless

PLACES: Final = ("peripheral", "unattached", "peripheral-anon")
"""Folders below /machine: of devices with an id; of those that the machine makes; of those without an id."""
NAMED: Final = "/machine/peripheral"
SOUTH_BRIDGE: Final = "PIIX3"
"""From QEMU 8.2 on it has the other functions of pc's chipset inside."""
_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class QemuObject:
    """A PCI device."""

    path: str
    kind: str
    """Its device type."""
    id: str
    """Its own; of one without, empty at first, then a name that nobody has."""
    bus: str
    """Path of the bus that it sits on."""
    slot: int
    function: int

    @property
    def of_machine(self) -> bool:
        """Whether the machine made it, and not `-device`."""
        return self.path.startswith("/machine/unattached/")


def pci_objects(monitor: Monitor) -> list[QemuObject]:
    """All of them but virtual functions, chipset functions included, in the order in which they were created as far as
    it is known: those of the machine, then those without an id; those with an id have no order."""
    kinds = {one["name"] for one in monitor.rows("qom-list-types", {"implements": "pci-device"}, "name")}
    found = [one for place in PLACES for one in _in(monitor, f"/machine/{place}", kinds)]
    virtual = {place for one in found for place in _virtual(monitor, one)}
    return list(
        _named([one for one in found if not one.of_machine or (one.bus, one.slot, one.function) not in virtual])
    )


def _virtual(monitor: Monitor, one: QemuObject) -> Iterator[tuple[str, int, int]]:
    """Where virtual functions are that QEMU has created for it, as objects that no request lists."""
    if one.of_machine or one.kind not in (*ALWAYS_THERE, *COUNTED_BY):
        return
    names = [COUNTED_BY[one.kind][0]] if one.kind in COUNTED_BY else []
    known = virtual_functions(one.kind, {name: monitor.get(one.path, name) or 0 for name in names})
    for slot, function in known.places(one.slot, one.function) if known is not None else ():
        yield one.bus, slot, function


def _in(monitor: Monitor, folder: str, kinds: set[str]) -> Iterator[QemuObject]:
    for kind, child in sorted(_children(monitor, folder), key=_created):
        if kind not in kinds:
            continue
        path = f"{folder}/{child}"
        bus, devfn = monitor.get(path, "parent_bus"), monitor.get(path, "addr")
        if isinstance(bus, str) and isinstance(devfn, int) and devfn >= 0:
            yield QemuObject(path, kind, child if folder == NAMED else "", bus, *divmod(devfn, FUNCTIONS))
        if kind == SOUTH_BRIDGE:
            yield from _in(monitor, path, kinds - {SOUTH_BRIDGE})


def _children(monitor: Monitor, folder: str) -> Iterator[tuple[str, str]]:
    """Type and name of all objects in it."""
    for child in monitor.rows("qom-list", {"path": folder}, "name", "type"):
        yield child["type"].removeprefix("child<").removesuffix(">"), child["name"]


def _created(child: tuple[str, str]) -> tuple[int, str]:
    """`device[10]` comes after `device[9]`."""
    _, name = child
    number = _NUMBER.search(name) if name.endswith("]") else None
    return (int(number[0]) if number else 0, name)


def _named(found: Sequence[QemuObject]) -> Iterator[QemuObject]:
    """With names for those without an id, as a command line's have them: the machine's first."""
    known = {one.id for one in found}
    for one in found:
        if one.id:
            yield one
            continue
        name = next(free for free in nameless(one.kind) if free not in known)
        if not one.of_machine or one.kind not in CHIPSET_KINDS:
            known.add(name)
        yield replace(one, id=name)


CHIPSET_KINDS: Final = frozenset({
    "mch", "ICH9-LPC", "ICH9-SMB", "i440FX", "PIIX3", "PIIX4_PM", "piix3-ide", "ich9-ahci", "piix3-usb-uhci",
    "piix4-usb-uhci", "ich9-usb-ehci1", "ich9-usb-uhci1", "ich9-usb-uhci2", "ich9-usb-uhci3",
})  # fmt: skip
"""Functions of the chipset, where the machine made them."""


def objects_of_kinds(monitor: Monitor, kinds: set[str]) -> list[tuple[str, str]]:
    """Type and path of what is of these types, of PCI or not."""
    return [
        (kind, f"/machine/{place}/{child}")
        for place in PLACES
        for kind, child in _children(monitor, f"/machine/{place}")
        if kind in kinds
    ]
