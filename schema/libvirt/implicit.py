"""Devices that a domain has though it does not list them: libvirt adds them when it defines the domain.

They take addresses, so the plan has them and the result lists them. Numbers are libvirt 9.0's
to 12.8's: tests/real/test_libvirt.py, tests/real/test_libvirt_versions.py.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ..pci.machine_types import Family
from .disks import disk_bus, disk_number, nvme_controller, stated_controller
from .splice import Element

SCSI_UNITS: Final = 7
"""Disks sda, sdb ... and devices of a SCSI host go to controllers in turn, so many each, whatever the controller."""
LSI: Final = "lsilogic"
"""The model of a SCSI controller that states none."""
SATA_DISKS: Final = 6
SERIAL_PORTS: Final = 31
"""Of a virtio-serial controller that states none, the first included, which is for a console."""

MOST_APIC_CPUS: Final = 255

Indexes = Mapping[Element, int]


def missing(devices: Element, family: Family, indexes: Indexes) -> Iterator[str]:
    """XML of each device that is to be added, without its address, in the order in which libvirt does."""
    controllers = {(one.get("type"), index) for one, index in indexes.items()}
    if family == "q35" and ("usb", 0) not in controllers:
        yield "<controller type='usb' index='0' model='qemu-xhci'/>"
    wanted_by_disks = _of_disks(devices)
    for number, model in _scsi_controllers(devices, indexes, wanted_by_disks["scsi"]).items():
        if ("scsi", number) not in controllers:
            yield f"<controller type='scsi' index='{number}' model='{model}'/>"
    for sort, wanted in (
        ("sata", wanted_by_disks["sata"][family == "q35" :]),  # the first of q35 is the chipset's
        ("nvme", wanted_by_disks["nvme"]),
        ("virtio-serial", _virtio_serial(devices, indexes)),
    ):
        for number in wanted:
            if (sort, number) not in controllers:
                yield f"<controller type='{sort}' index='{number}'/>"
    if any(True for _ in devices.all("graphics")) and devices.first("video") is None:
        yield "<video>\n  <model type='cirrus'/>\n</video>"
    if devices.first("memballoon") is None:
        yield "<memballoon model='virtio'/>"


def adds_piix3_usb(devices: Element, indexes: Indexes) -> bool:
    """Whether a pc has the chipset's own USB controller: unless controller 0 is listed as another one."""
    first = [one for one in devices.all("controller") if one.get("type") == "usb" and indexes[one] == 0]
    return all(one.get("model") in ("", "piix3-uhci") for one in first)


def adds_intel_iommu(root: Element, devices: Element, family: Family) -> bool:
    """Whether the guest has an intel-iommu that is not listed: its interrupts reach more CPUs than the APIC's. libvirt
    before 10.10 refuses such a guest."""
    cpus = root.first("vcpu")
    many = cpus is not None and cpus.text.isdecimal() and int(cpus.text) > MOST_APIC_CPUS
    return many and family == "q35" and devices.first("iommu") is None


def first_scsi_controllers(devices: Element) -> range:
    """Those that are there before controllers without an index get one: for devices of a SCSI host, which are all on
    controller 0 until disks have their places."""
    stated = (stated_controller(one) or 0 for one in devices.all("hostdev") if one.get("type") == "scsi")
    return range(max(stated, default=-1) + 1)


def _scsi_controllers(devices: Element, indexes: Indexes, of_disks: range) -> dict[int, str]:
    """Those that are to be there, with their models. A host's devices take over the model of one that they fill."""
    there = {index: one.get("model") or LSI for one, index in indexes.items() if one.get("type") == "scsi"}
    for wanted in (first_scsi_controllers(devices), of_disks):
        there = dict.fromkeys(wanted, LSI) | there
    model, last = LSI, -1
    for number in _host_scsi(devices):
        if number > last:
            model, last = there.get(number, model), number
    return dict.fromkeys(range(last + 1), model) | there


def _host_scsi(devices: Element) -> list[int]:
    """The controller of each device of a SCSI host: stated, or the first on which a unit is free."""
    taken: dict[int, set[str]] = defaultdict(set)
    hosts = [one for one in devices.all("hostdev") if one.get("type") == "scsi"]
    for one in (*devices.all("disk"), *hosts):
        stated = stated_controller(one)
        if stated is not None:
            taken[stated].add(one.value("address", name="unit") or "0")
        elif one.tag == "disk" and disk_bus(one) == "scsi":
            number = disk_number(one)
            taken[number // SCSI_UNITS].add(str(number % SCSI_UNITS))
    found, index = [], 0
    for one in hosts:
        stated = stated_controller(one)
        while stated is None and taken[index] >= _UNITS:
            index += 1
        if stated is None:
            taken[index].add(min(_UNITS - taken[index]))
        found.append(index if stated is None else stated)
    return found


_UNITS: Final = {str(unit) for unit in range(SCSI_UNITS)}


CONTROLLER_OF: Final[Mapping[str, Callable[[Element], int]]] = {
    "scsi": lambda disk: disk_number(disk) // SCSI_UNITS,
    "sata": lambda disk: disk_number(disk) // SATA_DISKS,
    "nvme": nvme_controller,
}
"""The controller of a disk that states none, by its bus."""


def _of_disks(devices: Element) -> dict[str, range]:
    """Controllers of each bus up to the last one that a disk needs, by address or name."""
    last = dict.fromkeys(CONTROLLER_OF, -1)
    for disk in devices.all("disk"):
        if (bus := disk_bus(disk)) in last:
            stated = stated_controller(disk)
            last[bus] = max(last[bus], CONTROLLER_OF[bus](disk) if stated is None else stated)
    return {bus: range(number + 1) for bus, number in last.items()}


def _virtio_serial(devices: Element, indexes: Indexes) -> list[int]:
    """Controllers that lines name, else 0; and more where channels without a port find none left. No console takes
    one."""
    ports: dict[int, int] = {}
    for one, index in indexes.items():
        if one.get("type") == "virtio-serial":
            number = one.get("ports")
            ports[index] = int(number) if number.isdecimal() else SERIAL_PORTS
    lines = [*devices.all("channel"), *devices.all("console")]
    lines = [line for line in lines if line.value("target", name="type") == "virtio"]
    for line in lines:
        ports.setdefault(stated_controller(line) or 0, SERIAL_PORTS)
    taken = Counter(stated_controller(line) or 0 for line in lines if _has_port(line))
    for line in lines:
        if line.tag == "channel" and not _has_port(line):
            stated = stated_controller(line)
            taken[_with_a_free_port(ports, taken) if stated is None else stated] += 1
    return list(ports)


def _with_a_free_port(ports: dict[int, int], taken: Counter[int]) -> int:
    """The first controller that has one, or a new one."""
    found = next((index for index in sorted(ports) if taken[index] < ports[index] - 1), None)
    if found is None:
        found = next(number for number in range(len(ports) + 1) if number not in ports)
        ports[found] = SERIAL_PORTS
    return found


def _has_port(line: Element) -> bool:
    """Whether it states one; port 0 leaves it open."""
    return line.value("address", name="port") not in ("", "0")
