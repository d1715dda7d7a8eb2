"""What a request states: a machine, its devices and what is asked of their layout; each field by itself."""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ..base import Frozen, TupleOf
from ..catalog import VIOMMUS, UnknownModel
from ..pci.address import Pin
from ..pci.address_bits import has_bits_of_host
from ..pci.controllers import Connector
from ..pci.cpu import DEFAULT_PHYS_BITS, MOST_PHYS_BITS, Cpu, cpu_models
from ..pci.machine import Chipset, Machine, machine_of
from ..pci.machine_types import family_of
from ..pci.qemu_properties import WORDS
from ..pci.ram import least_phys_bits
from ..pci.size import Size
from .device import Controller, Device, SlotCount, SlotKind, Spare
from .firmware import Firmware as Firmware
from .host_cards import in_one_slot
from .machine_fields import MachineFields
from .resolved import ResolvedDevice, resolved_devices
from .shared import TERMS as TERMS
from .shared import Term as Term

Preset = Literal["default", "libvirt", "prefer-q35", "legacy-on-i440fx", "strict-modern", "whole-cards"]

MAX_DEVICES = 20_000
"""A larger guest could hold at most 255 bridges of 32 slots of 8 functions anyway."""


class Policy(Frozen):
    """What a good layout is: the order of the objective's terms, and limits."""

    order: TupleOf[Term] = Field(
        default=TERMS, examples=[["moved", "guest_visible", "io_windows", "preferences", "controllers", "depth"]]
    )
    """All terms of the objective, the most important first. Each is made as small as it can be before the next is
    looked at. `moved` and `guest_visible` count only beside a previous layout (`--previous`): devices that were there
    and move, and those whose address in the guest or interface name changes; then `moved` must come first.
    `preferences` is the sum of the weights of wishes that are not met (docs/semantics.md, The objective); `io_windows`
    is bytes of IO windows at root level that something needs; `controllers` counts them; `depth` is the sum of the
    devices' depths."""
    max_controllers: int | None = Field(default=None, ge=0, examples=[6])
    """How many controllers the layout may have, listed ones included, root buses not. Without it, as many as fit."""
    max_depth: int | None = Field(default=None, ge=0, examples=[2])
    """How many bridges may be between a device and its root bus; an expander counts one. Without it, as many as fit."""
    preset: Preset = Field(default="default", examples=["libvirt"])
    """`libvirt` puts devices only where libvirt itself would put such a one, all hot-pluggable that can be there (on pc
    without ACPI none can be, and `hotplug: preferred` is as `never`), and, on q35 where no controllers are listed, any
    are needed and nothing is said of `spare`, leaves one pcie slot free. `prefer-q35`, `legacy-on-i440fx` and
    `strict-modern` say what `machine: auto` and `virtio: auto-by-os` become, and nothing else. `whole-cards` is the
    default with the field `whole_cards`."""
    whole_cards: bool = Field(default=False, examples=[True])
    """Whether functions of one card of the host (`host: "0000:17:00.0"` and `host: "0000:17:00.1"`) become a group, in
    one slot of the guest, with the function numbers that they have on the host. Functions that are known to be in
    different IOMMU groups, virtual ones for instance, are no such card."""
    eject: Literal["allow", "protect"] = Field(default="allow", examples=["protect"])
    """Whether the guest is offered to eject devices that need no hot-plug. `protect` turns hot-plug off at the ports
    behind which nothing but such devices sit (`hotplug: never`), and on pc on all of pci.0: what is to be plugged sits
    behind bridges then. What it does not reach, devices on conventional bridges for one, a warning names. Ports of a
    previous layout (`--previous`), and those whose `hotplug` or reserves the request states, stay as they are."""
    frozen: bool = Field(default=False, examples=[True])
    """Whether no device of the previous layout (`--previous`) may move: then a layout in which one does is none. It has
    no effect without a previous layout."""
    prune: bool = Field(default=False, examples=[True])
    """Whether controllers of the previous layout (`--previous`) may go in which nothing stays. Without it they are kept
    even empty: a guest that runs knows them. It has no effect without a previous layout."""

    @model_validator(mode="after")
    def _whole_order(self) -> Self:
        if sorted(self.order) != sorted(TERMS):
            raise ValueError(f"order {list(self.order)} must name each of {', '.join(TERMS)} once")
        return self


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and WORDS.get(value.lower()) is True)


