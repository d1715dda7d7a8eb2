"""The parts of a request: devices, demanded controllers, spare slots."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from ..base import Frozen, TupleOf
from ..catalog import models, named_by_qemu
from ..catalog.virtual_functions import MOST_VIRTUAL, PHYSICAL, asked_for
from ..pci.address import FUNCTIONS, Pin
from ..pci.controllers import CONTROLLERS, VirtioMode
from ..pci.qemu_properties import Properties, canonical_properties, is_on, unfit
from ..pci.size import Size
from .shared import ID_PATTERN as ID_PATTERN
from .shared import MAX_IO_BAR as MAX_IO_BAR
from .shared import Bar as Bar
from .shared import QemuId as QemuId
from .shared import SlotKind as SlotKind

ROOT_BUSES: Final = frozenset({"pcie.0", "pci.0"})
"""Root buses, in whose slots others are."""

Hotplug = Literal["required", "preferred", "never"]
ModeSource = Literal["type", "property", "slot"]
"""What tells QEMU a virtio mode: the device type's name (`-transitional`), `disable-*` properties, the slot alone."""


class Part(Frozen):
    """What devices and controllers have in common."""

    id: QemuId
    """QEMU's id: a letter, then letters, digits, `.`, `_` or `-`. No other part of the guest may have it."""
    model: str
    """Name of the model, as `qslot catalog` lists them."""
    address: Pin | None = Field(default=None, examples=["pcie.0:05.0"])
    """Pins what is fixed of the address, in hexadecimal as lspci has it: `BUS:SLOT.FUNCTION`, `BUS:SLOT` for any
    function, `.FUNCTION` for any bus and slot. BUS is the root bus (`pcie.0` on q35, `pci.0` on pc) or the id of a
    listed controller. Without it the planner chooses."""
    numa: int | None = Field(default=None, ge=0, examples=[0])
    """Guest NUMA node, below `numa_nodes`: the part must sit below an expander of that node, and the planner creates
    one where none is listed. Of an expander it is the expander's own node."""
    properties: Annotated[Properties, AfterValidator(canonical_properties)] = Field(
        default={}, examples=[{"netdev": "hostnet0"}]
    )
    """QEMU properties by name, passed through. However a value is spelled, it becomes the one value that the property's
    type says (`"8K"` is 8192, `"off"` is false). `id`, `bus`, `addr`, `multifunction`, `disable-legacy` and
    `disable-modern` are the plan's own and refused."""


MODES = {mode.value: mode for mode in VirtioMode}


