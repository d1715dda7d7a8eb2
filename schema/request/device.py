"""The parts of a request: devices, demanded controllers, spare slots."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from ..base import Frozen, TupleOf
from ..pci.address import Pin
from ..pci.controllers import CONTROLLERS, VirtioMode
from ..pci.qemu_properties import Properties, canonical_properties, unfit
from ..pci.size import Size

QemuId = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]*$", max_length=128)]
Hotplug = Literal["required", "preferred", "never"]
ModeSource = Literal["type", "property", "slot"]
"""What tells QEMU a virtio mode: the device type's name (`-transitional`), `disable-*` properties, the slot alone."""

MAX_IO_BAR = 4096
"""Larger IO BARs would need windows aligned beyond one page; no QEMU model has more than 1 KiB."""


class Bar(Frozen):
    """One base address register. Sizes are bytes and powers of two; an IO BAR has 4 to 4096."""

    bar: int = Field(ge=0, le=5)
    kind: Literal["io", "mem32", "mem64"]
    size: Size
    prefetchable: bool = False

    @field_validator("size")
    @classmethod
    def _power_of_two(cls, size: int) -> int:
        if size < 4 or size & (size - 1):
            raise ValueError(f"a BAR of {size} bytes is not a power of two from 4 up")
        return size

    def model_post_init(self, _context: Any) -> None:
        if self.kind == "io" and self.size > MAX_IO_BAR:
            raise ValueError(
                f"an IO BAR of {self.size} bytes is above {MAX_IO_BAR}, the most that one IO window page holds"
            )


class Part(Frozen):
    """What devices and controllers have in common."""

    id: QemuId
    model: str
    address: Pin | None = None
    numa: int | None = Field(default=None, ge=0)
    """Hard: below an expander of that guest NUMA node (of an expander itself: its own node)."""
    properties: Annotated[Properties, AfterValidator(canonical_properties)] = {}
    """Passed through to QEMU. However they were spelled, each has the one value that its type says."""


MODES = {mode.value: mode for mode in VirtioMode}


class Device(Part):
    """One endpoint: a catalogue model or, like host devices, one that describes itself with `connect` and `bars`."""

    virtio: Literal["legacy", "transitional", "modern", "auto", "auto-by-os"] | None = None
    virtio_by: ModeSource = "type"
    hotplug: Hotplug | None = None
    """`None` is the catalogue's default for the model."""
    group: str | None = None
    near: TupleOf[str] = ()
    near_switch: TupleOf[str] = ()
    connect: Literal["conventional", "express", "hybrid"] | None = None
    bars: TupleOf[Bar] | None = None
    rom: Size | None = None

    @property
    def fixed_mode(self) -> VirtioMode | None:
        return MODES.get(self.virtio or "")

    @property
    def demands_mode(self) -> bool:
        """Whether the virtio mode that it asks for decides where it may sit, or what it costs there."""
        return self.virtio in ("legacy", "transitional") or (self.virtio == "modern" and self.virtio_by == "slot")


def _on_off(value: object) -> object:
    return {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value


FIELD_OF: Final = {"hotplug": "hotplug", "numa_node": "numa"}
"""Properties of controllers that are fields here, by name."""


class Controller(Part):
    """A controller that exists or is demanded: it stays, even empty; without an address the planner places it."""

    hotplug: Annotated[bool, BeforeValidator(_on_off)] = True
    """Ports only: whether the slot takes devices in a running guest."""

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


class Spare(Frozen):
    """Slots to leave free for later hot-plug. `io` and `memory` are bytes that the slot's future device will need."""

    kind: Literal["pcie", "pci"]
    count: int = Field(default=1, ge=0, le=1024)
    io: Size = 0
    memory: Size = 0
    numa: int | None = Field(default=None, ge=0)

    @field_validator("io")
    @classmethod
    def _one_page(cls, io: int) -> int:
        if io > MAX_IO_BAR:
            raise ValueError(f"io of {io} bytes is above {MAX_IO_BAR}, one IO window page")
        return io
