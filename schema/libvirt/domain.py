"""A domain as far as its PCI layout goes: machine, devices and PCI controllers, each with its element."""

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from ..pci.machine import Family
from ..pci.qemu_properties import VIRTIO_SWITCHES
from .addresses import PciAddress, address_of, takes_pci_address
from .checks import check
from .controllers import DomainController, bridges_of, root_hotplug
from .implicit import adds_piix3_usb, missing
from .models import COMPANIONS, SECONDARY, QemuDevice, disk_number, kind_of
from .override import overridden_mode, overrides
from .splice import Element, SourceError, parse

ALIASES: Final = {
    "interface": "net",
    "disk": "virtio-disk",
    "memballoon": "balloon",
    "filesystem": "fs",
    "memory": "virtiomem",
    **{name: name for name in ("video", "sound", "rng", "watchdog", "hostdev", "vsock", "iommu", "input", "shmem")},
    **{name: name for name in ("serial", "panic", "crypto")},
}
"""How libvirt begins the names that it gives devices."""


@dataclass(slots=True)
class DomainDevice:
    """A PCI device. What the document does not list has the XML to add, without an address, in `added`."""

    id: str
    kind: QemuDevice
    source: Element
    """Its element, of the document or of `added`."""
    added: str = ""
    address: PciAddress | None = None
    group: str | None = None
    function: int | None = None
    chipset_place: bool = False
    """Whether libvirt would give it one of the chipset's places, which no guest can hot-plug."""
    switched: bool = False
    """Whether overrides, and not its element, say its virtio mode."""


@dataclass(slots=True)
class Domain:
    """What matters of a domain's XML, with the elements that say it: they know where in the text they stand."""

    root: Element
    devices: Element
    """Of no length where the domain has none."""
    machine: str
    family: Family
    parts: list[DomainDevice] = field(default_factory=list)
    fixed: list[tuple[Element, PciAddress]] = field(default_factory=list)
    """Chipset functions that the domain lists, and where they are."""
    bridges: list[DomainController] = field(default_factory=list)
    usb: bool = False
    """Whether a pc has its own USB controller."""
    root_hotplug: bool = True
    """Off, libvirt would still put devices there: no guest can hot-plug them, and none of them needs to be."""
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    """QEMU properties that the domain overrides, by alias."""


@lru_cache(maxsize=2)
def read_domain(data: bytes) -> Domain:
    """Raises SourceError for what is no domain XML of an x86 machine with PCI. The last ones are remembered."""
    root = parse(data)
    if root.tag != "domain":
        raise SourceError(f"the root element is <{root.tag}>, not <domain>")
    machine, family = _machine(root)
    devices = root.first("devices") or Element("devices", {}, root.close, root.close, root, root.close, root.close)
    domain = Domain(root, devices, machine, family, properties=overrides(root))
    domain.usb = family == "pc" and adds_piix3_usb(devices)
    domain.root_hotplug = root_hotplug(devices)
    _Collector(domain).run()
    domain.bridges = bridges_of(devices, family, [part.address for part in domain.parts if part.address is not None])
    return domain


def _machine(root: Element) -> tuple[str, Family]:
    kind = root.first("os", "type")
    arch = "x86_64" if kind is None else kind.get("arch", "x86_64")
    if arch not in ("x86_64", "i686"):
        raise SourceError(f"architecture {arch!r}: only x86_64 and i686 are planned")
    machine = "pc" if kind is None else kind.get("machine", "pc")
    if machine == "q35" or machine.startswith("pc-q35-"):
        return machine, "q35"
    if machine == "pc" or machine.startswith("pc-i440fx-"):
        return machine, "pc"
    raise SourceError(f"machine {machine!r}: only q35 and i440fx (pc) are planned")


class _Collector:
    """Every PCI device in the order of the document, then those that are missing."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.numbers: Counter[str] = Counter()
        self.videos = 0
        self.usb2: dict[str, bool] = {}
        self.audio = False

    def run(self) -> None:
        for element in self.domain.devices.children:
            self.take(element)
        for added in missing(self.domain.devices, self.domain.family):
            self.take(parse(added.encode()), added)

    def take(self, shown: Element, added: str = "") -> None:
        kind = kind_of(shown)
        check(shown, self.domain.root, self.domain.devices, is_pci=kind is not None)
        if kind is None or not takes_pci_address(shown) or self.is_fixed(shown):
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

    def is_fixed(self, shown: Element) -> bool:
        """Whether it is a function of the chipset. Raises SourceError where it is to be elsewhere than that is."""
        first, sort = shown.get("index", "0") == "0", (shown.tag, shown.get("type"))
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
        self.domain.fixed.append((shown, place))
        return True

    def name(self, shown: Element) -> str:
        """The alias that the domain gives it or libvirt would."""
        alias = shown.value("alias", name="name")
        if alias and all(part.id != alias for part in self.domain.parts):
            return alias
        if shown.tag == "controller":
            base = f"{shown.get('type')}{shown.get('index', '0')}"
            model = shown.get("model")  # of USB 2 several have one index
            return f"{base}-{model}" if base.startswith("usb") and "ich9" in model else base
        base = ALIASES[shown.tag]
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
        self.videos += 1
        if self.videos > 1:
            part.kind = replace(part.kind, model=SECONDARY.get(part.kind.model, part.kind.model))
        part.chipset_place = self.videos == 1 and part.address is None

    def companion(self, part: DomainDevice, shown: Element) -> None:
        """USB 2: the functions of one slot. On q35 two have a place of their own."""
        part.group = f"usb{shown.get('index', '0')}"
        part.function = COMPANIONS[part.kind.model]
        known = self.usb2.setdefault(part.group, len(self.usb2) < 2)
        part.chipset_place = known and part.address is None and self.domain.family == "q35"
