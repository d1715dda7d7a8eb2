"""The answer: where every controller and device sits, and what that costs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field

from ..base import Frozen, TupleOf
from ..finding import Finding
from ..pci.address import ROUTING_IDS, Address
from ..pci.controllers import VirtioMode
from ..pci.cpu import Cpu
from ..pci.machine import Chipset, Machine, machine_of
from ..pci.machine_types import family_of
from ..pci.qemu_properties import Properties, canonical_properties
from ..pci.qemu_versions import QEMU_VERSION, Version, assumed_qemu, default_firmware, version_number, version_text
from ..request.firmware import Firmware
from ..request.shared import Bar, QemuId, SlotKind, Term
from .preference import UnmetPreference

if TYPE_CHECKING:
    from ..request.guest import Guest

LAYOUT_VERSION = 1
HASH_VERSION: Final = 2


class Seat(Frozen):
    """A function of a slot of a bus; what sits there."""

    id: QemuId
    """QEMU's id: that of the request, or of a controller that the planner created, its own."""
    model: str = Field(examples=["virtio-net"])
    """Name of the model, as the request has it and `qslot catalog` lists it."""
    bus: str = Field(examples=["pcie.0", "rp1"])
    """Id of the root bus (`pcie.0` on q35, `pci.0` on pc) or of a controller that stands earlier in the layout."""
    slot: int = Field(ge=0, le=31, examples=[2])
    """Slot of that bus; in addresses it is written in hexadecimal."""
    function: int = Field(ge=0, le=ROUTING_IDS - 1, examples=[0])
    """Function of that slot; past 7 of virtual functions alone (ARI), whose addresses are written as of slots after it:
    slot 0, function 8 as `01.0`."""
    multifunction: bool = Field(default=False, examples=[True])
    """Whether QEMU is told `multifunction=on`: of function 0 where others share its slot."""
    properties: Properties = Field(default={}, examples=[{"netdev": "hostnet0"}])
    """QEMU properties to emit beside id, bus, addr and multifunction: those of the request, and what tells a virtio
    mode."""

    @property
    def address(self) -> Address:
        """Bus, slot and function in one."""
        return Address(self.bus, self.slot, self.function)


class PlacedController(Seat):
    """A port, bridge or expander, listed in the request or created by the planner, and the bus that it offers."""

    model: str = Field(examples=["pcie-root-port"])
    """QEMU's name of the controller."""
    properties: Annotated[Properties, AfterValidator(canonical_properties)] = Field(
        default={}, examples=[{"chassis": 1, "port": 16}]
    )
    """QEMU properties to emit beside id, bus, addr and multifunction: those of the request, and those by which the
    planner numbers controllers (`chassis`, `port`, `chassis_nr`, `bus_nr` ...) and keeps room (`io-reserve` ..., in
    bytes). Each has the one value that its type says."""
    numa: int | None = Field(default=None, examples=[0])
    """NUMA node of the expander that it is or sits below; null where that has none, and below the main root bus."""


class PlacedDevice(Seat):
    """A device of the request, where it sits."""

    driver: str = Field(examples=["virtio-net-pci-transitional"])
    """QEMU's name of the device type, which for most virtio devices tells the mode."""
    virtio: VirtioMode | None = Field(default=None, examples=["transitional"])
    """The mode that the device has there, never auto; null for what is not virtio."""
    bars: TupleOf[Bar] | None = Field(default=None, examples=[[{"bar": 0, "kind": "mem64", "size": 16777216}]])
    """Its BARs, where the request lists them; null where the catalogue knows them."""
    rom: int | None = Field(default=None, examples=[65536])
    """Bytes of its option ROM, where the request says them; null where it does not."""


class SpareSlot(Frozen):
    """A hot-pluggable slot that is left free."""

    kind: SlotKind = Field(examples=["pcie"])
    """`pcie` is the slot of a port, `pci` one of a conventional bus."""
    bus: str = Field(examples=["rp2"])
    """Id of the controller that offers the bus, or of the root bus."""
    slot: int = Field(ge=0, le=31, examples=[0])
    """Slot of that bus."""


class IoWindow(Frozen):
    """IO ports that a bridge forwards, as the firmware will program them."""

    controller: str = Field(examples=["rp1"])
    """Id of the bridge."""
    base: int | None = Field(examples=[49152])
    """The first port; null where it is not predicted."""
    size: int = Field(examples=[4096])
    """Size in bytes: whole pages of 4096."""


