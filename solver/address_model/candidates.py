"""How many controllers of each model the planner may have to create, and why no optimal layout needs more.

A created controller that has nothing below it and fills nobody's function 0 can be left out: no cost goes up, nothing
runs short. So in some optimal layout each has something of the request below it, or fills a function 0.

*Regions*: the main root's complex, each expander's, and the inside of each demanded controller that reserves, ends
ACPI's reach or has SHPC. Two created switches
of one region (likewise two pcie-pci-bridges, two pci-bridges) can be made one at the place of the less deep of them:
what the other holds moves over slot by slot (a region has fewer than 31 slots in use, see `within_reach`). Nobody gets
deeper, the complex and ACPI's reach are the same, the pages of one sum are not more than those of two, and a bridge
less is empty. This does not hold for what keeps room for spare slots: one reserve may be aligned worse than two, and
a pcie-pci-bridge keeps none, so that the pages which two open by themselves may be too little in one; so there is one
more for each spare slot with IO or memory, and a bridge above each two of them. Nor does it hold for devices that want
to be below one switch, nor with a vIOMMU for devices of the host: all behind one bridge share an address space, so
there is one more for each IOMMU group.
Nor does it hold for devices whose order the request states, as what is below one bridge is numbered in one piece: so
there is one more for each of these. What holds none of them is made one with others as before.
A pci-bridge that holds nothing but one created bridge is replaced by that; one that holds nothing but several takes in
what one of them holds.

None of this is said of memory: one window of prefetchable memory below 4 GiB may not hold what two windows, one of them
above, do. So where memory decides, each is on its own (`apart`): as many bridges and switches as there is to put on
their buses. With OVMF, behind one, what is smaller lies in what a larger window leaves of its block, so that a switch
may be of use where root buses have slots for all.
"""

from ...schema.firmware.budget import PAGE
from ...schema.pci.controllers import RESERVES
from ...schema.request.guest import Guest
from .connectors import connector_of, iommu_group
from .things import ROOT_PORTS, Bridge, SeatedItem, SpareRoom, Things, candidate

ROOT_SLOTS = 29
"""Slots of q35's root bus that are never the chipset's."""
LEFT_BY_ONE = {name: {"bus-reserve": 1, "io-reserve": PAGE}.get(name, 0) for name in RESERVES}
"""A reserve up to this is used up by one device."""
CONVENTIONAL_BUSES = frozenset({"pcie-pci-bridge", "pci-bridge", "i82801b11-bridge", "pxb"})


def candidates(guest: Guest, things: Things, *, apart: bool) -> tuple[Bridge, ...]:
    """In an order in which parents can stand before children, if those of one model are counted off breadth first."""
    if guest.machine_model.family == "q35":
        counts = _on_q35(guest, things, apart=apart)
    else:
        counts = {"pci-bridge": _bridges(guest, things, apart=apart)}
    expander = "pxb-pcie" if guest.machine_model.family == "q35" else "pxb"
    created = [candidate(expander, number, node) for number, node in enumerate(wished_nodes(things))]
    return (*created, *(candidate(model, number) for model, count in counts.items() for number in range(count)))


def wished_nodes(things: Things) -> list[int]:
    """NUMA nodes of devices, spare slots and of controllers that are no expanders."""
    nodes = {item.node for item in things.items} | {room.spare.numa for room in things.rooms}
    nodes |= {bridge.node for bridge in things.bridges if not bridge.is_expander}
    return sorted(node for node in nodes if node is not None)


def _on_q35(guest: Guest, things: Things, *, apart: bool) -> dict[str, int]:
    conventional = _on_conventional(guest, things) if apart else _converters(guest, things)
    behind_ports = _on_ports(guest, things) + conventional
    matter = _switches_matter(guest, things, apart=apart)
    # a downstream port that the request lists needs a switch in any case
    listed = sum(one.model == "xio3130-downstream" and one.slot is None for one in things.bridges)
    wanted = behind_ports + listed if matter else listed
    switches = wanted if apart else min(_regions(guest, things) + len(guest.order), wanted)
    below = matter and (switches or any(one.model == "x3130-upstream" for one in things.bridges))
    return {
        "pcie-root-port": behind_ports + switches + _zeroless(things, ROOT_PORTS),
        "x3130-upstream": switches,
        "xio3130-downstream": (behind_ports + switches) * bool(below) + _zeroless(things, {"xio3130-downstream"}),
        "pcie-pci-bridge": conventional,
        "pci-bridge": _bridges(guest, things, apart=apart)
        if apart or _bridges_matter(things)
        else _zeroless(things, {"pci-bridge"}),
    }


def _regions(guest: Guest, things: Things) -> int:
    """The main root's complex, each expander's, and what is inside a demanded controller that is not like others."""
    expanders = sum(one.is_expander for one in things.bridges)
    return 1 + len(wished_nodes(things)) + expanders + sum(_is_special(guest, one) for one in things.bridges)