def _spare_by_kind(value: object) -> object:
    if isinstance(value, dict):
        return [{"kind": kind, "count": count} for kind, count in value.items()]
    if isinstance(value, str | int | float):
        raise ValueError(f"{value!r}: write how many of each kind, as in {{pcie: 2}}, or a list of spare slots")
    return value


_Spares = TupleOf[Spare] | dict[SlotKind, SlotCount]


class GuestFields(MachineFields):
    """The fields of a guest, and what follows from them; whether they agree is for `Guest` to say."""

    memory: Size = Field(default=128 << 20, examples=["4GiB"])
    """The guest's RAM in bytes, as QEMU's `-m`, whose default is the same 128 MiB. RAM and PCI memory share
    addresses."""
    max_memory: Size | None = Field(default=None, examples=["64GiB"])
    """The guest's RAM in bytes with all that can be plugged while it runs (`maxmem` of QEMU's `-m`), a multiple of
    4096. Without it none can be plugged."""
    memory_slots: int = Field(default=0, ge=0, le=256, examples=[16])
    """How many modules of RAM can be plugged (`slots` of QEMU's `-m`); each takes 1 GiB of addresses more."""
    cpu: Cpu = Field(default=Cpu(), examples=["EPYC", {"vendor": "intel", "phys_bits": 46}])
    """The guest's CPU. By its vendor and its address bits QEMU places RAM, and the firmware 64-bit memory. Without it
    QEMU's own default, `qemu64`: AMD's vendor id, 40 bits."""
    phys_bits: int | None = Field(default=None, ge=32, le=52, examples=[46])
    """Physical address bits of the guest's CPU. RAM and the 64-bit hole behind it must end within them, or QEMU does
    not start; and the firmware's room for 64-bit memory follows from them. Without it 40, as QEMU's own 64-bit models
    have."""
    pdpe1gb: bool = Field(default=True, examples=[False])
    """Whether the guest's CPU has 1 GiB pages (the CPU flag `pdpe1gb`); where `cpu` names a model, by default as that
    has it. Without them OVMF uses 40 address bits at most."""
    pci_hole64: Size | None = Field(default=None, examples=["64GiB"])
    """Bytes of QEMU's 64-bit hole behind RAM (`pci-hole64-size`). Without it 32 GiB on q35 and 2 GiB on pc."""
    chipset: Chipset = Field(default=Chipset(), examples=[{"sata": False}])
    """Which functions of the chipset exist."""
    needs: TupleOf[Literal["secure-boot", "viommu"]] = Field(default=(), examples=[["secure-boot"]])
    """What else the guest needs of its machine. `secure-boot` takes q35 with OVMF. `viommu` is an intel-iommu, which is
    no PCI device, on q35; other vIOMMUs are listed among `devices` instead, one a guest."""
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
    order: TupleOf[str] = Field(default=(), max_length=8, examples=[["net0", "net1"]])
    """Devices that the guest is to find in this order: their guest addresses ascend. Beside a previous layout no device
    moves for that."""
    policy: Policy = Field(default=Policy(), examples=[{"preset": "libvirt"}])
    """What a good layout is."""
    unread: TupleOf[str] = Field(default=(), examples=[["qemu:commandline -vga std: takes the first free slot"]])
    """What stood where the request was read from, libvirt domain XML for instance, and is not in it though it may
    matter: what, and why, in words. Each is told in a warning."""

    @model_validator(mode="after")
    def _bits_of_cpu(self) -> Self:
        """What `cpu` says of the guest's own fields goes there; what contradicts them stays, for the checks to tell."""
        cpu = self.cpu
        known = None if cpu.model is None else cpu_models().get(cpu.model)
        if cpu.phys_bits is not None and self.phys_bits in (None, cpu.phys_bits):
            self._move("phys_bits", cpu.phys_bits)
        if cpu.pdpe1gb is not None and ("pdpe1gb" not in self.model_fields_set or self.pdpe1gb is cpu.pdpe1gb):
            self._move("pdpe1gb", cpu.pdpe1gb)
        elif known is not None and "pdpe1gb" not in self.model_fields_set:
            self._move("pdpe1gb", known.large_pages)
        return self

    @model_validator(mode="after")
    def _bits_of_host(self) -> Self:
        """A CPU with the host's address bits has as many as the guest takes to start, as no other host runs it."""
        if self.phys_bits is None and self.has_bits_of_host:
            least = least_phys_bits(self.machine_model, self)
            if DEFAULT_PHYS_BITS < least <= MOST_PHYS_BITS:
                self.__dict__["phys_bits"] = least  # follows from the rest: not stated
        return self

    def _move(self, name: str, value: object) -> None:
        self.__dict__[name] = value
        self.__dict__["cpu"] = self.cpu.model_copy(update={name: None})
        self.model_fields_set.add(name)

    @model_validator(mode="after")
    def _spare_of_preset(self) -> Self:
        """libvirt adds one port for later where the domain lists no controllers, and needs any."""
        asked = "spare" in self.model_fields_set or self.controllers or self.policy.preset != "libvirt"
        if not asked and self.machine_model.family == "q35" and self._needs_controllers():
            self.__dict__["spare"] = (Spare(kind="pcie"),)
            self.model_fields_set.add("spare")
        return self

    def _needs_controllers(self) -> bool:
        """Whether a device sits neither where it is pinned on the root bus nor in a chipset place."""
        root = self.machine_model.root
        loose = [one.id for one in self.devices if one.address is None or one.address.bus != root]
        try:
            return any(
                self.resolved[name].chipset_place is None and self.resolved[name].connector is not Connector.INTEGRATED
                for name in loose
            )
        except UnknownModel:  # for the checks to tell
            return True

    @model_validator(mode="before")
    @classmethod
    def _cards_in_one_slot(cls, data: object) -> object:
        """Functions of a card of the host are a group where they are pinned to one slot, or are wanted there."""
        if not isinstance(data, dict) or not isinstance(data.get("devices"), list | tuple):
            return data
        policy = data.get("policy")
        stated = policy if isinstance(policy, dict) else dict(policy) if isinstance(policy, Policy) else {}
        wanted = stated.get("preset") == "whole-cards" or _is_true(stated.get("whole_cards"))
        return {**data, "devices": in_one_slot(data["devices"], wanted=wanted)}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy without the derived values that this one has remembered. The update is not validated."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        stated = {*self.model_fields_set, *(update or {})}
        copy = self.model_construct(stated, **{**fields, **(update or {})})
        return deepcopy(copy) if deep else copy

    @property
    def parts(self) -> tuple[Controller | Device, ...]:
        """Controllers, then devices, as listed."""
        return (*self.controllers, *self.devices)

    @cached_property
    def machine_model(self) -> Machine:
        """Root bus, chipset and hot-plug of the machine."""
        return machine_of(self.machine, self.protected_chipset, self.machine_as, self.qemu_version)

    @property
    def protected_chipset(self) -> Chipset:
        """The chipset as the guest gets it: where the policy protects from ejecting, pci.0 of pc takes no hot-plug."""
        family, _ = family_of(self.machine)
        switched = self.policy.eject == "protect" and family == "pc" and self.chipset.acpi
        return self.chipset.model_copy(update={"root_hotplug": False}) if switched else self.chipset

    @property
    def address_bits(self) -> int:
        """Physical address bits of the guest's CPU."""
        return self.cpu.bits(self.phys_bits)

    @property
    def has_bits_of_host(self) -> bool:
        """Whether its CPU has the host's physical address bits: by itself, or by its machine type."""
        return has_bits_of_host(self.machine, self.cpu)

    @cached_property
    def has_viommu(self) -> bool:
        """Whether a vIOMMU is asked for, or listed as a device."""
        return "viommu" in self.needs or any(device.model in VIOMMUS for device in self.devices)

    @cached_property
    def resolved(self) -> dict[str, ResolvedDevice]:
        """Every device with catalogue, machine and group taken into account, by id."""
        as_libvirt = self.policy.preset == "libvirt"
        return resolved_devices(
            self.devices, self.groups, self.machine_model, as_libvirt=as_libvirt, viommu=self.has_viommu
        )

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
        data = self.model_dump(mode="json", exclude_defaults=True, exclude={"qemu", "firmware"})
        text = json.dumps(data | self.stated_versions, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
