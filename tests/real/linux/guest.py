"""Boots Linux in a QEMU with a layout, and reads what it makes of the PCI devices."""

import re
import subprocess
from dataclasses import dataclass, field
from typing import Final

from qslot.schema import Layout
from qslot.schema.formats.standalone import standalone
from qslot.schema.probe.enumeration import QEMU
from qslot.schema.probe.firmware import own_ovmf

from .initramfs import Boot

LIMIT: Final = 400
"""Seconds for a boot under software emulation; it takes some ten on an idle machine."""

OVMF_ATTEMPTS: Final = 8
"""QEMU itself dies in some boots of OVMF under TCG: tried again, as qslot.schema.probe does."""

LINE: Final = re.compile(r"^qslot (\S+) = (.*?)\s*$", re.MULTILINE)
ADDRESS: Final = re.compile(r"/sys/bus/pci/devices/0000:([0-9a-f:.]+)/(?:virtio\d+/)?(\w+)")
SLOT: Final = re.compile(r"/sys/bus/pci/slots/([^/]+)/address")

IO: Final = 0x100
"""Linux's resource flag IORESOURCE_IO."""
FIRST_WINDOW: Final = 13
"""Line of a bridge's IO window in sysfs's `resource`: after 6 BARs, the ROM and 6 of SR-IOV."""
VERSION_1: Final = 32
"""virtio 1.x, section 6: the feature bit whose absence means the 0.9 interface."""


@dataclass(frozen=True)
class Function:
    """A PCI function as Linux sees it. `interface` is the name udev gave it, `features` the negotiated virtio bits."""

    device_id: int
    io: dict[int, int]
    """Port of each IO BAR."""
    window: tuple[int, int] | None
    """Base and size of a bridge's IO window."""
    driver: str | None = None
    interface: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    """What udev's net_id says: ID_NET_NAME_SLOT and so on."""
    features: str = ""
    virtual: tuple[str, ...] = ()
    """Addresses of its virtual functions, `01:10.0`, where they are enabled."""
    resources: tuple[tuple[int, int, int], ...] = ()
    """First and last address and flags of each: 6 BARs, the ROM, and more."""

    @property
    def bars(self) -> list[tuple[int, int, int]]:
        """Base, size and flags of those BARs that it has; base 0 where Linux found no place."""
        return [(start, end - start + 1, flags) for start, end, flags in self.resources[:6] if flags]

    @property
    def negotiated_version_1(self) -> bool:
        return self.features[VERSION_1] == "1"


@dataclass(frozen=True)
class View:
    """`functions` by address, `02:01.0`; `slots`: from names in /sys/bus/pci/slots to addresses, `02:01`."""

    functions: dict[str, Function]
    slots: dict[str, str]
    text: str


def boot_linux(layout: Layout, guest: Boot, *extra: str, options: str = "") -> View:
    """What Linux says of itself, given these `options`, too. Raises AssertionError, with the console's text, if it does
    not come to its end."""
    image = own_ovmf(QEMU) if layout.firmware.name == "ovmf" else None
    qemu = (QEMU, "-accel", "tcg", *standalone(layout, firmware=image), *extra, "-no-reboot", "-serial", "stdio")
    command = [*qemu, *guest.arguments(*options.split())]
    text = ""
    for _ in range(OVMF_ATTEMPTS if layout.firmware.name == "ovmf" else 1):
        done = subprocess.run(command, capture_output=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
        text = done.stdout.decode(errors="replace")
        if "qslot end" in text:
            return view_of(text)
        text += done.stderr.decode(errors="replace")
    raise AssertionError(f"Linux did not come up: {text[-2000:]}")


def view_of(text: str) -> View:
    """What the guest printed."""
    entries: dict[str, dict[str, str]] = {}
    slots = {}
    for path, content in LINE.findall(text):
        if match := ADDRESS.fullmatch(path):
            entries.setdefault(match[1], {})[match[2]] = content.rstrip("|")
        elif match := SLOT.fullmatch(path):
            slots[match[1]] = content.rstrip("|").removeprefix("0000:")
    return View({address: _function(entry) for address, entry in entries.items()}, slots, text)


def _function(entry: dict[str, str]) -> Function:
    words = [line.split() for line in entry["resource"].split("|")]
    resources = tuple((int(start, 16), int(end, 16), int(flags, 16)) for start, end, flags in words)
    io = {bar: start for bar, (start, _, flags) in enumerate(resources[:6]) if flags & IO}
    window = None
    if len(resources) > FIRST_WINDOW:
        start, end, flags = resources[FIRST_WINDOW]
        window = (start, end - start + 1) if flags & IO else None
    return Function(
        int(entry["device"], 16),
        io,
        window,
        entry.get("driver"),
        entry.get("interface"),
        {name: value for name, value in entry.items() if name.startswith("ID_NET_")},
        entry.get("features", ""),
        tuple(sorted(where.removeprefix("0000:") for name, where in entry.items() if name.startswith("virtfn"))),
        resources,
    )
