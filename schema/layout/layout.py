"""The answer: where every controller and device sits, and what that costs."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ..base import Frozen, TupleOf
from ..finding import Finding
from ..pci.address import Address
from ..pci.controllers import VirtioMode
from ..pci.machine import Chipset
from ..pci.qemu_properties import Properties, canonical_properties
from ..request.device import Bar, QemuId
from ..request.fields import Firmware, Term

if TYPE_CHECKING:
    from ..request.guest import Guest

LAYOUT_VERSION = 1


class Seat(Frozen):
    """A function of a slot of a bus; what sits there."""

    id: QemuId
    model: str
    bus: str
    """Id of the root bus or of a controller that stands earlier in the layout."""
    slot: int = Field(ge=0, le=31)
    function: int = Field(ge=0, le=7)
    multifunction: bool = False
    properties: Properties = {}

    @property
    def address(self) -> Address:
        return Address(self.bus, self.slot, self.function)


class PlacedController(Seat):
    """`properties` are the QEMU properties to emit, beside id, bus, addr and multifunction; each has the one value that
    its type says."""

    properties: Annotated[Properties, AfterValidator(canonical_properties)] = {}
    numa: int | None = None
    """Node of the expander it is or sits below."""


class PlacedDevice(Seat):
    """`driver` is QEMU's name; `virtio` the resolved mode, never auto; `bars` only where the request gave them."""

    driver: str
    virtio: VirtioMode | None = None
    bars: TupleOf[Bar] | None = None
    rom: int | None = None


class SpareSlot(Frozen):
    """A hot-pluggable slot left free."""

    kind: Literal["pcie", "pci"]
    bus: str
    slot: int = Field(ge=0, le=31)


class IoWindow(Frozen):
    """IO ports that a bridge forwards, as the firmware will program them. Bytes; `base` is null where not predicted."""

    controller: str
    base: int | None
    size: int


class ObjectiveTerm(Frozen):
    """`value == bound` is the proof that no layout does better, given the terms before."""

    term: Term
    value: int
    bound: int

    @property
    def gap(self) -> int:
        """How much better a layout might be, as far as is proved."""
        return self.value - self.bound


class Platform(Frozen):
    """What of the request a reader of the layout needs to start or check it."""

    memory: int
    numa_nodes: int
    chipset: Chipset
    phys_bits: int | None = None
    pci_hole64: int | None = None

    @classmethod
    def of(cls, guest: "Guest") -> "Platform":
        return cls(**{name: getattr(guest, name) for name in cls.model_fields})


class Versions(Frozen):
    qslot: str
    layout: int = LAYOUT_VERSION


class Layout(Frozen):
    """A verified layout. Parents stand before children; nothing of the host enters it."""

    qslot: Literal[1] = 1
    status: Literal["optimal", "feasible"]
    machine: str
    firmware: Firmware
    platform: Platform
    controllers: tuple[PlacedController, ...]
    devices: tuple[PlacedDevice, ...]
    spare: tuple[SpareSlot, ...] = ()
    guest_addresses: dict[str, str | None] = {}
    guest_names: dict[str, str | None] = {}
    """What a Linux guest with systemd calls each network interface; null where there is none, or its name not known."""
    io_windows: tuple[IoWindow, ...] = ()
    objective: tuple[ObjectiveTerm, ...] = ()
    warnings: tuple[Finding, ...] = ()
    input_sha256: str
    versions: Versions

    def to_qemu(self) -> list[str]:
        """`-device` arguments, parents first: `["-device", "pcie-root-port,id=rp1,...", ...]`."""
        from ..formats.qemu import arguments

        return arguments(self)

    def to_libvirt(self, xml: str, *, explicit_virtio: bool = False) -> str:
        """The domain XML that this was planned for, with every address and controller filled in.

        `explicit_virtio`: the virtio model also of devices that have an address. Raises `libvirt.SourceError` where
        `xml` is not that domain.
        """
        from ..libvirt import write

        return write(self, xml.encode(), explicit_virtio=explicit_virtio).data.decode()

    def to_qmp(self) -> list[dict[str, Any]]:
        """QMP `device_add` commands for the devices on hot-pluggable slots."""
        from ..formats.qemu import device_add

        return device_add(self)
