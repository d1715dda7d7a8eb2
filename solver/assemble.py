"""Seating -> Layout: ids, chassis and bus numbers, QEMU properties."""

from functools import cache, cached_property
from importlib.metadata import version

from ..schema.connect import CONTROLLERS, VirtioMode
from ..schema.device import Controller, Properties
from ..schema.firmware.budget import PAGE, io_budget
from ..schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from ..schema.guest import Guest
from ..schema.layout import Layout, PlacedController, PlacedDevice, Platform, SpareSlot, Versions
from ..schema.survey import Survey, survey
from ..schema.traits import Traits, mode_on
from .buses import BUS_NUMBERS, Offer
from .decode import Bus, Seating
from .items import Items

PREFIXES = {
    "pcie-root-port": "rp",
    "pcie-pci-bridge": "p2p",
    "pci-bridge": "br",
    "pxb": "pxb",
    "pxb-pcie": "pxb",
    "x3130-upstream": "sw",
    "xio3130-downstream": "dp",
}


def assemble(guest: Guest, items: Items, seating: Seating) -> Survey:
    """The layout of a seating, surveyed; what it costs and what the firmware makes of it is still to be said in it."""
    tree = _Tree(guest, items, seating)
    known = survey(guest, _layout(guest, tree))
    if known.prediction is not None and known.prediction.gives_up:
        tree.padded = False
        known = survey(guest, _layout(guest, tree))
    return known


def _layout(guest: Guest, tree: "_Tree") -> Layout:
    return Layout(
        status="feasible",
        machine=guest.machine,
        firmware=guest.firmware,
        platform=Platform(
            memory=guest.memory,
            numa_nodes=guest.numa_nodes,
            chipset=guest.chipset,
            phys_bits=guest.phys_bits,
            pci_hole64=guest.pci_hole64,
        ),
        controllers=tree.controllers(),
        devices=tree.devices(),
        spare=tree.spares(),
        input_sha256=guest.sha256,
        versions=_versions(),
    )


@cache
def _versions() -> Versions:
    return Versions(qslot=version("qslot"))


