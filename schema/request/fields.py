"""What a request states: a machine, its devices and what is asked of their layout; each field by itself."""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cached_property
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from ..base import Frozen, TupleOf
from ..pci.address import Pin
from ..pci.machine import NAME_PATTERN, Chipset, Machine, machine_of
from ..pci.size import Size
from .device import Controller, Device, SlotCount, SlotKind, Spare
from .resolved import ResolvedDevice, resolved_devices

FirmwareName = Literal["seabios", "ovmf"]
DEFAULT_VERSIONS: dict[str, str] = {"seabios": "1.16.2", "ovmf": "2022.11"}
"""The ones measured."""
Preset = Literal["default", "libvirt", "prefer-q35", "legacy-on-i440fx", "strict-modern"]
Term = Literal["moved", "guest_visible", "preferences", "io_windows", "controllers", "depth"]
TERMS: tuple[Term, ...] = get_args(Term)

MAX_DEVICES = 20_000
"""A larger guest could hold at most 255 bridges of 32 slots of 8 functions anyway."""


_VERSION = r"^\d+(\.\d+)*$"
_VersionText = Annotated[str, Field(pattern=r"^(\d+(\.\d+)*)?$", examples=["1.16.2", "2023.08"])]


def _version(value: object) -> object:
    return f"{value:.2f}" if isinstance(value, float) else str(value) if isinstance(value, int) else value


