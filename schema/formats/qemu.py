"""A layout as QEMU takes it: `-device` arguments and QMP `device_add`.

Source: QEMU 7.2 (tests/real/test_machine.py).
`addr` is hexadecimal `slot.function` in both forms; parents stand before children, since
QEMU looks a bus up when it meets the device; endpoints may stand in any order once function 0 says multifunction=on.
But vIOMMUs stand before devices of the host, which look for their address space when they are created (QEMU's source),
what QEMU gives the first free slot stands behind all that takes the slots before, and a physical function stands
behind the virtual ones that name it (QEMU 11.1: "PCI device specified as SR-IOV PF already exists").
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from ..base import Frozen
from ..catalog import VIOMMUS, Companion, UnknownModel, find, models
from ..catalog.virtual_functions import physical_function
from ..errors import InputError, Problem
from ..layout.layout import Layout, PlacedController, PlacedDevice
from ..layout.topology import topology_of
from ..pci.address import as_addr
from ..pci.controllers import CONTROLLERS
from ..pci.qemu_properties import Properties, Scalar, as_text, canonical_properties, has_control_character
from ..pci.qemu_properties import as_json as json_value
from ..qemu_arguments import SEAT
from ..request.device import QemuId
from ..request.problems import nearest, short

FIRST_DISPLAYS: Final = ("qxl-vga", "vmware-svga")
"""Displays that stand before others, in this order. QEMU: "primary qxl-vga device must be console 0 (first display
device on the command line)"; a vmware-svga behind a VGA or secondary-vga ends QEMU 10.0 and 11.1 ("Detected duplicate
SaveStateEntry: id=vga", tests/real/test_properties.py). In domain XML the order is libvirt's own affair."""


class Emitted(Frozen):
    """One `-device` argument: a seat as QEMU is told of it."""

    driver: str
    """QEMU's name of the device type."""
    id: QemuId
    """QEMU's id."""
    bus: str
    """Id of the bus that it sits on."""
    slot: int
    """Slot of that bus, from 0 to 31."""
    function: int
    """Function of that slot, from 0 to 7."""
    multifunction: bool = False
    """Whether it says `multifunction=on`."""
    properties: Properties = {}
    """All other properties, with canonical values (`qemu_properties.canonical`)."""
    is_told: bool = True
    """Whether QEMU is told the address; what a device brings along takes the first free slot where it is not."""


class Emission(NamedTuple):
    """All of a layout, in the order of the command line."""

    controllers: tuple[Emitted, ...]
    devices: tuple[Emitted, ...]


def emission(layout: Layout) -> Emission:
    """What `arguments` prints and `parse` reads back."""
    return Emission(
        tuple(emitted(controller) for controller in _parents_first(layout.controllers)),
        tuple(one for device in _in_order(layout) for one in _with_companion(layout, device)),
    )


def _in_order(layout: Layout) -> list[PlacedDevice]:
    """Displays; what takes the slots that an amd-iommu must find used; vIOMMUs; the others in the layout's order,
    physical functions of listed virtual ones behind them."""
    after = max((one.slot for one in layout.devices if one.model in VIOMMUS and not _is_told(layout, one)), default=0)
    root = layout.machine_model.root
    physical = {physical_function(device.properties) for device in layout.devices}

    def turn(device: PlacedDevice) -> int:
        if device.driver in FIRST_DISPLAYS:
            return FIRST_DISPLAYS.index(device.driver)
        if device.model in VIOMMUS:
            return len(FIRST_DISPLAYS) + 1
        if device.id in physical:
            return len(FIRST_DISPLAYS) + 3
        return len(FIRST_DISPLAYS) + (0 if device.bus == root and device.slot < after else 2)

    return sorted(layout.devices, key=turn)


def _with_companion(layout: Layout, device: PlacedDevice) -> Iterator[Emitted]:
    """A device that brings its PCI function along: by itself, so that QEMU gives that the right slot, or with the
    function before it, which has the address then."""
    one, brings = emitted(device), _companion_of(device)
    if brings is None:
        yield one
    elif _is_told(layout, device):
        name = f"{one.id}-{one.driver}"
        yield one.model_copy(update={"driver": brings.driver, "properties": {}})
        yield one.model_copy(update={"id": name, "is_told": False, "properties": {**one.properties, "pci-id": one.id}})
    else:
        yield one.model_copy(update={"is_told": False})


def _companion_of(device: PlacedDevice) -> Companion | None:
    """A layout may have models that the catalogue does not."""
    model = models().get(device.model)
    return None if model is None else model.brings


def _is_told(layout: Layout, device: PlacedDevice) -> bool:
    """Whether QEMU must be told the address of what a device brings along, or may as well: it takes it from version 11
    on, as it does dma-remap. Else the first free slot of the bus is that one, once all before is there."""
    if _companion_of(device) is None or "dma-remap" in device.properties:
        return True
    seats = (*layout.controllers, *layout.devices)
    used = {seat.slot for seat in seats if seat.bus == device.bus and seat.function == 0}
    used |= layout.machine_model.closed
    return not used.issuperset(range(device.slot))


def emitted(seat: PlacedController | PlacedDevice) -> Emitted:
    """Raises InputError where a property says what the address says, or QEMU could not be told it."""
    driver = seat.driver if isinstance(seat, PlacedDevice) else seat.model
    for name, value in seat.properties.items():
        if name in SEAT or not name or set(name) & set(",=") or has_control_character(name):
            raise InputError(seat.id, [f"{short(name)} is not a property that a layout may carry"])
        if has_control_character(value):
            raise InputError(seat.id, [f"{name}: {short(value)} has a control character: leave it out"])
    if has_control_character(driver) or has_control_character(seat.bus):
        raise InputError(seat.id, ["its device type or its bus has a control character: leave it out"])
    return Emitted(
        driver=driver,
        id=seat.id,
        bus=seat.bus,
        slot=seat.slot,
        function=seat.function,
        multifunction=seat.multifunction,
        properties=canonical_properties(seat.properties),
    )


