"""What a command line changes of the machine: switches of the chipset, address bits, and properties of whole types."""

from collections.abc import Callable
from dataclasses import field
from typing import Any, Final

from ..pci.cpu import cpu_models, vendor_named
from ..pci.machine_types import Family
from ..pci.qemu_properties import WORDS, Properties, canonical, is_on
from ..records import record
from .command_line import CommandLine, Global
from .device import SEAT, DeviceArgument
from .device_types import PCI_DEVICE, device_type, is_elsewhere, is_pci, lineage
from .options import HARMLESS, HARMLESS_OF_CHIPSET, HARMLESS_OF_MACHINE
from .values import options_of

INTEL_IOMMU: Final = "intel-iommu"
"""Device type of a vIOMMU without a PCI function."""
MACHINE_SWITCHES: Final = frozenset({"acpi", "sata", "smbus", "usb"})
"""Parts of `-machine` that are fields of the chipset."""
BRIDGE_HOTPLUG: Final = "acpi-pci-hotplug-with-bridge-support"
CHIPSET_GLOBALS: Final[dict[Family, dict[tuple[str, str], str]]] = {
    "q35": {("ICH9-LPC", BRIDGE_HOTPLUG): "bridge_hotplug", (INTEL_IOMMU, "caching-mode"): "caching_mode"},
    "pc": {("PIIX4_PM", BRIDGE_HOTPLUG): "bridge_hotplug", ("PIIX4_PM", "acpi-root-pci-hotplug"): "root_hotplug"},
}
"""Properties of chipset functions that are fields of the chipset."""
HOLES: Final[dict[Family, str]] = {"q35": "q35-pcihost", "pc": "i440FX-pcihost"}
CHIPSET_TYPES: Final = frozenset({"ICH9-LPC", "PIIX4_PM", "mch", "i440FX", *HOLES.values()})
PLAIN_DRIVES: Final = frozenset({"none", "ide", "floppy", "sd", "mtd"})
"""Interfaces of `-drive` that bring no PCI function."""


@record(frozen=True)
class Effects:
    """What of it a request says, by the names of its fields, and what nobody here understands."""

    chipset: dict[str, bool] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    """`pci_hole64`, `cpu`, `phys_bits` and `pdpe1gb`."""
    globals: tuple[Global, ...] = ()
    """Those of types of PCI devices that are no part of the chipset."""
    unread: list[str] = field(default_factory=list)

    def properties(self, driver: str) -> Properties:
        """What devices of the type have where they do not state it themselves; the last one that is said counts."""
        above = set(lineage(device_type(driver)))
        return {one.property: canonical(one.property, one.value) for one in self.globals if one.driver in above}

    def caching_mode(self, viommu: DeviceArgument) -> bool:
        """Whether an intel-iommu has `caching-mode=on`: as it says itself, else as a global property does."""
        return is_on(viommu.properties, "caching-mode", default=self.chipset.get("caching_mode", False))


def effects(line: CommandLine, family: Family) -> Effects:
    """What the command line changes of a machine of that family."""
    result = Effects(globals=tuple(one for one in line.globals if _is_of_devices(one)), unread=list(line.unread))
    for name, value in line.machine.items():
        _machine(result, name, value)
    for one in line.globals:
        if not _is_of_devices(one):
            _chipset(result, family, one)
        elif one.property in SEAT:
            result.unread.append(_words("global", str(one), "where devices sit is planned"))
    for option, value in line.others:
        reader = OPTION_READERS.get(option)
        if reader is not None:
            reader(result, value)
        elif option not in HARMLESS:
            result.unread.append(_words(option, value))
    return result


def _is_of_devices(one: Global) -> bool:
    return (is_pci(one.driver) or one.driver == PCI_DEVICE) and one.driver not in CHIPSET_TYPES


def _words(option: str, value: str, why: str = "what it does to PCI is not known here") -> str:
    return f"-{option} {value}".rstrip() + f": {why}" if option else f"{value}: no option"