class _Tree:
    """Buses in order, parents first, with the names and numbers that the layout gives them."""

    def __init__(self, guest: Guest, items: Items, seating: Seating) -> None:
        self.guest = guest
        self.items = items
        self.seating = seating
        self.demanded = {controller.id: controller for controller in guest.controllers}
        self.children: dict[int, list[Bus]] = {}
        self.root = seating.buses[0]
        for bus in seating.buses:
            if bus.parent is not None:
                self.children.setdefault(id(bus.parent), []).append(bus)
        self.order = list(self._walk(self.root))[1:]
        self.padded = not self._too_many_to_pad()
        """Whether the firmware may reserve IO by itself: edk2 before 202308 does for every hot-pluggable port."""
        self._name()
        self.chassis = self._unique("chassis", {"pcie-root-port", "ioh3420", "xio3130-downstream"}, 255)
        self.slot_numbers = self._slot_numbers()
        self.bus_nr = self._bus_numbers()
        self.chassis_nr = self._unique("chassis_nr", {"pci-bridge"}, 255, taken=set(self.bus_nr.values()))

    def _walk(self, bus: Bus) -> list[Bus]:
        below = sorted(self.children.get(id(bus), []), key=lambda one: (one.slot, one.function))
        return [bus, *(one for child in below for one in self._walk(child))]

    def _name(self) -> None:
        taken = set(self.demanded) | {device.id for device in self.guest.devices}
        last = dict.fromkeys(PREFIXES.values(), 0)
        for bus in self.order:
            if bus.name is None:
                prefix = PREFIXES[str(bus.cls.model)]
                last[prefix] += 1
                while f"{prefix}{last[prefix]}" in taken:
                    last[prefix] += 1
                bus.name = f"{prefix}{last[prefix]}"

    def _demanded(self, bus: Bus) -> Controller | None:
        return self.demanded.get(str(bus.name))

    def _unique(self, name: str, models: set[str], most: int, taken: set[int] | None = None) -> dict[str, int]:
        """A number for each controller of these models: the one demanded, else the smallest from 1 that is free."""
        mine = [bus for bus in self.order if bus.cls.model in models]
        fixed: dict[str, int] = {}
        for bus in mine:
            demanded = self._demanded(bus)
            value = None if demanded is None else demanded.properties.get(name)
            if isinstance(value, int):
                fixed[str(bus.name)] = value
        used = set(fixed.values()) | (taken or set())
        free = (number for number in range(1, most + 1) if number not in used)
        return {str(bus.name): fixed[str(bus.name)] if bus.name in fixed else next(free) for bus in mine}

    def _slot_numbers(self) -> dict[str, int]:
        """`slot` of demanded ports that share a chassis: QEMU takes a missing one as 0 and refuses the pair twice."""
        taken: set[tuple[object, object]] = set()
        result: dict[str, int] = {}
        ports = [c for c in self.guest.controllers if "chassis" in c.properties]
        for controller in sorted(ports, key=lambda one: "slot" not in one.properties):
            chassis = controller.properties["chassis"]
            slot = controller.properties.get("slot")
            if slot is None:
                slot = next(number for number in range(256) if (chassis, number) not in taken)
                if slot:
                    result[controller.id] = slot
            taken.add((chassis, slot))
        return result

    def _size(self, bus: Bus) -> int:
        """Bus numbers of a controller with all below it."""
        below = sum(self._size(child) for child in self.children.get(id(bus), []) if child.cls.where.root != child.name)
        own = CONTROLLERS[str(bus.cls.model)].bus_numbers
        return own + max(below, bus.cls.bus_reserve or 0)

    def _bus_numbers(self) -> dict[str, int]:
        """bus_nr of each expander: demanded ones stay, the others are packed below the end of a gap that holds them."""
        expanders = [bus for bus in self.order if CONTROLLERS[str(bus.cls.model)].is_expander]
        result: dict[str, int] = {}
        for bus in expanders:
            demanded = self._demanded(bus)
            value = None if demanded is None else demanded.properties.get("bus_nr")
            if isinstance(value, int):
                result[str(bus.name)] = value
        sizes = {str(bus.name): self._size(bus) for bus in expanders}
        main = 1 + sum(self._size(b) for b in self.children.get(id(self.root), []) if str(b.name) not in sizes)
        ends = {start: start + sizes[name] for name, start in result.items()} | {0: main}
        starts = sorted([*result.values(), BUS_NUMBERS])
        demanded_chassis = {c.properties.get("chassis_nr") for c in self.guest.controllers}
        for name in sorted((name for name in sizes if name not in result), key=lambda name: -sizes[name]):
            # from the top, so that the main root keeps the numbers that are left
            gaps = sorted(((ends[low], _after(low, starts)) for low in ends), reverse=True)
            places = (start for low, high in gaps for start in range(high - sizes[name], low - 1, -1))
            result[name] = next((start for start in places if start not in demanded_chassis), 0)
            starts = sorted([*starts, result[name]])
            ends[result[name]] = result[name] + sizes[name]
        return result

    # ---- what the layout lists

    def controllers(self) -> tuple[PlacedController, ...]:
        return tuple(
            PlacedController(
                id=str(bus.name),
                model=str(bus.cls.model),
                bus=str(bus.parent.name),
                slot=bus.slot,
                function=bus.function,
                multifunction=bus.function == 0 and (bus.parent.name, bus.slot) in self.shared,
                properties=self._properties(bus),
                numa=bus.cls.where.node,
            )
            for bus in self.order
            if bus.parent is not None
        )

    def _properties(self, bus: Bus) -> Properties:
        demanded = self._demanded(bus)
        given: Properties = {} if demanded is None else dict(demanded.properties)
        result: Properties = {}
        if bus.cls.offer is Offer.PORT:
            result = {"chassis": self.chassis[str(bus.name)], "port": bus.slot << 3 | bus.function}
            if demanded is not None and not demanded.hotplug:
                result["hotplug"] = "off"
            if str(bus.name) in self.slot_numbers:
                result["slot"] = self.slot_numbers[str(bus.name)]
            result |= self._reserves(bus)
        elif bus.cls.model == "pci-bridge":
            result = {"chassis_nr": self.chassis_nr[str(bus.name)], "shpc": self._shpc(bus)}
            result |= self._reserves(bus)
        elif str(bus.name) in self.bus_nr:
            result = {"bus_nr": self.bus_nr[str(bus.name)]}
            if bus.cls.where.node is not None:
                result["numa_node"] = bus.cls.where.node
        return result | given

    def _reserves(self, bus: Bus) -> Properties:
        """io-reserve and pref64-reserve that spare slots ask for."""
        wishes = [item.kind.spare for item, host, _ in self.seating.spares if host is bus and item.kind.spare]
        result: Properties = {}
        if bus.cls.model not in ("pcie-root-port", "pci-bridge"):
            return result
        if any(spare.io for spare in wishes):
            result["io-reserve"] = PAGE
        elif not self.padded and self._stays_dry(bus):
            result["io-reserve"] = 0
        memory = sum(spare.memory for spare in wishes)
        if memory:
            result["pref64-reserve"] = 1 << (memory - 1).bit_length()
        return result

    def _too_many_to_pad(self) -> bool:
        """Whether there are more hot-pluggable ports than windows, whatever their content."""
        firmware = self.guest.firmware
        if firmware.name != "ovmf" or firmware.number >= NO_DEFAULT_IO_PADDING:
            return False
        ports = sum(bus.cls.hot and bus.cls.offer is Offer.PORT for bus in self.order)
        return ports > io_budget(self.guest.platform, "ovmf").limit // PAGE

    def _stays_dry(self, bus: Bus) -> bool:
        """A port of which the plan says that nothing with IO ports comes."""
        return bus.cls.model == "pcie-root-port" and id(bus) not in self.children and not self._io_below(bus)

    def _shpc(self, bus: Bus) -> str:
        """Off where an empty SHPC bridge would open a window for nothing."""
        spare = any(host is bus for _, host, _ in self.seating.spares)
        off = bus.cls.created and bus.cls.shpc_optional and not spare and not self._io_below(bus)
        return "off" if off else "on"

    def _io_below(self, bus: Bus) -> bool:
        return any(str(one.name) in self.wet for one in self._walk(bus))

    @cached_property
    def wet(self) -> set[str]:
        """Buses with a device that has an IO BAR there."""
        return {
            bus
            for one, (bus, _, _) in self.seats.items()
            if (traits := self.items.traits[one]).io_bytes(mode_on(traits, behind_port=bus in self.ports))
        }

    @cached_property
    def ports(self) -> set[str]:
        return {str(one.name) for one in self.order if one.cls.offer is Offer.PORT}

    @cached_property
    def seats(self) -> dict[str, tuple[str, int, int]]:
        """Bus, slot and function of every device."""
        result = {one: (str(bus.name), slot, function) for one, (bus, slot, function) in self.seating.devices.items()}
        for occupant in self.items.pinned:
            for one, function in zip(occupant.item.ids, occupant.item.functions or (), strict=True):
                result[one] = (occupant.bus, occupant.slot, function)
        return result

    @cached_property
    def shared(self) -> set[tuple[str, int]]:
        """Slots in which a function other than 0 is used: function 0 there needs multifunction."""
        seats = [(str(b.parent.name), b.slot, b.function) for b in self.order if b.parent is not None]
        return {(bus, slot) for bus, slot, function in (*seats, *self.seats.values()) if function}

    def devices(self) -> tuple[PlacedDevice, ...]:
        result = []
        for device in self.guest.devices:
            bus, slot, function = self.seats[device.id]
            traits = self.items.traits[device.id]
            mode = mode_on(traits, behind_port=bus in self.ports)
            driver, spelled = spell(traits, mode)
            result.append(
                PlacedDevice(
                    id=device.id,
                    model=device.model,
                    driver=driver,
                    virtio=mode,
                    bus=bus,
                    slot=slot,
                    function=function,
                    multifunction=function == 0 and (bus, slot) in self.shared,
                    properties={**spelled, **device.properties},
                    bars=device.bars,
                    rom=device.rom,
                )
            )
        return tuple(result)

    def spares(self) -> tuple[SpareSlot, ...]:
        """In the order of the request: the n-th of a kind answers the n-th asked for."""
        waiting = list(self.seating.spares)
        result = []
        for wish in self.guest.spare:
            one = wish.model_copy(update={"count": 1})
            mine = [seat for seat in waiting if seat[0].kind.spare == one][: wish.count]
            waiting = [seat for seat in waiting if seat not in mine]
            result += [SpareSlot(kind=wish.kind, bus=str(bus.name), slot=slot) for _, bus, slot in mine]
        return tuple(result)


def _after(start: int, starts: list[int]) -> int:
    return next(one for one in starts if one > start)


def spell(traits: Traits, mode: VirtioMode | None) -> tuple[str, Properties]:
    """QEMU's driver name and the properties that fix the virtio mode, so that no slot changes what the guest sees."""
    model = traits.model
    if mode is None or model.virtio is None:
        return model.driver, {}
    if mode in model.virtio.suffixed:
        return f"{model.driver}-{'transitional' if mode is VirtioMode.TRANSITIONAL else 'non-transitional'}", {}
    if not model.virtio.switches:
        return model.driver, {}
    legacy, modern = mode is not VirtioMode.MODERN, mode is not VirtioMode.LEGACY
    return model.driver, {"disable-legacy": "off" if legacy else "on", "disable-modern": "off" if modern else "on"}