class Device(Part):
    """One endpoint: a catalogue model or, like host devices, one that describes itself with `connect` and `bars`."""

    model: str = Field(examples=["virtio-net"])
    """Name of the device model, as `qslot catalog` lists them: of virtio devices without `-pci` and without the mode
    (`virtio-net`). QEMU's own names stand for these, and for the mode that they say (`virtio-net-pci`,
    `virtio-blk-pci-transitional`). A device of the host is `vfio-pci`."""
    virtio: Literal["legacy", "transitional", "modern", "auto", "auto-by-os"] | None = Field(
        default=None, examples=["modern"]
    )
    """Virtio interface, of virtio devices only. `legacy` offers virtio 0.9, `modern` 1.0, `transitional` both; the
    first and the last have IO ports, which take an IO window behind a bridge. `auto`, or nothing, leaves it to machine
    type and slot, as QEMU does: modern behind a port, else transitional; on machine types before 2.7 legacy.
    `auto-by-os` needs `--os`, and takes what that system drives. All three are modern with the property
    `iommu_platform=on`, which QEMU refuses to the others."""
    virtio_by: ModeSource = Field(default="type", examples=["property"])
    """What tells QEMU the mode: the device type's name (`virtio-net-pci-transitional`), the properties `disable-legacy`
    and `disable-modern`, or nothing but the slot, so that the device must sit where the slot makes its mode."""
    hotplug: Hotplug | None = Field(default=None, examples=["required"])
    """Whether the device is to be plugged and unplugged while the guest runs. `required` is kept or there is no layout;
    `preferred` costs where it is not met; `never` frees the device to share a slot or sit on the root bus. Without it
    the catalogue's default for the model holds (`qslot catalog MODEL`)."""
    group: str | None = Field(default=None, examples=["gpu0"])
    """Name of a group whose members are functions of one slot: 0, 1, ... as they are listed, unless they pin one. There
    are 8 at most, and virtual functions (`sriov-pf`) that go on past them."""
    near: TupleOf[str] = Field(default=(), examples=[["gpu0"]])
    """Ids of devices that must have the same root bus: all on the main one, or below the same expander."""
    near_switch: TupleOf[str] = Field(default=(), examples=[["gpu0"]])
    """Ids of devices that must sit below the same PCI Express switch (x3130-upstream). On q35 only."""
    vfs: int | None = Field(default=None, ge=1, le=MOST_VIRTUAL, examples=[4])
    """How many virtual functions (SR-IOV) the guest shall be able to enable; the device is then on PCI Express. An nvme
    gets the properties that QEMU takes for so many, where they are not stated; an igb always has 8. Those of a virtio
    device are listed: docs/semantics.md, sriov-pf."""
    iommu_group: int | None = Field(default=None, ge=0, examples=[14])
    """Number of a host device's IOMMU group on the host (`readlink /sys/bus/pci/devices/0000:17:00.0/iommu_group`).
    With a vIOMMU all devices of one group must share an address space: docs/semantics.md, iommu-group. Without it the
    device counts as a group of its own."""
    connect: Literal["conventional", "express", "hybrid", "integrated"] | None = Field(
        default=None, examples=["express"]
    )
    """How the device connects, in place of what the catalogue says; models that it does not know, and host devices,
    must say it. `hybrid` is PCI Express behind a port and conventional elsewhere; `integrated` sits on the root bus
    alone."""
    bars: TupleOf[Bar] | None = Field(default=None, examples=[[{"bar": 0, "kind": "mem64", "size": "16MiB"}]])
    """All BARs of the device, in place of what the catalogue says; models that it does not know, and host devices, must
    list them."""
    unknown_bars: bool = Field(default=False, examples=[True])
    """Whether the device may have BARs, or an option ROM, that are not known where the plan is made. They count as
    none, and a warning says what is then not proved. `bars` may be left out then."""
    rom: Size | None = Field(default=None, examples=["64KiB"])
    """Size of the option ROM in bytes, in place of what the catalogue says; with `bars` the default is none."""

    @model_validator(mode="after")
    def _name(self) -> Self:
        """By the catalogue's name. One that says another mode than the request stays: `part_checks` refuses it."""
        named = named_by_qemu(self.model)
        if named is not None and (named[1] is None or self.virtio in (None, "auto-by-os", named[1])):
            self.__dict__.update({"model": named[0], "virtio": named[1] or self.virtio})
        return self

    @model_validator(mode="after")
    def _mode_of_iommu_platform(self) -> Self:
        """Modern where the mode is left open: QEMU starts no other with it (measured: tests/real/test_plain_virtio.py).
        What is modern alone need not be told."""
        if self.goes_through_iommu and self.virtio in (None, "auto", "auto-by-os"):
            model = models().get(self.model)
            if model is not None and model.virtio is not None and model.virtio.plain_varies:
                self.__dict__["virtio"] = VirtioMode.MODERN.value
        return self

    @model_validator(mode="after")
    def _virtual_functions(self) -> Self:
        """The properties by which QEMU creates them. Where one says another number it stays, and is refused."""
        if self.vfs is not None:
            self.__dict__["properties"] = asked_for(self.model, self.vfs, self.properties)
        return self

    @model_validator(mode="after")
    def _past_the_slot(self) -> Self:
        """A virtual function in a slot after the first of its bus is past function 7 of that (ARI)."""
        pin = self.address
        if PHYSICAL in self.properties and pin is not None and pin.slot and pin.bus not in ROOT_BUSES:
            self.__dict__["address"] = Pin(pin.bus, 0, pin.slot * FUNCTIONS + (pin.function or 0))
        return self

    @model_validator(mode="after")
    def _no_known_bars(self) -> Self:
        """What is not known counts as none."""
        if self.unknown_bars and self.bars is None:
            self.__dict__["bars"] = ()
        return self

    @property
    def fixed_mode(self) -> VirtioMode | None:
        """The mode that the device has wherever it sits; None where slot or OS decide, or it is not virtio."""
        return MODES.get(self.virtio or "")

    @property
    def goes_through_iommu(self) -> bool:
        """Whether it offers the virtio feature by which what it does to memory passes a vIOMMU."""
        return is_on(self.properties, "iommu_platform", default=False)

    @property
    def demands_mode(self) -> bool:
        """Whether the virtio mode that it asks for decides where it may sit, or what it costs there."""
        return self.virtio in ("legacy", "transitional") or (self.virtio == "modern" and self.virtio_by == "slot")


