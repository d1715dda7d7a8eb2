"""The machine of a running QEMU: its type, RAM, CPU, chipset and firmware, as far as its objects tell."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..pci.cpu import DEFAULT_MODEL, DEFAULT_PHYS_BITS, cpu_models, vendor_named
from ..pci.machine import Chipset, machine_of
from ..pci.machine_types import Family
from ..pci.qemu_properties import WORDS
from ..pci.ram import HOLE64
from ..qemu.monitor import Monitor
from ..qemu_arguments.effects import BRIDGE_HOTPLUG, INTEL_IOMMU
from ..qemu_arguments.firmware import named_firmware
from .objects import QemuObject

HOST_BRIDGE: Final[dict[Family, str]] = {"q35": "/machine/q35", "pc": "/machine/i440fx"}
POWER: Final[dict[Family, str]] = {"q35": "ICH9-LPC", "pc": "PIIX4_PM"}
"""The chipset function that has the switches of ACPI hot-plug."""
FLASH_PATH: Final = "/machine/system.flash0"
CPU_SUFFIX: Final = "-x86_64-cpu"
OF_HOST: Final = ("host", "max")


def version_of(monitor: Monitor) -> str:
    """QEMU's version without the patch release: `10.0`."""
    answer = monitor.mapping("query-version")
    version = answer.get("qemu")
    numbers = [version.get(part) for part in ("major", "minor")] if isinstance(version, dict) else []
    if not numbers or not all(type(one) is int for one in numbers):
        raise monitor.misunderstood("query-version", answer)
    return ".".join(map(str, numbers))


def machine_name(monitor: Monitor) -> str:
    """The machine type: `pc-q35-7.2`."""
    return str(monitor.get("/machine", "type")).removesuffix("-machine")


def ram(monitor: Monitor, family: Family) -> dict[str, Any]:
    """Fields of a request."""
    size = monitor.get("/machine", "memory")
    result: dict[str, Any] = {}
    if isinstance(size, dict):
        result["memory"] = start = _number(monitor, "memory", size, "size")
        if (most := _number(monitor, "memory", {"max-size": 0, **size}, "max-size")) > start:
            result |= {"max_memory": most, "memory_slots": size.get("slots", 0)}
    else:  # QEMU before 7.1
        summary = "query-memory-size-summary"
        result["memory"] = _number(monitor, summary, monitor.mapping(summary), "base-memory")
    hole = monitor.get(HOST_BRIDGE[family], "pci-hole64-size")
    if isinstance(hole, int) and hole != HOLE64[family]:
        result["pci_hole64"] = hole
    nodes = str(monitor.execute("human-monitor-command", {"command-line": "info numa"})).partition(" ")[0]
    return result | ({"numa_nodes": int(nodes)} if re.fullmatch("[0-9]{1,4}", nodes) else {})


def _number(monitor: Monitor, command: str, answer: Mapping[str, object], name: str) -> int:
    number = answer.get(name)
    if type(number) is not int:
        raise monitor.misunderstood(command, answer)
    return number


def processor(monitor: Monitor) -> dict[str, Any]:
    """Fields of a request: what is seen of the first CPU."""
    processors = monitor.rows("query-cpus-fast", None, "qom-path")
    if not processors:
        raise monitor.misunderstood("query-cpus-fast", processors)
    first = processors[0]["qom-path"]
    model = str(monitor.get(first, "type")).removesuffix(CPU_SUFFIX)
    cpu: dict[str, Any] = {"host": True} if model in OF_HOST else {}
    if model in cpu_models() and model != DEFAULT_MODEL:
        cpu["model"] = model
    vendor = vendor_named(str(monitor.get(first, "vendor")))
    if vendor != cpu_models().get(model, cpu_models()[DEFAULT_MODEL]).vendor or model not in cpu_models():
        cpu["vendor"] = vendor
    if monitor.get(first, "lm") is False:
        cpu["long_mode"] = False
    told = monitor.get(first, "guest-phys-bits")
    if isinstance(told, int) and told > 0:
        cpu["guest_phys_bits"] = told
    result: dict[str, Any] = {"cpu": cpu} if cpu else {}
    bits = monitor.get(first, "phys-bits")
    if isinstance(bits, int) and bits not in (0, DEFAULT_PHYS_BITS) and "long_mode" not in cpu:
        result["phys_bits"] = bits
    pages = monitor.get(first, "pdpe1gb")
    return result | ({"pdpe1gb": pages} if isinstance(pages, bool) else {})


def chipset(monitor: Monitor, name: str, family: Family, objects: Sequence[QemuObject]) -> dict[str, bool]:
    """Fields of a request's chipset: what is there, and what its switches say."""
    there = {one.kind: one.path for one in objects if one.of_machine}
    result = {"usb": bool({"ich9-usb-ehci1", "piix3-usb-uhci", "piix4-usb-uhci"} & there.keys())}
    if family == "q35":
        result |= {"sata": "ich9-ahci" in there, "smbus": "ICH9-SMB" in there}
        result["acpi"] = WORDS.get(str(monitor.get("/machine", "acpi")), True)
    else:
        result["acpi"] = "PIIX4_PM" in there
    power = there.get(POWER[family])
    if power is None:
        return result
    if family == "pc" and monitor.get(power, "acpi-root-pci-hotplug") is False:
        result["root_hotplug"] = False
    switch = monitor.get(power, BRIDGE_HOTPLUG)
    if isinstance(switch, bool) and switch != machine_of(name, Chipset()).acpi_bridge_hotplug:
        result["bridge_hotplug"] = switch
    return result


def firmware(monitor: Monitor, unread: list[str]) -> str:
    """`ovmf` where a flash chip holds it, or the image's name says so; what tells neither is put into `unread`."""
    if monitor.get("/machine", "pflash0") or monitor.get(FLASH_PATH, "drive"):
        return "ovmf"
    image = str(monitor.get("/machine", "firmware") or "")
    known = named_firmware(image)
    if known is None:
        unread.append(f"firmware {image}: not known here: taken for SeaBIOS; --firmware says it")
    return known or "seabios"


def needs(monitor: Monitor, kinds: set[str]) -> list[str]:
    """Secure boot, and a vIOMMU that is no PCI device. `kinds` are the types of all devices."""
    found = ["secure-boot"] if monitor.get(FLASH_PATH, "secure") is True else []
    return [*found, "viommu"] if INTEL_IOMMU in kinds else found
