"""Assignment -> Layout: ids, chassis and bus numbers, QEMU properties."""

from functools import cache

from ...schema.layout.layout import HASH_VERSION, Layout, PlacedController, PlacedDevice, Platform, SpareSlot, Versions
from ...schema.pci.controllers import VirtioMode
from ...schema.pci.qemu_properties import Properties
from ...schema.records import record
from ...schema.request.guest import Guest
from ...schema.request.resolved import ResolvedDevice, mode_on
from ...schema.verify.context import Context, context_of
from ...schema.version import __version__
from ..aggregate.bus_classes import BusKind
from ..aggregate.items import Items
from .firmware_reserves import FirmwareReserves
from .layout_tree import LayoutTree
from .numbering import Numbering
from .seats import Assignment, BusInstance


def assemble(guest: Guest, items: Items, assignment: Assignment) -> Context:
    """The layout of an assignment, in its context. What it costs and what the firmware makes of it is still to be said
    in it."""
    placed = LayoutTree(guest, items, assignment)
    parts = _Parts(placed, Numbering(placed), FirmwareReserves(placed))
    known = context_of(guest, _layout(guest, parts))
    while parts.reservations.change(known):
        known = context_of(guest, _layout(guest, parts))
    return known


def _layout(guest: Guest, parts: "_Parts") -> Layout:
    return Layout(
        status="feasible",
        machine=guest.machine,
        firmware=guest.firmware,
        platform=Platform.of(guest),
        controllers=parts.controllers(),
        devices=parts.devices(),
        spare=parts.spares(),
        input_sha256=guest.sha256,
        versions=_versions(),
    )


@cache
def _versions() -> Versions:
    return Versions(qslot=__version__, hash=HASH_VERSION)


@record(frozen=True)
class _Parts:
    """What the layout lists."""

    placed: LayoutTree
    numbering: Numbering
    reservations: FirmwareReserves

    def controllers(self) -> tuple[PlacedController, ...]:
        return tuple(
            PlacedController(
                id=str(bus.name),
                model=str(bus.cls.model),
                bus=str(bus.parent.name),
                slot=bus.slot,
                function=bus.function,
                multifunction=bus.function == 0 and (bus.parent.name, bus.slot) in self.placed.shared,
                properties=self._properties(bus),
                numa=bus.cls.level.node,
            )
            for bus in self.placed.order
            if bus.parent is not None
        )

    def _properties(self, bus: BusInstance) -> Properties:
        numbers, demanded = self.numbering, self.placed.demanded_as(bus)
        given: Properties = {} if demanded is None else dict(demanded.properties)
        result: Properties = {}
        if bus.cls.kind is BusKind.PORT:
            result = {"chassis": numbers.chassis[str(bus.name)], "port": bus.slot << 3 | bus.function}
            if (demanded is not None and not demanded.hotplug) or str(bus.name) in self.placed.protected:
                result["hotplug"] = False
            if str(bus.name) in numbers.slot_numbers:
                result["slot"] = numbers.slot_numbers[str(bus.name)]
            result |= self.reservations.of(bus)
        elif bus.cls.model == "pci-bridge":
            result = {"chassis_nr": numbers.chassis_nr[str(bus.name)], "shpc": self.placed.keeps_shpc(bus)}
            result |= self.reservations.of(bus)
        elif str(bus.name) in numbers.bus_nr:
            result = {"bus_nr": numbers.bus_nr[str(bus.name)]}
            if bus.cls.level.node is not None:
                result["numa_node"] = bus.cls.level.node
        return result | given

    def devices(self) -> tuple[PlacedDevice, ...]:
        placed, result = self.placed, []
        for device in placed.guest.devices:
            bus, slot, function = placed.seats[device.id]
            resolved = placed.items.resolved[device.id]
            mode = mode_on(resolved, behind_port=bus in placed.ports)
            driver, spelled = spell(resolved, mode)
            result.append(
                PlacedDevice(
                    id=device.id,
                    model=device.model,
                    driver=driver,
                    virtio=mode,
                    bus=bus,
                    slot=slot,
                    function=function,
                    multifunction=function == 0 and (bus, slot) in placed.shared,
                    properties={**spelled, **device.properties},
                    bars=device.bars,
                    rom=device.rom,
                )
            )
        return tuple(result)

    def spares(self) -> tuple[SpareSlot, ...]:
        """In the order of the request: the n-th of a kind answers the n-th asked for."""
        waiting = list(self.placed.seating.spares)
        result = []
        for wish in self.placed.guest.spare:
            one = wish.model_copy(update={"count": 1})
            mine = [seat for seat in waiting if seat[0].kind.spare == one][: wish.count]
            waiting = [seat for seat in waiting if seat not in mine]
            result += [SpareSlot(kind=wish.kind, bus=str(bus.name), slot=slot) for _, bus, slot in mine]
        return tuple(result)


def spell(resolved: ResolvedDevice, mode: VirtioMode | None) -> tuple[str, Properties]:
    """QEMU's driver name and the properties that fix the virtio mode, so that no slot changes what the guest sees."""
    model = resolved.model
    if mode is None or model.virtio is None:
        return model.driver, {}
    more: Properties = {"scsi": "off"} if resolved.has_scsi_passthrough and mode is not VirtioMode.LEGACY else {}
    if resolved.device.virtio_by == "slot":
        return model.driver, more
    if mode in model.virtio.suffixed and resolved.device.virtio_by == "type":
        return f"{model.driver}-{'transitional' if mode is VirtioMode.TRANSITIONAL else 'non-transitional'}", more
    if not model.virtio.switches:
        return model.driver, more
    legacy, modern = mode is not VirtioMode.MODERN, mode is not VirtioMode.LEGACY
    switches: Properties = {"disable-legacy": "off" if legacy else "on", "disable-modern": "off" if modern else "on"}
    return model.driver, {**switches, **more}