FIELD_OF: Final = {"hotplug": "hotplug", "numa_node": "numa"}
"""Properties of controllers that are fields here, by name."""


class Controller(Part):
    """A controller that exists or is demanded: it stays, even empty; without an address the planner places it."""

    id: Annotated[QemuId, Field(examples=["rp1"])]
    """QEMU's id, and the name of the bus that the controller offers: a letter, then letters, digits, `.`, `_` or `-`.
    No other part of the guest may have it."""
    model: str = Field(examples=["pcie-root-port"])
    """One of `pcie-root-port`, `ioh3420`, `x3130-upstream`, `xio3130-downstream`, `pcie-pci-bridge` (on pc only where
    listed, with a warning), `i82801b11-bridge` and `pxb-pcie` (on q35), `pxb` (on pc), `pci-bridge` (on both)."""
    properties: Annotated[Properties, AfterValidator(canonical_properties)] = Field(
        default={}, examples=[{"chassis": 1, "io-reserve": "4K"}]
    )
    """QEMU properties of the model, passed through: of ports `chassis`, `slot` and `port`, of pcie-root-port and
    pci-bridge `io-reserve`, `mem-reserve`, `pref32-reserve`, `pref64-reserve` (bytes) and `bus-reserve`, of pci-bridge
    `chassis_nr` and `shpc`, of expanders `bus_nr`. What is not stated of these the planner chooses. `hotplug` and
    `numa_node` set the fields `hotplug` and `numa`. All others that QEMU has may be there, too (`disable-acs`,
    `x-speed`): `qslot catalog MODEL` lists them."""
    hotplug: bool = Field(default=True, examples=[False])
    """Whether the slot takes devices in a running guest. Only root and downstream ports can switch it off."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        """A property that is a field, too, sets the field. One that the model has not, of another type or with another
        value than the field stays where it is: `checks` refuses it."""
        model = CONTROLLERS.get(self.model)
        for name, field in FIELD_OF.items():
            value, stated = self.properties.get(name), getattr(self, field) if field in self.model_fields_set else None
            if model is None or value is None or name not in model.properties or unfit(name, value) is not None:
                continue
            if stated in (None, value):
                left = {other: kept for other, kept in self.properties.items() if other != name}
                self.__dict__.update({field: value, "properties": left})
                self.model_fields_set.add(field)
        return self


SlotCount = Annotated[int, Field(ge=0, le=1024)]


class Spare(Frozen):
    """Slots to leave free for devices that will be hot-plugged later."""

    kind: SlotKind = Field(examples=["pcie"])
    """`pcie` is the slot of a hot-pluggable port (on q35 only), `pci` one of a hot-pluggable conventional bus."""
    count: SlotCount = Field(default=1, examples=[4])
    """How many such slots."""
    io: Size = Field(default=0, examples=["4KiB"])
    """Bytes of IO ports that the future device of each slot needs, 4096 at most. Behind a bridge they take a window."""
    memory: Size = Field(default=0, examples=["64MiB"])
    """Bytes of memory that the future device of each slot needs."""
    numa: int | None = Field(default=None, ge=0, examples=[0])
    """Guest NUMA node, below `numa_nodes`: the slots are below an expander of that node. Without it they are
    anywhere."""

    @field_validator("io")
    @classmethod
    def _one_page(cls, io: int) -> int:
        if io > MAX_IO_BAR:
            raise ValueError(f"io of {io} bytes is above {MAX_IO_BAR}, one IO window page")
        return io
