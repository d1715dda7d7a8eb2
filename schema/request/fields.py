"""What a request states: a machine, its devices and what is asked of their layout; each field by itself."""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cached_property
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from ..base import Frozen, TupleOf
from ..pci.address import Pin
from ..pci.machine import NAME_PATTERN, Chipset, Machine, machine_of
from ..pci.size import Size
from .device import Controller, Device, Spare
from .resolved import ResolvedDevice, resolved_devices

Preset = Literal["default", "libvirt", "prefer-q35", "legacy-on-i440fx", "strict-modern"]
Term = Literal["moved", "guest_visible", "preferences", "io_windows", "controllers", "depth"]
TERMS: tuple[Term, ...] = get_args(Term)

MAX_DEVICES = 20_000
"""A larger guest could hold at most 255 bridges of 32 slots of 8 functions anyway."""


def _version(value: object) -> object:
    return f"{value:.2f}" if isinstance(value, float) else str(value) if isinstance(value, int) else value


class Firmware(Frozen):
    """`seabios` or `ovmf` (edk2). The default versions are the ones measured: SeaBIOS 1.16.2 and edk2 2022.11."""

    name: Literal["seabios", "ovmf"] = "seabios"
    version: Annotated[str, BeforeValidator(_version), Field(pattern=r"^\d+(\.\d+)*$")] = ""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        data = {"name": value} if isinstance(value, str) else value
        if isinstance(data, dict) and not data.get("version"):
            data = {**data, "version": "2022.11" if data.get("name") == "ovmf" else "1.16.2"}
        return data

    @property
    def number(self) -> tuple[int, ...]:
        """The version as integers: edk2's stable tags count as year and month (202311 is 2023.11)."""
        parts = tuple(int(part) for part in self.version.split("."))
        return (parts[0] // 100, parts[0] % 100, *parts[1:]) if parts[0] > 9999 else parts


class Policy(Frozen):
    """What a good layout is: the order of the objective's terms, and limits."""

    order: TupleOf[Term] = TERMS
    max_controllers: int | None = Field(default=None, ge=0)
    """All but root buses."""
    max_depth: int | None = Field(default=None, ge=0)
    """Bridges between an endpoint and its root bus; an expander counts one."""
    preset: Preset = "default"
    """`libvirt`: devices only where libvirt itself would put such a one, all hot-pluggable that can be. The others say
    what `machine: auto` and `virtio: auto-by-os` become (solver.advise), and nothing else."""
    frozen: bool = False
    """With a previous layout: nothing of it may move."""

    @model_validator(mode="after")
    def _whole_order(self) -> Self:
        if sorted(self.order) != sorted(TERMS):
            raise ValueError(f"order {list(self.order)} must name each of {', '.join(TERMS)} once")
        return self


class GuestFields(Frozen):
    """The fields of a guest, and what follows from them; whether they agree is for `Guest` to say."""

    machine: Annotated[str, Field(pattern=NAME_PATTERN)]
    firmware: Firmware = Firmware.model_validate("seabios")
    memory: Size = 128 << 20
    phys_bits: int | None = Field(default=None, ge=32, le=52)
    pci_hole64: Size | None = None
    chipset: Chipset = Chipset()
    needs: TupleOf[Literal["secure-boot", "viommu"]] = ()
    devices: TupleOf[Device] = Field(default=(), max_length=MAX_DEVICES)
    controllers: TupleOf[Controller] = Field(default=(), max_length=1024)
    spare: TupleOf[Spare] = ()
    numa_nodes: int = Field(default=0, ge=0, le=128)
    reserve: TupleOf[Pin] = ()
    policy: Policy = Policy()

    @model_validator(mode="before")
    @classmethod
    def _spare_by_kind(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("spare"), dict):
            kinds = data["spare"].items()
            return {**data, "spare": [{"kind": kind, "count": count} for kind, count in kinds]}
        return data

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
        """Of the canonical JSON of the request with its policy."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
