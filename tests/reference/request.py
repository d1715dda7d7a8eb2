"""The request read into things: pinned ones already in their slots, the others waiting for one."""

from dataclasses import dataclass, field

from qslot.schema import Connector, Device, Guest, Pin, VirtioMode
from qslot.schema import Controller as Demand
from qslot.schema.pci.qemu_properties import canonical_properties
from qslot.schema.request.resolved import ResolvedDevice, resolved_devices

from .tree import ALL_FUNCTIONS, HOMES_OF, MATES_OF, Bus, BusKind, Controller, Item, SpareSlot, Thing, bus_of, may_share

CONNECTS: dict[str, frozenset[BusKind]] = {
    "express": frozenset({"port", "express-root"}),
    "hybrid": frozenset({"port", "conventional", "express-root"}),
    "conventional": frozenset({"conventional", "express-root", "conventional-root"}),
    "legacy virtio": frozenset({"port", "conventional", "express-root"}),
    "integrated": frozenset({"express-root", "conventional-root"}),
}
ANYWHERE: frozenset[BusKind] = frozenset().union(*CONNECTS.values())


@dataclass(slots=True)
class Problem:
    """`free` waits to be placed: controllers, then devices, then spare slots; `conflict` a pin that cannot be kept."""

    guest: Guest
    root: Bus
    controllers: list[Controller] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    free: list[Thing] = field(default_factory=list)
    near: list[tuple[Item, Item]] = field(default_factory=list)
    near_switch: list[tuple[Item, Item]] = field(default_factory=list)
    nodes: frozenset[int] = frozenset()
    """NUMA nodes that something asks for: the planner may make an expander for each."""
    conflict: str | None = None


def connector_of(guest: Guest, resolved: ResolvedDevice) -> str:
    """The row of the table in "What goes where"."""
    base = resolved.device.connect or resolved.model.connector
    if base == Connector.INTEGRATED:
        return "integrated"
    if guest.machine_model.family == "pc":
        return "conventional"
    fixed_to_old = resolved.device.fixed_mode in (VirtioMode.LEGACY, VirtioMode.TRANSITIONAL)
    if resolved.model.virtio is not None and (fixed_to_old or resolved.modes == (VirtioMode.LEGACY,)):
        return "legacy virtio"
    return "hybrid" if base == "express" and has_mates(guest, resolved) else str(base)


def iommu_group(guest: Guest, resolved: ResolvedDevice) -> object:
    """The IOMMU group of a device that VFIO hands over to a guest with a vIOMMU: a number, or its own name."""
    viommu = "viommu" in guest.needs or any(device.model in ("virtio-iommu", "amd-iommu") for device in guest.devices)
    if not viommu or not resolved.device.model.startswith("vfio-pci"):
        return None
    number = resolved.device.iommu_group
    return resolved.device.id if number is None else number


def has_mates(guest: Guest, resolved: ResolvedDevice) -> bool:
    """Whether the group, which the request states, has several devices."""
    group = iommu_group(guest, resolved)
    return isinstance(group, int) and sum(one.iommu_group == group for one in guest.devices) > 1


def libvirts_homes(guest: Guest, resolved: ResolvedDevice) -> frozenset[BusKind]:
    """Where preset libvirt allows a device whose slot is open; ports and conventional buses only with hot-plug."""
    if guest.machine_model.family == "pc":
        return frozenset({"conventional", "conventional-root"})
    connector = connector_of(guest, resolved)
    if has_mates(guest, resolved):
        return frozenset({"conventional", "port"})
    if resolved.chipset_place is not None or connector == "integrated":
        return frozenset({"express-root"})
    unsaid = resolved.device.fixed_mode is None or resolved.device.virtio_by == "slot"
    legacy_by_machine = unsaid and resolved.modes == (VirtioMode.LEGACY,)
    return frozenset({"port" if connector in ("express", "hybrid") or legacy_by_machine else "conventional"})


def deciding(resolved: ResolvedDevice) -> frozenset[BusKind]:
    """Where a device's slot makes the virtio mode that it must have, if nothing else says it."""
    virtio, device = resolved.model.virtio, resolved.device
    if virtio is None or not (virtio.suffixed or len(virtio.modes) > 1) or device.virtio_by != "slot":
        return ANYWHERE
    if device.virtio == "modern":
        return frozenset({"port"})
    return ANYWHERE - {"port"} if device.virtio == "transitional" else ANYWHERE


