"""A planner as OpenStack's Nova has one: servers of an image and a flavor in, PCI layouts kept in its database.

A server is its image's operating system, its ports and its volumes; the machine, the virtio modes and every address are
decided once, for all hosts that it may run on. What is decided is kept as JSON, and each later step starts from there.
`python examples/planner.py` walks a server through its life, and prints what a planner would log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import click

import qslot

HOSTS: Final = {"compute1": "qemu=7.2,libvirt=9.0", "compute2": "qemu=6.2,libvirt=8.0"}
"""Those that a server may run on: it gets what all of them have. A file of `virsh domcapabilities` says more."""
SPARE: Final = 3
"""Slots kept free in each server, for what is attached while it runs."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the database keeps of a server."""

    request: str
    """The guest as JSON, with what was decided at its first boot."""
    layout: str
    """Its layout as JSON."""

    @classmethod
    def of(cls, guest: qslot.Guest, previous: qslot.Layout | None = None) -> "Record":
        """Planned, beside what was there. Raises NoLayoutError, whose words say what clashes, and what would help."""
        layout = qslot.explain(guest, previous=previous).require()
        return cls(guest.model_dump_json(), layout.model_dump_json())

    @property
    def guest(self) -> qslot.Guest:
        """The request, read again."""
        return qslot.Guest.model_validate_json(self.request)

    @property
    def planned(self) -> qslot.Layout:
        """The layout, read again."""
        return qslot.Layout.model_validate_json(self.layout)


def boot(image_os: str, devices: Sequence[Mapping[str, object]], hosts: Sequence[str]) -> Record:
    """A new server: machine and virtio modes are what the image's system drives and all hosts have."""
    known = qslot.Environment(os=qslot.find_os(image_os), hosts=tuple(map(qslot.read_host, hosts)))
    request = {"memory": "4GiB", "devices": devices, "spare": {"pcie": SPARE}}
    advice = qslot.advise(request, known)
    if advice.guest is None:
        raise qslot.NoLayoutError(advice.outcome)
    return Record.of(advice.guest)


def changed(record: Record, devices: Sequence[qslot.Device]) -> Record:
    """The server with other devices from its next start on: what stays does not move, and as many slots are free."""
    guest = record.guest.model_copy(update={"devices": tuple(devices)}).validated()
    return Record.of(guest, record.planned)


def free_ports(layout: qslot.Layout) -> int:
    """How many devices of PCI Express can be attached without a reboot."""
    return sum(len(bus.slots) for bus in qslot.capacity(layout).free if bus.kind == "pcie")


def main() -> None:
    """A boot, more devices, fewer."""
    server = boot(
        "rhel9.2",
        [{"id": "port0", "model": "virtio-net"}, {"id": "volume0", "model": "virtio-blk"}],
        [*HOSTS.values()],
    )
    first = server.planned
    click.echo(f"boot: {first.machine} for {' and '.join(HOSTS)}; {free_ports(first)} ports free")
    port, volume = server.guest.devices
    more = [port.model_copy(update={"id": "port1"}), volume.model_copy(update={"id": "volume1"})]
    server = changed(server, [*server.guest.devices, *more])
    _tell("with volume1 and port1", first, server.planned)
    before = server.planned
    server = changed(server, [one for one in server.guest.devices if one.id != "volume0"])
    _tell("without volume0", before, server.planned)


def _tell(step: str, before: qslot.Layout, after: qslot.Layout) -> None:
    stayed = {one.id: one.address for one in before.devices}
    moved = [one.id for one in after.devices if one.id in stayed and one.address != stayed[one.id]]
    places = ", ".join(f"{one.id} {after.guest_addresses[one.id]}" for one in after.devices)
    click.echo(f"{step}: {places}; moved: {', '.join(moved) or 'none'}; {free_ports(after)} ports free")


if __name__ == "__main__":
    main()
