"""The parts of a request: devices, demanded controllers, spare slots."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from ..base import Frozen, TupleOf
from ..pci.address import Pin
from ..pci.controllers import CONTROLLERS, VirtioMode
from ..pci.qemu_properties import Properties, canonical_properties, unfit
from ..pci.size import Size

QemuId = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]*$", max_length=128, examples=["net0"])]
Hotplug = Literal["required", "preferred", "never"]
ModeSource = Literal["type", "property", "slot"]
"""What tells QEMU a virtio mode: the device type's name (`-transitional`), `disable-*` properties, the slot alone."""

MAX_IO_BAR = 4096
"""Larger IO BARs would need windows aligned beyond one page; no QEMU model has more than 1 KiB."""


class Bar(Frozen):
    """One base address register of a device that the catalogue does not know; `lspci -vv` on the host shows them."""

    bar: int = Field(ge=0, le=5, examples=[0])
    """Number of the register. A 64-bit BAR takes the next number, too."""
    kind: Literal["io", "mem32", "mem64"] = Field(examples=["mem64"])
    """IO ports, memory with 32-bit addresses, or memory with 64-bit addresses."""
    size: Size = Field(examples=[16777216])
    """Size in bytes: a power of two from 4 up, of an IO BAR 4096 at most."""
    prefetchable: bool = Field(default=False, examples=[True])
    """Whether the memory is prefetchable, and so may go into the prefetchable windows of bridges."""

    @field_validator("size")
    @classmethod
    def _power_of_two(cls, size: int) -> int:
        if size < 4 or size & (size - 1):
            raise ValueError(f"a BAR of {size} bytes is not a power of two from 4 up")
        return size

    def model_post_init(self, _context: Any) -> None:
        """Refuses an IO BAR that no IO window page holds."""
        if self.kind == "io" and self.size > MAX_IO_BAR:
            raise ValueError(
                f"an IO BAR of {self.size} bytes is above {MAX_IO_BAR}, the most that one IO window page holds"
            )


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
    (`virtio-net`). A device of the host is `vfio-pci`."""
    virtio: Literal["legacy", "transitional", "modern", "auto", "auto-by-os"] | None = Field(
        default=None, examples=["modern"]
    )
    """Virtio interface, of virtio devices only. `legacy` offers virtio 0.9, `modern` 1.0, `transitional` both; the
    first and the last have IO ports, which take an IO window behind a bridge. `auto`, or nothing, leaves it to the
    slot, as QEMU does: modern behind a port, else transitional. `auto-by-os` needs `--os`, and takes what that system
    drives."""
    virtio_by: ModeSource = Field(default="type", examples=["property"])
    """What tells QEMU the mode: the device type's name (`virtio-net-pci-transitional`), the properties `disable-legacy`
    and `disable-modern`, or nothing but the slot, so that the device must sit where the slot makes its mode."""
    hotplug: Hotplug | None = Field(default=None, examples=["required"])
    """Whether the device is to be plugged and unplugged while the guest runs. `required` is kept or there is no layout;
    `preferred` costs where it is not met; `never` frees the device to share a slot or sit on the root bus. Without it
    the catalogue's default for the model holds (`qslot catalog MODEL`)."""
    group: str | None = Field(default=None, examples=["gpu0"])
    """Name of a group, 8 devices at most, whose members are functions of one slot: 0, 1, ... as they are listed, unless
    they pin one."""
    near: TupleOf[str] = Field(default=(), examples=[["gpu0"]])
    """Ids of devices that must have the same root bus: all on the main one, or below the same expander."""
    near_switch: TupleOf[str] = Field(default=(), examples=[["gpu0"]])
    """Ids of devices that must sit below the same PCI Express switch (x3130-upstream). On q35 only."""
    connect: Literal["conventional", "express", "hybrid"] | None = Field(default=None, examples=["express"])
    """How the device connects, in place of what the catalogue says; models that it does not know, and host devices,
    must say it. `hybrid` is PCI Express behind a port and conventional elsewhere."""
    bars: TupleOf[Bar] | None = Field(default=None, examples=[[{"bar": 0, "kind": "mem64", "size": "16MiB"}]])
    """All BARs of the device, in place of what the catalogue says; models that it does not know, and host devices, must
    list them."""
    rom: Size | None = Field(default=None, examples=["64KiB"])
    """Size of the option ROM in bytes, in place of what the catalogue says; with `bars` the default is none."""

    @property
    def fixed_mode(self) -> VirtioMode | None:
        """The mode that the device has wherever it sits; None where slot or OS decide, or it is not virtio."""
        return MODES.get(self.virtio or "")

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
    """One of `pcie-root-port`, `ioh3420`, `x3130-upstream`, `xio3130-downstream`, `pcie-pci-bridge`, `i82801b11-bridge`
    and `pxb-pcie` (on q35), `pxb` (on pc), `pci-bridge` (on both)."""
    properties: Annotated[Properties, AfterValidator(canonical_properties)] = Field(
        default={}, examples=[{"chassis": 1, "io-reserve": "4K"}]
    )
    """QEMU properties of the model, passed through: of ports `chassis`, `slot` and `port`, of pcie-root-port and
    pci-bridge `io-reserve`, `mem-reserve`, `pref32-reserve`, `pref64-reserve` (bytes) and `bus-reserve`, of pci-bridge
    `chassis_nr` and `shpc`, of expanders `bus_nr`. What is not stated of these the planner chooses. `hotplug` and
    `numa_node` set the fields `hotplug` and `numa`."""
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
        return self


SlotKind = Literal["pcie", "pci"]
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
