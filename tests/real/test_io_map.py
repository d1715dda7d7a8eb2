"""What the map of IO ports calls free is free: nothing of a real QEMU answers there."""

import re
from typing import Final

import pytest

from qslot import Layout, solve
from qslot.schema import Guest
from qslot.schema.picture.entries import predicted
from qslot.schema.picture.maps import maps_of
from qslot.schema.probe import running

pytestmark = pytest.mark.real

FLAT: Final = re.compile(r"^ +([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, [^)]*\): (?!io\s|vmport)", re.MULTILINE)
"""All but `io`, which is where nobody answers, and VMware's one port 0x5658: firmware gives it away all the same."""
DEVICES: Final = [
    {"id": "old", "model": "virtio-net", "virtio": "transitional", "hotplug": "required"},
    {"id": "usb", "model": "ich9-usb-uhci1", "hotplug": "never"},
    {"id": "disk", "model": "virtio-blk", "virtio": "modern", "hotplug": "required"},
]


def planned(machine: str, firmware: str, chipset: dict[str, bool]) -> Layout:
    data = {"machine": machine, "firmware": firmware, "chipset": chipset, "devices": DEVICES}
    return solve(Guest.model_validate(data)).require()


@pytest.mark.parametrize(
    ("machine", "firmware", "chipset"),
    [
        ("q35", "seabios", {"usb": True}),
        ("q35", "seabios", {"acpi": False}),
        ("q35", "ovmf", {"usb": True}),
        ("pc", "seabios", {"usb": True}),
        ("pc", "seabios", {"acpi": False}),
        ("pc", "ovmf", {}),
    ],
)
def test_nothing_of_qemu_answers_in_free_room(machine: str, firmware: str, chipset: dict[str, bool]) -> None:
    layout = planned(machine, firmware, chipset)
    free = [one for one in maps_of(layout, predicted(layout, memory=True))[0].ranges if one.kind == "free"]
    assert free
    with running(layout) as qemu:
        said = qemu.execute("human-monitor-command", {"command-line": "info mtree -f"})
    (view,) = (one for one in said.split("FlatView #") if re.search(r'AS "I/O"', one))
    answering = [(int(first, 16), int(last, 16)) for first, last in FLAT.findall(view)]
    assert len(answering) > 10
    assert [
        (hex(first), hex(last))
        for first, last in answering
        if any(first < one.end and last >= one.start for one in free)
    ] == []