class ObjectiveTerm(Frozen):
    """One term of the objective. Where value and bound are equal, no layout does better, given the terms before."""

    term: Term = Field(examples=["io_windows"])
    """Which term; docs/semantics.md says what each counts."""
    value: int = Field(examples=[4096])
    """What the layout costs: of `io_windows` bytes, of `preferences` a sum of weights, else a count."""
    bound: int = Field(examples=[4096])
    """What any layout costs at least, in the same unit; proved."""

    @property
    def gap(self) -> int:
        """How much better a layout might be, as far as is proved."""
        return self.value - self.bound

    def __str__(self) -> str:
        least = "proved least" if self.value == self.bound else f"not proved: at least {self.bound}, gap {self.gap}"
        return f"{TERM_WORDS[self.term]:44} {self.value:>6}  {least}"


class Replanned(Frozen):
    """What is not as it was in the previous layout that a layout was planned beside."""

    moved: TupleOf[str] = Field(default=(), examples=[["net1"]])
    """Devices of both that are at another place, told from the root bus, or have another virtio mode. Empty where the
    machine is of another family: nothing can stay."""
    guest_visible: TupleOf[str] = Field(default=(), examples=[["net1", "disk0"]])
    """Devices of both that have another address in the guest, or another interface name, as far as is predicted."""


HISTORY: Final[frozenset[Term]] = frozenset({"moved", "guest_visible"})
"""Terms that compare with a previous layout."""


def telling(terms: Iterable[ObjectiveTerm], *, replanned: bool) -> list[ObjectiveTerm]:
    """Those that tell something: where there is no previous layout, nothing can have moved."""
    return [term for term in terms if replanned or term.term not in HISTORY or term.value or term.bound]


TERM_WORDS: Final[dict[Term, str]] = {
    "moved": "devices that move",
    "guest_visible": "devices whose guest address or name changes",
    "preferences": "preferences not met (weighted)",
    "io_windows": "bytes of IO windows",
    "controllers": "controllers",
    "depth": "bridges above endpoints, summed",
}


class Platform(Frozen):
    """What of the request a reader of the layout needs to start or check it."""

    memory: int = Field(examples=[2147483648])
    """The guest's RAM in bytes."""
    numa_nodes: int = Field(examples=[2])
    """How many NUMA nodes the guest has."""
    chipset: Chipset
    """Which functions of the chipset exist."""
    max_memory: int | None = Field(default=None, examples=[17179869184])
    """The guest's RAM in bytes with all that can be plugged; null is none that can."""
    memory_slots: int = Field(default=0, examples=[16])
    """How many modules of RAM can be plugged."""
    cpu: Cpu = Cpu()
    """The guest's CPU."""
    phys_bits: int | None = Field(default=None, examples=[46])
    """Physical address bits of the guest's CPU; null is 40, or what a 32-bit one has."""
    pdpe1gb: bool = Field(default=True, examples=[False])
    """Whether the guest's CPU has 1 GiB pages."""
    pci_hole64: int | None = Field(default=None, examples=[68719476736])
    """Bytes of QEMU's 64-bit hole behind RAM; null is 32 GiB on q35, 2 GiB on pc."""
    machine_as: str | None = Field(default=None, examples=["pc-q35-8.2"])
    """The machine type whose version the guest's stands for, where the request says it; null where the name does."""
    qemu: str = Field(default="", pattern=rf"^({QEMU_VERSION})?$", examples=["10.0"])
    """The version of the QEMU that it is planned for; empty where the request leaves it open: then it is the one
    that is assumed for such a firmware."""

    @property
    def address_bits(self) -> int:
        """Physical address bits of the guest's CPU."""
        return self.cpu.bits(self.phys_bits)

    @classmethod
    def of(cls, guest: "Guest") -> "Platform":
        """The platform that a request states."""
        stated = {name: getattr(guest, name) for name in cls.model_fields}
        return cls(**stated | {"chipset": guest.protected_chipset})


class Versions(Frozen):
    """What wrote the layout."""

    qslot: str = Field(examples=["0.1.0"])
    """Version of qslot."""
    layout: int = Field(default=LAYOUT_VERSION, examples=[1])
    """Version of this format."""
    hash: Literal[1, 2] = Field(default=1, examples=[2])
    """How `input_sha256` was made: 1 of the whole request, 2 of what it states beyond the defaults. Layouts that do not
    say it have 1, which is not compared any more."""