class Firmware(Frozen):
    """The guest's firmware. Where its default version will do, the name alone can stand for it: `firmware: ovmf`."""

    name: FirmwareName = Field(default="seabios", examples=["ovmf"])
    """`seabios`, or `ovmf`, which is edk2."""
    version: Annotated[
        str,
        Field(pattern=_VERSION),
        BeforeValidator(_version, json_schema_input_type=_VersionText | int | float | None),
    ] = Field(default="", examples=["2023.08"])
    """Numbers and dots, as in `1.16.2`; of edk2 year and month, also written as `202308`. Without it, and where it is
    empty, it is the version that was measured: SeaBIOS 1.16.2 and edk2 2022.11."""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        data = {"name": value} if isinstance(value, str) else value
        if isinstance(data, dict) and not data.get("version"):
            data = {**data, "version": DEFAULT_VERSIONS["ovmf" if data.get("name") == "ovmf" else "seabios"]}
        return data

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        fields = handler(core)
        return {"anyOf": [{"enum": [*DEFAULT_VERSIONS]}, fields]} if handler.mode == "validation" else fields

    @property
    def number(self) -> tuple[int, ...]:
        """The version as integers: edk2's stable tags count as year and month (202311 is 2023.11)."""
        parts = tuple(int(part) for part in self.version.split("."))
        return (parts[0] // 100, parts[0] % 100, *parts[1:]) if parts[0] > 9999 else parts


class Policy(Frozen):
    """What a good layout is: the order of the objective's terms, and limits."""

    order: TupleOf[Term] = Field(
        default=TERMS, examples=[["moved", "guest_visible", "io_windows", "preferences", "controllers", "depth"]]
    )
    """All terms of the objective, the most important first. Each is made as small as it can be before the next is
    looked at. `moved` and `guest_visible` are 0 without a previous layout; `preferences` is the sum of the weights of
    wishes that are not met (docs/semantics.md, The objective); `io_windows` is bytes of IO windows at root level that
    something needs; `controllers` counts them; `depth` is the sum of the devices' depths."""
    max_controllers: int | None = Field(default=None, ge=0, examples=[6])
    """How many controllers the layout may have, listed ones included, root buses not. Without it, as many as fit."""
    max_depth: int | None = Field(default=None, ge=0, examples=[2])
    """How many bridges may be between a device and its root bus; an expander counts one. Without it, as many as fit."""
    preset: Preset = Field(default="default", examples=["libvirt"])
    """`libvirt` puts devices only where libvirt itself would put such a one, all hot-pluggable that can be, and, on
    q35 where no controllers are listed and nothing is said of `spare`, leaves one pcie slot free. `prefer-q35`,
    `legacy-on-i440fx` and `strict-modern` say what `machine: auto` and `virtio: auto-by-os` become, and nothing
    else."""
    frozen: bool = Field(default=False, examples=[True])
    """Whether nothing of a previous layout may move. Without a previous layout it has no effect."""

    @model_validator(mode="after")
    def _whole_order(self) -> Self:
        if sorted(self.order) != sorted(TERMS):
            raise ValueError(f"order {list(self.order)} must name each of {', '.join(TERMS)} once")
        return self


def _spare_by_kind(value: object) -> object:
    return [{"kind": kind, "count": count} for kind, count in value.items()] if isinstance(value, dict) else value


_Spares = TupleOf[Spare] | dict[SlotKind, SlotCount]


class GuestFields(Frozen):
    """The fields of a guest, and what follows from them; whether they agree is for `Guest` to say."""

    machine: str = Field(pattern=NAME_PATTERN, examples=["q35", "pc-q35-7.2", "pc-i440fx-7.2"])
    """QEMU's machine type: `q35`, `pc`, or a versioned name of theirs; a bare family is its newest version. `auto`, or
    nothing, needs `--os` or `--host`, and takes the one that serves the guest best."""
    firmware: Firmware = Field(default=Firmware.model_validate("seabios"), examples=["ovmf"])
    """The firmware that programs the layout: its room for IO ports and memory is what the plan must fit in."""
    memory: Size = Field(default=128 << 20, examples=["4GiB"])
    """The guest's RAM in bytes, as QEMU's `-m`, whose default is the same 128 MiB. RAM and PCI memory share
    addresses."""
    phys_bits: int | None = Field(default=None, ge=32, le=52, examples=[46])
    """Physical address bits of the guest's CPU, which bound OVMF's room for 64-bit memory. Without it 40, as QEMU's own
    CPU models have."""
    pci_hole64: Size | None = Field(default=None, examples=["64GiB"])
    """Bytes of QEMU's 64-bit hole behind RAM (`pci-hole64-size`). Without it 32 GiB on q35 and 2 GiB on pc."""
    chipset: Chipset = Field(default=Chipset(), examples=[{"sata": False}])
    """Which functions of the chipset exist."""
    needs: TupleOf[Literal["secure-boot", "viommu"]] = Field(default=(), examples=[["secure-boot"]])
    """What else the guest needs of its machine. `secure-boot` takes q35 with OVMF. With `viommu` no host device sits
    behind a conventional bridge."""
    devices: TupleOf[Device] = Field(
        default=(), max_length=MAX_DEVICES, examples=[[{"id": "net0", "model": "virtio-net", "hotplug": "required"}]]
    )
    """Every PCI device of the guest but the chipset's own."""
    controllers: TupleOf[Controller] = Field(
        default=(), max_length=1024, examples=[[{"id": "rp1", "model": "pcie-root-port", "address": "pcie.0:04.0"}]]
    )
    """Controllers (ports, bridges, expanders) that must be there; the planner adds what else it takes."""
    spare: Annotated[TupleOf[Spare], BeforeValidator(_spare_by_kind, json_schema_input_type=_Spares)] = Field(
        default=(), examples=[{"pcie": 4}]
    )
    """Slots to leave free for hot-plug: a list, or the number of slots by kind."""
    numa_nodes: int = Field(default=0, ge=0, le=128, examples=[2])
    """How many NUMA nodes the guest has, numbered from 0."""
    reserve: TupleOf[Pin] = Field(default=(), examples=[["pcie.0:01", "pcie.0:1f.4"]])
    """Addresses that nothing may take: `BUS:SLOT` is a whole slot, `BUS:SLOT.FUNCTION` one function."""
    policy: Policy = Field(default=Policy(), examples=[{"preset": "libvirt"}])
    """What a good layout is."""

    @model_validator(mode="before")
    @classmethod
    def _spare_of_preset(cls, data: object) -> object:
        """libvirt adds one port for later where the domain lists no controllers."""
        if not isinstance(data, dict) or "spare" in data or data.get("controllers"):
            return data
        policy = data.get("policy")
        preset = policy.get("preset") if isinstance(policy, dict) else getattr(policy, "preset", None)
        q35 = "q35" in str(data.get("machine"))
        return {**data, "spare": [{"kind": "pcie"}]} if preset == "libvirt" and q35 else data

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy without the derived values that this one has remembered. The update is not validated."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        copy = self.model_construct(**{**fields, **(update or {})})
        return deepcopy(copy) if deep else copy

    @property
    def parts(self) -> tuple[Controller | Device, ...]:
        """Controllers, then devices, as listed."""
        return (*self.controllers, *self.devices)

    @cached_property
    def machine_model(self) -> Machine:
        """Root bus, chipset and hot-plug of the machine."""
        return machine_of(self.machine, self.chipset)

    @cached_property
    def has_viommu(self) -> bool:
        """Whether an IOMMU is asked for, or listed as a device."""
        return "viommu" in self.needs or any(device.model == "virtio-iommu" for device in self.devices)

    @cached_property
    def resolved(self) -> dict[str, ResolvedDevice]:
        """Every device with catalogue, machine and group taken into account, by id."""
        return resolved_devices(self.devices, self.groups, self.machine_model)

    @cached_property
    def groups(self) -> dict[str, tuple[Device, ...]]:
        """Members of each group, in listed order."""
        members: dict[str, list[Device]] = {}
        for device in self.devices:
            if device.group is not None:
                members.setdefault(device.group, []).append(device)
        return {name: tuple(devices) for name, devices in members.items()}

    @cached_property
    def sha256(self) -> str:
        """Of the canonical JSON of what the request states beyond the defaults (version 2): neither a field that a
        later qslot adds nor a default that is spelled out changes it."""
        text = json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