def read(guest: Guest) -> Problem:
    """Raises nothing: what cannot be kept is told in `conflict`."""
    root = Bus("express-root" if guest.machine_model.family == "q35" else "conventional-root", (0, 0))
    problem = Problem(guest, root)
    _root_slots(guest, root)
    pinned = _controllers(problem) + _items(problem)
    _spares(problem)
    _near(problem)
    buses = {guest.machine_model.root: root} | {c.name: c.offers for c in problem.controllers}
    for pin in guest.reserve:
        _reserve(buses[str(pin.bus)], pin)
    functions = _resolve(guest, buses)
    for thing, pin in pinned:
        if problem.conflict is None:
            _seat(problem, buses, thing, pin, functions)
    for thing, _ in pinned:
        if problem.conflict is None and isinstance(thing, Item):
            _close(problem, thing)
    return problem


def _close(problem: Problem, item: Item) -> None:
    """What virtual functions of a pinned item take is nobody else's; those of its own slot are with it (`fits`)."""
    bus = item.bus
    assert bus is not None
    for offset, function in item.virtual:
        slot = item.slot + offset
        held = bus.taken.get(slot, 0) | sum(t.functions or 0 for t in bus.slots.get(slot, ()))
        held |= sum(t.functions or 0 for t in bus.slots.get(0, ()) if not bus.is_root) >> slot * 8
        if slot > 31 or held >> function & 1:
            problem.conflict = f"{item.name}: its virtual functions are where something else is"
            return
        if offset:
            bus.taken[slot] = bus.taken.get(slot, 0) | 1 << function
            bus.virtual.add(slot)
            if function == 0:
                bus.zero_reserved.add(slot)


def _root_slots(guest: Guest, root: Bus) -> None:
    platform = guest.machine_model
    q35 = platform.family == "q35"
    root.range, root.chipset_slot = ((1, 30), 0x1F) if q35 else ((2, 31), 0x01)
    for slot, function in platform.taken:
        root.taken[slot] = root.taken.get(slot, 0) | 1 << function
    for slot in platform.closed:
        root.taken[slot] = ALL_FUNCTIONS


def _reserve(bus: Bus, pin: Pin) -> None:
    assert pin.slot is not None
    mask = ALL_FUNCTIONS if pin.function is None else 1 << pin.function
    bus.taken[pin.slot] = bus.taken.get(pin.slot, 0) | mask
    if mask & 1:
        bus.zero_reserved.add(pin.slot)


def _controllers(problem: Problem) -> list[tuple[Thing, Pin]]:
    pinned = []
    guest = problem.guest
    spoken_of = {pin.bus for pin in guest.reserve}
    spoken_of |= {thing.address.bus for thing in (*guest.controllers, *guest.devices) if thing.address is not None}
    for demand in guest.controllers:
        controller = _controller(guest, demand)
        controller.named = demand.id in spoken_of or _is_slot(demand.address)
        problem.controllers.append(controller)
        if demand.address is not None and _is_slot(demand.address):
            controller.pinned = True
            pinned.append((controller, demand.address))
        else:
            problem.free.append(controller)
    return list[tuple[Thing, Pin]](pinned)


def _controller(guest: Guest, demand: Demand) -> Controller:
    given = canonical_properties(demand.properties)
    number = {name: int(value) for name, value in given.items() if not isinstance(value, str)}
    controller = make_controller(demand.id, demand.model)
    controller.functions = _function_only(demand.address)
    controller.wish = number.get("numa_node", demand.numa)
    controller.hotplug = demand.hotplug and bool(given.get("hotplug", True))
    controller.bus_reserve = number.get("bus-reserve")
    controller.bus_nr = number.get("bus_nr")
    controller.bypasses = bool(given.get("bypass_iommu", False))
    controller.shpc = bool(given.get("shpc", True))
    controller.shape = f"{sorted(given.items())} {demand.hotplug}"
    controller.stated = {name: value for name, value in number.items() if name.endswith("-reserve")}
    implied = guest.machine_model.port_io_reserve and demand.model == "pcie-root-port" and controller.hotplug
    controller.io_reserve = number.get("io-reserve", 4096 if implied else None)
    controller.heeded = heeded(guest, controller)
    return controller


def heeded(guest: Guest, controller: Controller) -> bool:
    """Whether the firmware looks at its reserves."""
    if guest.firmware.name == "seabios":
        return True
    if controller.model == "pci-bridge":
        return controller.shpc
    return controller.hotplug and not guest.machine_model.port_io_reserve