class Layout(Frozen):
    """A verified layout. Parents stand before children; nothing of the host enters it."""

    qslot: Literal[1] = 1
    """Says that the file is a layout, and in which version of the format."""
    status: Literal["optimal", "feasible"] = Field(examples=["optimal"])
    """`optimal` is proved: of no term of the objective is there less, given the terms before. `feasible` keeps all
    rules, but a limit was hit, or the proof was not found."""
    machine: str = Field(examples=["pc-q35-7.2"])
    """QEMU's machine type, as the request names it."""
    firmware: Firmware
    """The firmware that it is planned for."""
    platform: Platform
    """What else of the request matters to who starts or checks it."""
    controllers: tuple[PlacedController, ...]
    """Every controller, parents before children."""
    devices: tuple[PlacedDevice, ...]
    """Every device, in the order of the request."""
    spare: tuple[SpareSlot, ...] = ()
    """The slots left free, in the order in which the request asks for them."""
    guest_addresses: dict[str, str | None] = Field(default={}, examples=[{"net0": "02:01.0"}])
    """By id of a device, the address that the guest sees, as lspci prints it: bus number, slot, function. Null where it
    is not predicted."""
    guest_names: dict[str, str | None] = Field(default={}, examples=[{"net0": "enp2s1"}])
    """What a Linux guest with systemd calls each network interface, by id of the device; null where there is none, or
    its name not known."""
    io_windows: tuple[IoWindow, ...] = ()
    """IO windows of all bridges that have one, those included that the firmware opens though nothing needs them."""
    objective: tuple[ObjectiveTerm, ...] = ()
    """What the layout costs, term by term in the order of the policy."""
    unmet: TupleOf[UnmetPreference] | None = Field(
        default=None, examples=[[{"who": "video0", "reason": "chipset-place", "weight": 1}]]
    )
    """The preferences that it does not meet, whose weights are the term `preferences`; null where it is not said."""
    replanned: Replanned | None = Field(default=None, exclude_if=lambda value: value is None)
    """What is not as it was in the previous layout that this one was planned beside; absent where there was none."""
    warnings: tuple[Finding, ...] = ()
    """What is allowed, but costs or risks something."""
    input_sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    """SHA-256, in hexadecimal, of the request's canonical JSON: says whether this layout answers a request."""
    versions: Versions
    """What wrote it."""

    @property
    def machine_model(self) -> Machine:
        """Root bus, chipset and hot-plug of the machine."""
        return machine_of(self.machine, self.platform.chipset, self.platform.machine_as, self.qemu_version)

    @property
    def qemu_version(self) -> Version:
        """The version of the QEMU that it is planned for, as integers."""
        if self.platform.qemu:
            return version_number(self.platform.qemu)
        family, version = family_of(self.platform.machine_as or self.machine)
        return assumed_qemu(family, version, (self.firmware.name, self.firmware.number))

    def on_qemu(self, version: Version) -> Self:
        """The same layout where another QEMU runs it, with the firmware that came with that, unless it is planned for a
        firmware of its own."""
        name, own = self.firmware.name, self.qemu_version
        firmware = self.firmware
        if firmware.version == default_firmware(name, own):
            firmware = Firmware(name=name, version=default_firmware(name, version))
        platform = self.platform.model_copy(update={"qemu": version_text(version)})
        return self.model_copy(update={"platform": platform, "firmware": firmware})

    def __str__(self) -> str:
        """What `qslot plan` and `qslot show` print."""
        from ..formats.text_layout import tree

        return tree(self).removesuffix("\n")

    def _repr_html_(self) -> str:
        """What notebooks show."""
        from ..picture.html_page import fragment

        return fragment(self)

    def to_qemu(self) -> list[str]:
        """`-device` arguments, parents first: `["-device", "pcie-root-port,id=rp1,...", ...]`."""
        from ..formats.qemu import arguments

        return arguments(self)

    def to_libvirt(self, xml: str, *, explicit_virtio: bool = False) -> str:
        """The domain XML that this was planned for, with every address and controller filled in.

        `explicit_virtio`: the virtio model also where the slot alone makes the planned mode. Raises
        `libvirt.SourceError` where `xml` is not that domain.
        """
        from ..libvirt import write

        return write(self, xml.encode(), explicit_virtio=explicit_virtio).data.decode()

    def to_qmp(self) -> list[dict[str, Any]]:
        """QMP `device_add` commands for the devices on hot-pluggable slots."""
        from ..formats.qemu import device_add

        return device_add(self)
