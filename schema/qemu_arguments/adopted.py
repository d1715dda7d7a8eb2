"""A whole command line as a request."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ..catalog import excluded
from ..pci.controller_properties import property_names, unfit_for
from ..pci.controllers import CONTROLLERS
from ..pci.machine import Chipset, Machine, machine_of
from ..pci.machine_types import family_of, machine_type
from ..pci.qemu_properties import Properties, canonical
from ..pci.size import MIB
from .command_line import CommandLine, read_command_line
from .config_file import Opener, with_config_files
from .creation import in_order_of_creation
from .device_types import device_type
from .effects import INTEL_IOMMU, Effects, effects
from .firmware import firmware_of, has_secure_boot, is_flash
from .functions import COMPANION_OF, LIBVIRTS_USB, PciFunction, pci_functions
from .request import UnknownDevice, device_fields, undescribed
from .values import QemuArgumentError, options_of

Data = dict[str, Any]

DEFAULT_MACHINE: Final = "pc"
READ_HERE: Final = frozenset({"m", "numa", "bios"})
"""Options that `effects` leaves to who reads a whole command line."""


def guest_data(words: Sequence[str], opened: Opener, *, placed: bool = False) -> Data:
    """What the words behind QEMU's name ask for, as a request that is still to be validated. `opened` reads the files
    of `-readconfig`. What the command line leaves to QEMU is left open, or, `placed`, where QEMU puts it. Raises
    QemuArgumentError for a machine without PCI, or of which nothing is known."""
    spelled, unread = with_config_files(words, opened)
    name = _machine(read_command_line(spelled))
    family, version = family_of(name)
    creation = in_order_of_creation(spelled, family, version)
    line = read_command_line(creation.words)
    found = effects(replace(line, others=[one for one in line.others if not _is_read_here(*one)]), family)
    reader = _CommandLineReader(line, found, machine_of(name, Chipset.model_validate(found.chipset)), placed=placed)
    reader.run(name)
    unread = [*unread, *creation.unread, *found.unread, *reader.unread]
    return reader.data | ({"unread": unread} if unread else {})


def _is_read_here(option: str, value: str) -> bool:
    return option in READ_HERE or (option == "drive" and is_flash(value))


def _machine(line: CommandLine) -> str:
    name = line.machine.get("type", DEFAULT_MACHINE)
    if machine_type(str(name)) is None:
        raise QemuArgumentError(f"-machine {name}: neither a q35 nor an i440fx machine, the only ones planned for")
    return str(name)


class _CommandLineReader:
    """Makes the request of a command line that says all its devices by `-device`, in the order of creation."""

    def __init__(self, line: CommandLine, found: Effects, machine: Machine, *, placed: bool) -> None:
        self.line, self.found, self.machine, self.placed = line, found, machine, placed
        self.unread: list[str] = []
        self.data: Data = {}
        self.ports: set[str] = set()

    def run(self, name: str) -> None:
        self.data = {
            "machine": name,
            "firmware": firmware_of(self.line, self.unread),
            **self._ram(),
            **self.found.fields,
            "chipset": dict(self.found.chipset),
            "numa_nodes": sum(1 for one in self._values("numa", first="type") if one.get("type") == "node"),
            "needs": ["secure-boot"] if has_secure_boot(self.line) else [],
            "controllers": [],
            "devices": [],
        }
        self._viommu()
        functions = pci_functions(self.line, self.machine)
        for one in functions.found:
            self._add(one)
        self.unread += functions.unread
        known = {device.id for _, device in self.line.devices}
        self.unread += [
            f"-set device.{name}: no device has that id" for name in self.line.settings if name not in known
        ]

    # ---- the machine

    def _values(self, option: str, first: str) -> list[dict[str, Any]]:
        texts = (value for name, value in self.line.others if name == option)
        return [options_of(text, first=first, argument=f"-{option}") for text in texts]

    def _ram(self) -> Data:
        """Of `-m`, whose plain numbers are MiB; a backend that is the machine's RAM says its size as well."""
        said: dict[str, Any] = {}
        for one in self._values("m", first="size"):
            said |= one
        backend = self.line.machine.get("memory-backend")
        result: Data = {}
        size = str(said["size"]) if "size" in said else None
        memory = self.line.memory_backends.get(str(backend)) if size is None else _bytes(size, unit=MIB)
        if memory is not None:
            result["memory"] = memory
        elif size is not None:
            self.unread.append(f"-m {size}: not a size")
        if "maxmem" in said and (most := _bytes(str(said["maxmem"]), unit=1)) is not None:
            result |= {"max_memory": most}
            if str(said.get("slots", "0")).isdecimal():
                result["memory_slots"] = int(said.get("slots", 0))
        return result

    def _viommu(self) -> None:
        for _, device in self.line.devices:
            if device_type(device.driver) == INTEL_IOMMU:
                self.data["needs"].append("viommu")
                self.data["chipset"]["caching_mode"] = self.found.caching_mode(device)

    # ---- devices

    def _add(self, one: PciFunction) -> None:
        if (one.id, one.kind, one.address) == LIBVIRTS_USB and self.machine.family == "pc":
            self.data["chipset"]["usb"] = True
            return
        words = f"-device {one.device.driver}"
        if one.address is None and self.placed:
            self.unread.append(f"{words}: no slot is free, and QEMU would not start: not planned")
            return
        properties = {**self.found.properties(one.device.driver), **one.device.properties}
        properties.pop(COMPANION_OF, None)
        try:
            if one.kind in CONTROLLERS:
                self._controller(one, properties)
            else:
                fields = device_fields(one.device, properties, self.line.memory_backends)
                self.data["devices"].append(self._seated(one, fields))
        except UnknownDevice as unknown:
            self._strange(one, f"{words}: {unknown}")
        except QemuArgumentError as error:
            self.unread.append(f"{error}: not planned")

    def _seated(self, one: PciFunction, fields: Data) -> Data:
        address = {"address": str(one.address)} if one.address and (self.placed or one.stated) else {}
        return {"id": one.id, **fields, **address}

    def _controller(self, one: PciFunction, properties: Properties) -> None:
        names = property_names(one.kind)
        kept = {
            name: value for name, value in properties.items() if name in names and not unfit_for(one.kind, name, value)
        }
        for name in properties.keys() - kept:
            self.unread.append(f"-device {one.device.driver},id={one.id}: {name}={properties[name]}: not planned")
        if CONTROLLERS[one.kind].is_port:
            self.ports.add(one.id)
        self.data["controllers"].append(self._seated(one, {"model": one.kind, "properties": kept}))

    def _strange(self, one: PciFunction, words: str) -> None:
        """A device of a type that is not planned: what is known of it is its address."""
        if one.kind in excluded():
            self.unread.append(f"{words}: its address is left free")
            self.data.setdefault("reserve", []).append(str(one.address))
        else:
            behind_port = one.address is not None and one.address.bus in self.ports
            fields = undescribed(one.device.driver, behind_port=behind_port)
            self.data["devices"].append(self._seated(one, fields))


def _bytes(text: str, *, unit: int) -> int | None:
    """A size of the command line; a plain number counts in units."""
    size = canonical("size", text)
    if type(size) is not int:
        return None
    return size * unit if text.strip().isdecimal() else size