def _machine(result: Effects, name: str, value: Any) -> None:
    switch = WORDS.get(value) if isinstance(value, str) else value
    if name in MACHINE_SWITCHES and isinstance(switch, bool):
        result.chipset[name] = switch
    elif name not in HARMLESS_OF_MACHINE:
        result.unread.append(_words("machine", f"{name}={value}"))


def _chipset(result: Effects, family: Family, one: Global) -> None:
    """Of another machine's chipset QEMU takes no notice."""
    name = CHIPSET_GLOBALS[family].get((one.driver, one.property))
    value = canonical(one.property, one.value)
    if name is not None and isinstance(value, bool):
        result.chipset[name] = value
    elif one.driver == HOLES[family] and one.property == "pci-hole64-size":
        _hole(result, one)
    elif one.driver.endswith("-cpu") or one.driver == "cpu":
        if "phys-bits" in one.property:
            result.unread.append(_words("global", str(one)))
    elif one.driver in CHIPSET_TYPES:
        ours = one.driver in {HOLES[family], *(driver for driver, _ in CHIPSET_GLOBALS[family])} | {"mch", "i440FX"}
        if ours and one.property not in HARMLESS_OF_CHIPSET:
            result.unread.append(_words("global", str(one)))
    elif not is_elsewhere(one.driver):
        result.unread.append(_words("global", str(one), "no device type that is known here"))


def _hole(result: Effects, one: Global) -> None:
    size = canonical("size", one.value)
    if type(size) is int:
        result.fields["pci_hole64"] = size
    else:
        result.unread.append(_words("global", str(one)))


def _cpu(result: Effects, value: str) -> None:
    """Model, vendor, 1 GiB pages and address bits, as far as it says them; the host's bits are for who knows them."""
    options = options_of(value, first="model", argument="-cpu")
    model = str(options.get("model", ""))
    cpu: dict[str, Any] = {"host": True} if model == "host" else {"model": model} if model in cpu_models() else {}
    if not cpu:
        result.unread.append(_words("cpu", value, "no CPU model that is known here"))
    if "vendor" in options:
        cpu["vendor"] = vendor_named(str(options["vendor"]))
    if (told := _bits(options, "guest-phys-bits")) is not None:
        cpu["guest_phys_bits"] = told
    if model != "host" and WORDS.get(str(options.get("host-phys-bits"))):
        cpu["host_phys_bits"] = True
    if (most := _bits(options, "host-phys-bits-limit")) is not None:
        cpu["host_phys_bits_limit"] = most
    if cpu:
        result.fields["cpu"] = cpu
    for name, says in (("pdpe1gb", options.get("pdpe1gb")), ("+pdpe1gb", "on"), ("-pdpe1gb", "off")):
        if name in options:
            result.fields["pdpe1gb"] = WORDS.get(str(says), True)
    if (bits := _bits(options, "phys-bits")) is not None:
        result.fields["phys_bits"] = bits


def _bits(options: dict[str, Any], name: str) -> int | None:
    """A number that is stated; 0 is as if nothing were."""
    text = str(options.get(name, ""))
    return int(text) if text.isdecimal() and int(text) else None


def _drive(result: Effects, value: str) -> None:
    if options_of(value, first="file", argument="-drive").get("if", "ide") not in PLAIN_DRIVES:
        result.unread.append(_words("drive", value))


def _fw_cfg(result: Effects, value: str) -> None:
    if "opt/ovmf/X-Pci" in value:
        result.unread.append(_words("fw_cfg", value, "the firmware's room for PCI is another then"))


def _audio(result: Effects, value: str) -> None:
    if "model" in options_of(value, first="driver", argument="-audio"):
        result.unread.append(_words("audio", value))


OPTION_READERS: Final[dict[str, Callable[[Effects, str], None]]] = {
    "cpu": _cpu,
    "drive": _drive,
    "fw_cfg": _fw_cfg,
    "audio": _audio,
    "no-acpi": lambda result, _: result.chipset.update(acpi=False),
    "usb": lambda result, _: result.chipset.update(usb=True),
}
"""Options that matter in some cases, or that say a field."""
