"""The PCI devices of a domain: those that it lists, known or not, and those that libvirt adds."""

import re
from collections import Counter
from dataclasses import replace
from typing import Final

from ..pci.qemu_properties import VIRTIO_SWITCHES
from ..request.device import ID_PATTERN
from .addresses import PciAddress, address_of, takes_pci_address
from .checks import PHANTOMS, check
from .disks import disk_number
from .domain_model import Domain, DomainDevice
from .implicit import missing
from .kinds import COMPANIONS, SECONDARY
from .models import READERS, QemuDevice, UnknownKindError, kind_of, with_primary_first
from .override import overridden_mode
from .splice import Element, SourceError, parse

NO_DEVICES: Final = frozenset(
    {"emulator", "lease", "graphics", "console", "parallel", "channel", "smartcard", "hub", "redirdev", "redirfilter"}
    | {"tpm", "nvram", "audio"}
)
"""Elements that stand for no PCI device."""
ALIASES: Final = {
    "interface": "net",
    "disk": "virtio-disk",
    "memballoon": "balloon",
    "filesystem": "fs",
    "memory": "virtiomem",
    **{name: name for name in ("video", "sound", "rng", "watchdog", "hostdev", "vsock", "iommu", "input", "shmem")},
    **{name: name for name in ("serial", "panic", "crypto", "pstore")},
}
"""How libvirt begins the names that it gives devices; others begin with their element's."""