def _is_special(guest: Guest, bridge: Bridge) -> bool:
    """It keeps room, ends ACPI's reach, or opens a window even where nothing with IO is inside."""
    if bridge.is_expander:
        return False
    opens = bridge.shpc or (guest.machine_model.port_io_reserve and bridge.is_port)
    return opens or not bridge.hotplug or not RESERVES.isdisjoint(bridge.given)


def _open_items(things: Things) -> list[SeatedItem]:
    return [item for item in things.items if item.slot is None]


def _on_ports(guest: Guest, things: Things) -> int:
    """What may take the slot of a port, controllers that are created for others left out."""
    items = sum(_fits(guest, item, "port") for item in _open_items(things))
    demanded = sum(one.slot is None and one.model in ("x3130-upstream", "pcie-pci-bridge") for one in things.bridges)
    return items + demanded + sum(room.spare.kind == "pcie" for room in things.rooms)


def _on_conventional(guest: Guest, things: Things) -> int:
    items = sum(_fits(guest, item, "conventional") for item in _open_items(things))
    demanded = sum(one.slot is None and one.model == "pci-bridge" for one in things.bridges)
    return items + demanded + sum(room.spare.kind == "pci" for room in things.rooms)


def _fits(guest: Guest, item: SeatedItem, bus: str) -> bool:
    refused = {"port": {"conventional", "integrated"}, "conventional": {"express", "integrated"}}[bus]
    return all(connector_of(guest, one) not in refused for one in item.members)


def keeping(room: SpareRoom) -> bool:
    """Whether something must keep room for what will be plugged in behind a conventional bridge."""
    return room.spare.kind == "pci" and bool(room.spare.io or room.spare.memory)


def _kept(things: Things) -> int:
    return sum(keeping(room) for room in things.rooms)


def _bridges(guest: Guest, things: Things, *, apart: bool) -> int:
    kept, wanted = _kept(things), _on_conventional(guest, things)
    one_each = _own_spaces(guest, things) + len(guest.order)
    most = wanted if apart else _regions(guest, things) + kept + one_each
    return min(wanted, most) + kept // 2 + _zeroless(things, {"pci-bridge"})


def _bridges_matter(things: Things) -> bool:
    """On q35: a created pcie-pci-bridge has room for all, so a pci-bridge helps only where the request has buses of
    its own, or pci-bridges to be placed, or where something must be kept."""
    return bool(_kept(things)) or any(one.model in CONVENTIONAL_BUSES for one in things.bridges)


def _converters(guest: Guest, things: Things) -> int:
    """pcie-pci-bridges: one a region, one more a region for what must be below a switch, and for what is kept."""
    places = _regions(guest, things) * (2 if _wants_switch(things) else 1)
    return min(_on_conventional(guest, things), places + _kept(things) + _own_spaces(guest, things) + len(guest.order))


def _own_spaces(guest: Guest, things: Things) -> int:
    """IOMMU groups that may want a bridge's address space for themselves; also of what is pinned inside a bridge that
    needs one above."""
    wanting = (item for item in things.items if item.slot is not None or _fits(guest, item, "conventional"))
    members = (one for item in wanting for one in item.members)
    return len({iommu_group(guest, one) for one in members} - {None})


def _wants_switch(things: Things) -> bool:
    return any(one.device.near_switch for item in things.items for one in item.members)


def _switches_matter(guest: Guest, things: Things, *, apart: bool) -> bool:
    """Whether a created switch, or a port on one, may be better than ports on root buses.

    Where each root bus has a slot for everything, such a port does all that one below a switch does, less deep, but
    keep two devices below one switch, fill gaps between windows, or make use of what a port reserves anyway, where one
    device leaves some of it: bus numbers, pages, memory where that decides; or on pc-q35-6.1, where root ports reserve
    a page each, but downstream ports do not.
    """
    decisive = {name: least for name, least in LEFT_BY_ONE.items() if apart or name in ("bus-reserve", "io-reserve")}
    reserved = any((one.number(name) or 0) > least for one in things.bridges for name, least in decisive.items())
    fills_gaps = apart and guest.firmware.name == "ovmf"
    if _wants_switch(things) or reserved or guest.machine_model.port_io_reserve or fills_gaps:
        return True
    roots = {guest.machine_model.root, *(one.key for one in things.bridges if one.model == "pxb-pcie")}
    full = {(pin.bus, pin.slot) for pin in guest.reserve if pin.bus in roots}
    full |= {thing.slot for thing in things.pinned if thing.slot is not None and thing.slot[0] in roots}
    seats = len(things.items) + len(things.rooms) + len(things.bridges) + _on_conventional(guest, things)
    return len(full) + seats > ROOT_SLOTS


def _zeroless(things: Things, models: frozenset[str] | set[str]) -> int:
    """Demanded controllers of these models that are no function 0: each may need another for that."""
    return sum(one.model in models and one.functions is not None and 0 not in one.functions for one in things.bridges)