def arguments(layout: Layout, *, as_json: bool = False) -> list[str]:
    """`["-device", "pcie-root-port,id=rp1,bus=pcie.0,addr=0x1.0,...", ...]`, or each value as a JSON object; before
    them, where pci.0 is to take no hot-plug, the switch for that."""
    write = json_argument if as_json else plain_argument
    words = [word for part in emission(layout) for one in part for word in ("-device", write(one))]
    return [*root_switch(layout), *words]


def root_switch(layout: Layout) -> list[str]:
    """What tells QEMU that pci.0 takes no hot-plug, all or nothing; no words where it does, and none on q35."""
    switched = layout.machine_model.family == "pc" and not layout.platform.chipset.root_hotplug
    return ["-global", "PIIX4_PM.acpi-root-pci-hotplug=off"] if switched else []


def plain_argument(one: Emitted) -> str:
    """`driver,id=..,bus=..,addr=0xSS.F,...`; a comma in a value is doubled."""
    seat: list[tuple[str, Scalar]] = [("id", one.id)]
    if one.is_told:
        seat += [("bus", one.bus), ("addr", _addr(one))]
    if one.multifunction:
        seat.append(("multifunction", True))
    pairs = (f"{name}={_escape(as_text(value))}" for name, value in (*seat, *one.properties.items()))
    return ",".join((_escape(one.driver), *pairs))


def json_argument(one: Emitted) -> str:
    """The same as JSON text, which QEMU takes as a value of `-device` from 6.2 on."""
    return json.dumps(json_object(one))


def json_object(one: Emitted) -> dict[str, Any]:
    """The members of `-device '{...}'` and the arguments of device_add are the same."""
    seat: dict[str, Any] = {"driver": one.driver, "id": one.id}
    if one.is_told:
        seat |= {"bus": one.bus, "addr": _addr(one)}
    if one.multifunction:
        seat["multifunction"] = True
    return seat | {name: json_value(name, value) for name, value in one.properties.items()}


def device_add(layout: Layout) -> list[dict[str, Any]]:
    """QMP commands for the devices on hot-pluggable slots, slots in layout order; the rest is `cold_plug`'s."""
    return [command for members in _hot_slots(layout) for command in slot_commands(members)]


def slot_commands(members: Iterable[PlacedDevice]) -> list[dict[str, Any]]:
    """QMP commands for the devices of one slot.

    Function 0 comes last: that is what shows the slot to the guest, and QEMU takes no function after it. A physical
    function comes after the virtual ones that name it.
    """
    members = list(members)
    physical = {physical_function(member.properties) for member in members}
    last_is_0 = sorted(members, key=lambda member: (member.function == 0, member.id in physical))
    return [{"execute": "device_add", "arguments": json_object(emitted(device))} for device in last_is_0]


def cold_plug(layout: Layout) -> list[str]:
    """Ids of the devices that must be there when QEMU starts."""
    hot = {device.id for members in _hot_slots(layout) for device in members}
    return [device.id for device in layout.devices if device.id not in hot]


def hotplug_buses(layout: Layout) -> frozenset[str]:
    """Ids of the buses on which QEMU takes device_add and a guest sees it (docs/semantics.md, rule hotplug)."""
    topology = topology_of(layout.machine_model, layout)
    return frozenset(bus.id for bus in topology.buses.values() if bus.takes_hotplug)


def _hot_slots(layout: Layout) -> list[list[PlacedDevice]]:
    """The devices of each slot that can be filled as a whole while the guest runs."""
    for one in layout.controllers:
        if one.model not in CONTROLLERS:
            what = f"{short(one.model)} is not a controller{nearest(one.model, CONTROLLERS)}"
            raise _unknown(f"controllers.{one.id}.model", one.model, what)
    buses = hotplug_buses(layout)
    express = {c.id for c in layout.controllers if CONTROLLERS[c.model].is_port}
    held = {(controller.bus, controller.slot) for controller in layout.controllers}
    slots: dict[tuple[str, int], list[PlacedDevice]] = {}
    for device in layout.devices:
        slots.setdefault((device.bus, device.slot), []).append(device)
    return [
        members
        for (bus, slot), members in slots.items()
        if bus in buses
        # SHPC has no slot 0, and behind a port there is no other
        and (slot == 0) == (bus in express)
        and (bus, slot) not in held
        and any(member.function == 0 for member in members)
        and all(map(_hotpluggable, members))
    ]


def _hotpluggable(device: PlacedDevice) -> bool:
    try:
        return find(device.model, described=device.bars is not None).hotpluggable
    except UnknownModel as unknown:
        raise _unknown(f"devices.{device.id}.model", device.model, str(unknown)) from None


def _unknown(field: str, value: str, what: str) -> InputError:
    return InputError("layout", [Problem(field, value, what, f"{field}: {what}")])


def _parents_first(controllers: Sequence[PlacedController]) -> list[PlacedController]:
    """In the order given where that has parents first. One that never reaches the root comes last: QEMU names it."""
    waiting = list(controllers)
    ordered: list[PlacedController] = []
    while waiting:
        unplaced = {controller.id for controller in waiting}
        ready = next((controller for controller in waiting if controller.bus not in unplaced), waiting[0])
        ordered.append(ready)
        waiting.remove(ready)
    return ordered


def _addr(one: Emitted) -> str:
    return as_addr(one.slot, one.function)


def _escape(text: str) -> str:
    return text.replace(",", ",,")