def make_controller(name: str, model: str) -> Controller:
    controller = Controller(name, HOMES_OF[model], mates=MATES_OF.get(model), model=model)
    controller.offers = bus_of(model, controller)
    return controller


def _is_slot(pin: Pin | None) -> bool:
    return pin is not None and pin.bus is not None and pin.slot is not None


def _function_only(pin: Pin | None) -> int | None:
    return None if pin is None or _is_slot(pin) or pin.function is None else 1 << pin.function


def _items(problem: Problem) -> list[tuple[Thing, Pin]]:
    guest = problem.guest
    as_libvirt = guest.policy.preset == "libvirt"
    resolved = resolved_devices(guest.devices, guest.groups, guest.machine_model, as_libvirt=as_libvirt)
    pinned: list[tuple[Thing, Pin]] = []
    for members in _units(guest):
        item = _item(guest, tuple(resolved[device.id] for device in members))
        problem.items.append(item)
        pins = _slot_pins(guest)
        slots = [pins[device.id] for device in members if device.id in pins]
        if slots:
            item.pinned = True
            pinned.append((item, slots[0]))
        else:
            problem.free.append(item)
    wishes = {item.wish for item in problem.items} | {s.numa for s in guest.spare if s.count}
    wishes |= {c.wish for c in problem.controllers if not c.is_expander}
    problem.nodes = frozenset(node for node in wishes if node is not None)
    return pinned


def _units(guest: Guest) -> list[tuple[Device, ...]]:
    units: dict[str, list[Device]] = {}
    for device in guest.devices:
        units.setdefault(f"device {device.id}" if device.group is None else f"group {device.group}", []).append(device)
    return [tuple(members) for members in units.values()]


def _item(guest: Guest, members: tuple[ResolvedDevice, ...]) -> Item:
    homes = frozenset.intersection(*(CONNECTS[connector_of(guest, one)] & deciding(one) for one in members))
    need = members[0].hotplug
    first = members[0].device
    item = Item(first.id, homes, devices=members, need=need, single=first.group is None)
    item.required = need == "required"
    item.mates = None if item.required or first.model == "amd-iommu" else "endpoint"
    item.io_on_port = sum(one.io_bytes(choice_of(one, behind_port=True)) for one in members)
    item.io_elsewhere = sum(one.io_bytes(choice_of(one, behind_port=False)) for one in members)
    item.wish = next((one.device.numa for one in members if one.device.numa is not None), None)
    if guest.policy.preset == "libvirt" and not any(_is_slot(one.device.address) for one in members):
        item.mates = None
        item.homes = item.homes.intersection(*(libvirts_homes(guest, one) for one in members))
    if item.single:
        item.functions = _function_only(first.address)
        if item.functions is None and members[0].virtual_functions is not None:
            item.functions = 1
    else:
        item.own = _own_functions([one.device.address for one in members])
        item.functions = sum(1 << function for function in item.own)
    _virtual(item)
    ordered = [guest.order.index(one.device.id) for one in members if one.device.id in guest.order]
    item.shape = f"{need} {item.wish} {item.own} {item.functions} {[_nature(one) for one in members]} {ordered}"
    return item


