"""A real device_add into slots that a layout calls hot-pluggable."""

from typing import TYPE_CHECKING

from qslot.schema import Layout
from qslot.schema.probe import CommandError

if TYPE_CHECKING:
    from qslot.schema.probe.machine import RunningMachine


def hotplug_into_spares(machine: "RunningMachine", layout: Layout) -> list[str]:
    """Really adds a network card to every spare slot; one sentence, in QEMU's words, for each that was refused."""
    refused = []
    for index, spare in enumerate(layout.spare):
        card = "e1000" if spare.kind == "pci" else ("e1000e", "virtio-net-pci")[index % 2]
        if complaint := hotplug(machine, card, spare.bus, spare.slot):
            refused.append(f"spare slot {spare.bus}:{spare.slot:02x}: {complaint}")
    return refused


def hotplug(machine: "RunningMachine", driver: str, bus: str, slot: int, function: int = 0) -> str | None:
    """QEMU's complaint about a device_add there, None if it accepts."""
    name = f"hot.{bus}.{slot}.{function}"
    place = {"driver": driver, "id": name, "bus": bus, "addr": f"0x{slot:x}.{function}"}
    try:
        machine.execute("device_add", place)
    except CommandError as error:
        return str(error)
    return None
