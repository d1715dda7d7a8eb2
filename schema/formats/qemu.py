"""A layout as QEMU takes it: `-device` arguments and QMP `device_add`; and `-device` arguments read back.

Source: QEMU 7.2 measured. `addr` is hexadecimal `slot.function` in both forms; parents stand before children, since
QEMU looks a bus up when it meets the device; endpoints may stand in any order once function 0 says multifunction=on.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from ..base import Frozen
from ..catalog import find
from ..layout.layout import Layout, PlacedController, PlacedDevice
from ..layout.topology import topology_of
from ..pci.controllers import CONTROLLERS
from ..pci.machine import machine_of
from ..pci.qemu_properties import Properties, Scalar, as_text, canonical_properties
from ..pci.qemu_properties import as_json as json_value
from ..request.device import QemuId

OWN: Final = ("driver", "id", "bus", "addr", "multifunction")
"""What the seat itself says; no property may say it again."""

FIRST_DISPLAY: Final = frozenset({"qxl-vga"})
"""QEMU: "primary qxl-vga device must be console 0 (first display device on the command line)"."""

_ADDRESS = re.compile(r"(?:0x)?(?P<slot>[0-9a-fA-F]{1,2})(?:\.(?:0x)?(?P<function>[0-7]))?")


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


class Emission(NamedTuple):
    """All of a layout, in the order of the command line."""

    controllers: tuple[Emitted, ...]
    devices: tuple[Emitted, ...]


def emission(layout: Layout) -> Emission:
    """What `arguments` prints and `parse` reads back."""
    devices = sorted(layout.devices, key=lambda device: device.driver not in FIRST_DISPLAY)
    return Emission(
        tuple(emitted(controller) for controller in _parents_first(layout.controllers)),
        tuple(emitted(device) for device in devices),
    )


def emitted(seat: PlacedController | PlacedDevice) -> Emitted:
    """Raises ValueError where a property says what the address says, or cannot be a property's name."""
    for name in seat.properties:
        if name in OWN or not name or set(name) & set(",="):
            raise ValueError(f"{seat.id}: {name!r} is not a property that a layout may carry")
    return Emitted(
        driver=seat.driver if isinstance(seat, PlacedDevice) else seat.model,
        id=seat.id,
        bus=seat.bus,
        slot=seat.slot,
        function=seat.function,
        multifunction=seat.multifunction,
        properties=canonical_properties(seat.properties),
    )


def arguments(layout: Layout, *, as_json: bool = False) -> list[str]:
    """`["-device", "pcie-root-port,id=rp1,bus=pcie.0,addr=0x1.0,...", ...]`, or each value as a JSON object."""
    write = json_argument if as_json else plain_argument
    return [word for part in emission(layout) for one in part for word in ("-device", write(one))]


def plain_argument(one: Emitted) -> str:
    """`driver,id=..,bus=..,addr=0xSS.F,...`; a comma in a value is doubled."""
    seat: list[tuple[str, Scalar]] = [("id", one.id), ("bus", one.bus), ("addr", _addr(one))]
    if one.multifunction:
        seat.append(("multifunction", True))
    pairs = (f"{name}={_escape(as_text(value))}" for name, value in (*seat, *one.properties.items()))
    return ",".join((_escape(one.driver), *pairs))


def json_argument(one: Emitted) -> str:
    """The same as JSON text, which QEMU takes as a value of `-device` from 6.2 on."""
    return json.dumps(json_object(one))


def json_object(one: Emitted) -> dict[str, Any]:
    """The members of `-device '{...}'` and the arguments of device_add are the same."""
    seat: dict[str, Any] = {"driver": one.driver, "id": one.id, "bus": one.bus, "addr": _addr(one)}
    if one.multifunction:
        seat["multifunction"] = True
    return seat | {name: json_value(name, value) for name, value in one.properties.items()}


def device_add(layout: Layout) -> list[dict[str, Any]]:
    """QMP commands for the devices on hot-pluggable slots, slots in layout order; the rest is `cold_plug`'s.

    Function 0 of a slot comes last: that is what shows the slot to the guest, and QEMU takes no function after it.
    """
    return [
        {"execute": "device_add", "arguments": json_object(emitted(device))}
        for members in _hot_slots(layout)
        for device in sorted(members, key=lambda member: member.function == 0)
    ]


def cold_plug(layout: Layout) -> list[str]:
    """Ids of the devices that must be there when QEMU starts."""
    hot = {device.id for members in _hot_slots(layout) for device in members}
    return [device.id for device in layout.devices if device.id not in hot]


def hotplug_buses(layout: Layout) -> frozenset[str]:
    """Ids of the buses on which QEMU takes device_add and a guest sees it (docs/semantics.md, rule hotplug)."""
    topology = topology_of(machine_of(layout.machine, layout.platform.chipset), layout)
    return frozenset(bus.id for bus in topology.buses.values() if bus.takes_hotplug)


def _hot_slots(layout: Layout) -> list[list[PlacedDevice]]:
    """The devices of each slot that can be filled as a whole while the guest runs."""
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
        and all(find(member.model, described=member.bars is not None).hotpluggable for member in members)
    ]


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
    return f"0x{one.slot:x}.{one.function}"


def _escape(text: str) -> str:
    return text.replace(",", ",,")


def parse(words: Sequence[str]) -> Emission:
    """Reads the `-device` arguments among `words`, both forms, back into seats; other arguments are passed over.

    So are devices without `bus` and `addr`, which are not PCI or left to QEMU. Raises ValueError for a device with only
    one of the two, without id, or at an address that QEMU would refuse.
    """
    seats = [seat for value in _values(words) if (seat := _read(value)) is not None]
    return Emission(
        tuple(seat for seat in seats if seat.driver in CONTROLLERS),
        tuple(seat for seat in seats if seat.driver not in CONTROLLERS),
    )


def _values(words: Sequence[str]) -> Iterator[str]:
    following = iter(words)
    for word in following:
        if word in ("-device", "--device"):
            value = next(following, None)
            if value is None:
                raise ValueError(f"{word} has no value")
            yield value


def _read(value: str) -> Emitted | None:
    options = json.loads(value) if value.startswith("{") else _options(value)
    if "bus" not in options and "addr" not in options:
        return None
    for name in ("driver", "id", "bus", "addr"):
        if not isinstance(options.get(name), str):
            raise ValueError(f"-device {value}: {name} is missing or not text")
    address = _ADDRESS.fullmatch(options["addr"])
    if address is None or int(address["slot"], 16) > 31:
        raise ValueError(f"-device {value}: addr {options['addr']!r} is not slot.function in hexadecimal")
    rest = {name: value for name, value in options.items() if name not in OWN}
    return Emitted(
        driver=options["driver"],
        id=options["id"],
        bus=options["bus"],
        slot=int(address["slot"], 16),
        function=int(address["function"] or "0"),
        multifunction=options.get("multifunction") in (True, "on"),
        properties=canonical_properties(rest),
    )


def _options(value: str) -> dict[str, Any]:
    """QEMU's option text: parts end at single commas, the first without a name is the driver."""
    parts = [part.replace("\0", ",") for part in value.replace(",,", "\0").split(",")]
    options: dict[str, Any] = {}
    for index, part in enumerate(parts):
        name, sign, text = part.partition("=")
        if not sign and index > 0:
            raise ValueError(f"-device {value}: {part!r} is not name=value")
        options |= {name: text} if sign else {"driver": name}
    return options