def _virtual(item: Item) -> None:
    """docs/semantics.md, virtual-functions and sriov-pf: where it may go by itself, and what it then closes."""
    own = item.own or (() if item.functions is None else (item.functions.bit_length() - 1,))
    item.virtual = ()
    for one, function in zip(item.devices, own, strict=False):
        if (vfs := one.virtual_functions) is not None:
            item.virtual += tuple(
                ((function + vfs.offset + n * vfs.stride) // 8, (function + vfs.offset + n * vfs.stride) % 8)
                for n in range(vfs.number)
            )
    asked = any(one.device.vfs or (one.model.name == "nvme" and one.virtual_functions) for one in item.devices)
    if item.virtual:
        item.homes &= {"port", "express-root"} if asked else {"port", "express-root", "conventional-root"}
    if any("sriov-pf" in one.device.properties for one in item.devices):
        item.homes &= {"port"}
    if any(slot > 31 for slot, _ in item.virtual):
        item.homes = frozenset()


def choice_of(one: ResolvedDevice, *, behind_port: bool) -> VirtioMode | None:
    """QEMU's own choice where the request leaves one: modern behind a port, else transitional."""
    if len(one.modes) < 2:
        return one.modes[0] if one.modes else None
    return VirtioMode.MODERN if behind_port else VirtioMode.TRANSITIONAL


def _nature(one: ResolvedDevice) -> str:
    device = one.device
    own = (device.model, device.virtio, device.properties, device.connect, device.bars, device.rom, device.iommu_group)
    return f"{own} {one.chipset_place is None}"


def _own_functions(pins: list[Pin | None]) -> tuple[int, ...]:
    """Of a group's members, in listed order: the pinned function, else the lowest that no member pins."""
    named = {pin.function for pin in pins if pin is not None and pin.function is not None}
    rest = iter([function for function in range(256) if function not in named])
    return tuple(next(rest) if pin is None or pin.function is None else pin.function for pin in pins)


def _spares(problem: Problem) -> None:
    for entry in problem.guest.spare:
        homes = frozenset[BusKind]({"port"} if entry.kind == "pcie" else {"conventional", "conventional-root"})
        for _ in range(entry.count):
            problem.free.append(SpareSlot("spare", homes, functions=1, wish=entry.numa, spare=entry))


def _near(problem: Problem) -> None:
    item_of = {one.device.id: item for item in problem.items for one in item.devices}
    for item in problem.items:
        for one in item.devices:
            problem.near += [(item, item_of[other]) for other in one.device.near]
            problem.near_switch += [(item, item_of[other]) for other in one.device.near_switch]
    for item in {item for pair in problem.near + problem.near_switch for item in pair}:
        item.shape = ""


def _resolve(guest: Guest, buses: dict[str, Bus]) -> dict[str, int]:
    """The function of everything pinned to a slot: "A pin BUS:SLOT without function ..."; -1 where none is left.

    All members of a group of which one is pinned to a slot count as pinned to that slot.
    """
    pins = _slot_pins(guest)
    virtual = {device.id for device in guest.devices if "sriov-pf" in device.properties}
    used: dict[tuple[str | None, int | None], set[int]] = {}
    result: dict[str, int] = {}
    for name, pin in pins.items():
        if pin.function is not None:
            used.setdefault((pin.bus, pin.slot), set()).add(pin.function)
            result[name] = pin.function
    for name, pin in pins.items():
        if pin.function is None:
            assert pin.bus is not None
            assert pin.slot is not None
            taken = buses[pin.bus].taken.get(pin.slot, 0)
            others = used.setdefault((pin.bus, pin.slot), set())
            last = 256 if name in virtual else 8
            function = next((f for f in range(last) if f not in others and not taken >> f & 1), -1)
            others.add(function)
            result[name] = function
    return result


def _slot_pins(guest: Guest) -> dict[str, Pin]:
    slot_of = {d.group: d.address for d in guest.devices if d.group is not None and _is_slot(d.address)}
    pins: dict[str, Pin] = {}
    for thing in (*guest.controllers, *guest.devices):
        pin = thing.address
        home = slot_of.get(thing.group) if isinstance(thing, Device) and thing.group is not None else None
        if home is not None:
            pins[thing.id] = Pin(home.bus, home.slot, None if pin is None else pin.function)
        elif pin is not None and _is_slot(pin):
            pins[thing.id] = pin
    root = guest.machine_model.root
    for device in guest.devices:
        if device.model == "amd-iommu" and device.id not in pins:
            named = {pin.slot for pin in pins.values() if pin.bus == root} | guest.machine_model.closed
            pins[device.id] = Pin(root, min(slot for slot in range(1, 32) if slot not in named), 0)
    return pins


def _seat(problem: Problem, buses: dict[str, Bus], thing: Thing, pin: Pin, functions: dict[str, int]) -> None:
    assert pin.bus is not None
    assert pin.slot is not None
    bus = buses[pin.bus]
    names = [one.device.id for one in thing.devices] if isinstance(thing, Item) else [thing.name]
    own = tuple(functions[name] for name in names)
    if -1 in own or len(set(own)) < len(own):
        problem.conflict = f"{thing.name}: no function is left for it in {pin}"
        return
    thing.functions = sum(1 << function for function in own)
    if isinstance(thing, Item):
        thing.own = own
        _virtual(thing)
    shares = all(may_share(thing, other) for other in bus.slots.get(pin.slot, ()))
    if not shares or not bus.fits(pin.slot, thing):
        problem.conflict = f"{thing.name}: {pin} is taken, or its neighbour wants to be alone"
        return
    bus.sit(thing, pin.slot)