class Collector:
    """Every PCI device in the order of the document, then those that are missing."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.numbers: Counter[str] = Counter()
        self.shown = with_primary_first(domain.devices)
        self.primary = next((one for one in self.shown if one.tag == "video"), None)
        self.usb2: dict[str, bool] = {}
        self.audio = False

    def run(self) -> None:
        """Fills the domain's parts, chipset functions and reserved addresses. Raises SourceError, which names the
        line."""
        for element in self.shown:
            try:
                self.take(element)
            except SourceError as error:
                raise SourceError(f"line {element.line}: {error}") from None
        self.phantoms()
        for added in missing(self.domain.devices, self.domain.family, self.domain.indexes):
            self.take(parse(added.encode()), added)

    def take(self, shown: Element, added: str = "") -> None:
        """One element: of the document, or of the XML that is to be added."""
        kind = self.kind(shown)
        domain = self.domain
        check(shown, domain.root, domain.devices, domain.family, domain.indexes, is_pci=kind is not None)
        if kind is None or self.is_fixed(shown):
            return
        if not takes_pci_address(shown):
            sort = shown.value("address", name="type")
            domain.unread.append(f"{shown.where}: its address is of type {sort!r}, not pci, so it is not planned")
            return
        part = DomainDevice(self.name(shown), kind, shown, added, address_of(shown))
        if shown.tag == "video":
            self.video(part)
        elif kind.model in COMPANIONS:
            self.companion(part, shown)
        elif kind.model == "ich9-intel-hda" and part.address is None and self.domain.family == "q35":
            part.chipset_place, self.audio = not self.audio, True
        self.override(part)
        self.domain.parts.append(part)

    def kind(self, shown: Element) -> QemuDevice | None:
        """What it is to QEMU. A PCI address says of what is not known that it is a PCI device."""
        why = "not known"
        try:
            kind = kind_of(shown)
        except UnknownKindError as error:
            if address_of(shown) is None:
                raise
            why = str(error)
        else:
            if kind is not None or shown.tag in READERS or shown.tag in NO_DEVICES or address_of(shown) is None:
                return kind
        self.domain.unread.append(f"{shown.where}: {why}; kept at its address, as a device without BARs")
        model = shown.value("model", name="type") if shown.tag == "interface" else "unknown"
        return QemuDevice(model, more={"connect": "hybrid", "bars": [], "hotplug": "never"})

    def phantoms(self) -> None:
        """Addresses of what is no PCI device. A console may only repeat that of a serial port."""
        taken = {part.address for part in self.domain.parts}
        for shown in self.domain.devices.children:
            place = address_of(shown) if shown.tag in PHANTOMS else None
            if place is None or (shown.tag == "console" and place in taken):
                continue
            if any(part.source is shown for part in self.domain.parts) or _is_bridge(shown) or self.is_fixed(shown):
                continue
            taken.add(place)
            self.domain.reserved.append(place)
            self.domain.unread.append(f"{shown.where}: no PCI device; its PCI address is kept free, as libvirt does")

    def is_fixed(self, shown: Element) -> bool:
        """Whether it is a function of the chipset. Raises SourceError where it is to be elsewhere than that is."""
        first, sort = self.index(shown) == 0, (shown.tag, shown.get("type"))
        place: PciAddress | None = None
        if sort == ("controller", "ide"):
            if self.domain.family == "q35" or not first:
                raise SourceError("controller ide: the only one is the chipset's of i440fx, index 0")
            place = PciAddress(0, 1, 1)
        elif sort == ("controller", "sata") and self.domain.family == "q35" and first:
            place = PciAddress(0, 0x1F, 2)
        elif sort == ("controller", "usb") and first and self.domain.usb:
            place = PciAddress(0, 1, 2)
        if place is None:
            return False
        stated = address_of(shown)
        if stated not in (None, place):
            raise SourceError(f"controller {shown.get('type')}: the chipset's own has address {place}, not {stated}")
        if (shown, place) not in self.domain.fixed:
            self.domain.fixed.append((shown, place))
        return True

    def index(self, controller: Element) -> int:
        """Of one that the domain lists, or of one that is added, which states it."""
        return self.domain.indexes.get(controller, int(controller.get("index", "0") or "0"))

    def name(self, shown: Element) -> str:
        """The alias that the domain gives it or libvirt would."""
        alias = shown.value("alias", name="name")
        if re.match(ID_PATTERN, alias) and all(part.id != alias for part in self.domain.parts):
            return alias
        if shown.tag == "controller":
            base = f"{shown.get('type')}{self.index(shown)}"
            model = shown.get("model")  # of USB 2 several have one index
            return f"{base}-{model}" if base.startswith("usb") and "ich9" in model else base
        base = ALIASES.get(shown.tag) or (shown.tag if re.match(ID_PATTERN, shown.tag) else "device")
        if shown.tag == "disk":
            return f"{base}{disk_number(shown)}"
        number = self.numbers[base]
        self.numbers[base] += 1
        return f"{base}{number}"

    def override(self, part: DomainDevice) -> None:
        """A mode that plain virtio has by its overrides is taken as one that is stated."""
        properties = self.domain.properties.get(part.id, {})
        if part.kind.switch is not None and part.kind.mode is None and properties.keys() & {*VIRTIO_SWITCHES}:
            part.kind = replace(part.kind, mode=overridden_mode(part.id, properties))
            part.switched = True

    def video(self, part: DomainDevice) -> None:
        """The primary one, which may be no PCI device, is another model than others, and has a place of its own."""
        is_primary = self.primary is None or part.source is self.primary
        if not is_primary:
            part.kind = replace(part.kind, model=SECONDARY.get(part.kind.model, part.kind.model))
        part.chipset_place = is_primary and part.address is None

    def companion(self, part: DomainDevice, shown: Element) -> None:
        """USB 2: the functions of one slot. On q35 two have a place of their own."""
        part.group = f"usb{self.index(shown)}"
        # without the one that is function 0 there no guest would see the others where libvirt puts them
        first = any(
            one.get("model") == "ich9-uhci1" and index == self.index(shown)
            for one, index in self.domain.indexes.items()
        )
        part.function = COMPANIONS[part.kind.model] if first else None
        known = self.usb2.setdefault(part.group, len(self.usb2) < 2)
        part.chipset_place = known and part.address is None and self.domain.family == "q35"


def _is_bridge(shown: Element) -> bool:
    return (shown.tag, shown.get("type")) == ("controller", "pci")
