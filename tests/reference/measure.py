"""What a tree costs and which rules it breaks: docs/semantics.md, needs, capacities and objective.

A tree under construction is judged by what already stands in it. Nothing that is added later mends a broken rule or
lowers a cost, so `measure` of a part is a lower bound for the whole, and `Broken` is final. Rules of another kind are
asked elsewhere: function 0, room for spare slots, memory. What hangs below a controller that has no place yet is not
judged.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import product

from qslot.schema.request.resolved import ResolvedDevice

from .request import Problem, connector_of, deciding, iommu_group
from .tree import Bus, Controller, Item, SpareSlot, Thing

PAGE = 4096
LIMITS = {
    (family, firmware, acpi): limit
    for family, firmware, limit in (("q35", "seabios", 0xF000), ("pc", "seabios", 0x9000), ("q35", "ovmf", 0xA000))
    for acpi in (True, False)
} | {("pc", "ovmf", True): 0x4000, ("pc", "ovmf", False): 0x4000, ("q35", "seabios", False): 0xA000}
"""By machine family, firmware and whether there is ACPI."""
BYPASSED = object()
"""The address space of all that bypasses the vIOMMU."""
OVMF_OPENS_NO_WINDOW = (2023, 8)
"""From this version on."""
Costs = dict[str, int]


class Broken(Exception):  # noqa: N818 - a verdict, not an error
    """A rule is broken, whatever comes."""


class Place:
    """Where a bus is: its depth, its expander if any, the upstream ports and the ports without hot-plug above it."""

    __slots__ = ("depth", "dull", "expander", "upstreams")

    def __init__(
        self, depth: int, expander: Controller | None, upstreams: tuple[Controller, ...], dull: frozenset[Controller]
    ) -> None:
        self.depth = depth
        self.expander = expander
        self.upstreams = upstreams
        self.dull = dull

    def below(self, controller: Controller) -> "Place":
        expander = controller if controller.is_expander else self.expander
        ups = (*self.upstreams, controller) if controller.model == "x3130-upstream" else self.upstreams
        return Place(self.depth + 1, expander, ups, self.dull | (set() if controller.hotplug else {controller}))

    def in_acpi(self, owner: Controller) -> bool:
        """Of the bus of `owner`: nothing above that controller keeps ACPI hot-plug away."""
        return self.expander is None and not self.dull - {owner}


class Measure:
    """One walk over the tree. `node_of` gives the NUMA node of created expanders too."""

    def __init__(self, problem: Problem, controllers: list[Controller], io_to_come: int = 0) -> None:
        """`io_to_come` are bytes of IO that things not placed yet will bring below bridges."""
        self.problem = problem
        self.guest = problem.guest
        self.q35 = self.guest.machine_model.family == "q35"
        self.seabios = self.guest.firmware.name == "seabios"
        self.spaces: dict[object, set[object]] = {}
        """With a vIOMMU, the address spaces of the devices of each IOMMU group."""
        self.opens_for_shpc = self.seabios or self.guest.firmware.number < OVMF_OPENS_NO_WINDOW
        """Whether the firmware opens a page for a bridge with SHPC by itself."""
        self.libvirt = self.guest.policy.preset == "libvirt"
        self.controllers = controllers
        self.places: dict[Bus, Place] = {}
        self.preferences = self.depth = 0
        self.windows = 0
        self.main_root_windows = 0
        """W without what is below expanders, which have ranges of their own."""
        self.largest_reserve = 0
        """Below the main root bus, not below expanders."""
        self.io_below_root = io_to_come
        self.root_io = self.guest.machine_model.io_bytes

    def run(self) -> Costs:
        """Raises Broken."""
        self.preferences = sum(c.created and c.model == "x3130-upstream" for c in self.controllers)
        limit = self.guest.policy.max_controllers
        if limit is not None and len(self.controllers) > limit:
            raise Broken("max-controllers")
        self.walk(self.problem.root, Place(0, None, (), frozenset()))
        self.windows = max(self.root_windows(), -(-self.io_below_root // PAGE))
        self.near()
        self.iommu_groups()
        self.io_space()
        self.bus_numbers()
        return {
            "moved": 0,
            "guest_visible": 0,
            "preferences": self.preferences,
            "io_windows": self.windows * PAGE,
            "controllers": len(self.controllers),
            "depth": self.depth,
        }

    def walk(self, bus: Bus, place: Place) -> None:
        self.places[bus] = place
        for things in bus.slots.values():
            for thing in things:
                self.numa(thing, place)
                if isinstance(thing, Controller):
                    self.walk(thing.offers, place.below(thing))
                elif isinstance(thing, Item):
                    self.item(thing, bus, place)
                else:
                    assert isinstance(thing, SpareSlot)
                    self.spare(thing, bus)

    # one thing at a time

    def numa(self, thing: Thing, place: Place) -> None:
        if isinstance(thing, Controller) and thing.is_expander:
            return
        if thing.wish is not None and (place.expander is None or place.expander.wish != thing.wish):
            raise Broken("numa")

    def item(self, item: Item, bus: Bus, place: Place) -> None:
        limit = self.guest.policy.max_depth
        if limit is not None and place.depth > limit:
            raise Broken("max-depth")
        alone = len(bus.slots[item.slot]) == 1 and not (bus.is_root and item.slot == bus.chipset_slot)
        met = alone and self.takes_hotplug(bus, item.slot) and (item.functions is None or bool(item.functions & 1))
        if item.required and not met:
            raise Broken("hotplug")
        for one in item.devices:
            self.depth += place.depth
            self.preferences += self.preference(one, bus)
            self.preferences += 8 * (item.need == "preferred" and not met)
            self.preferences += 2 * (not alone)
            self.preferences += 2 * (item.wish is None and place.expander is not None)
            if (group := iommu_group(self.guest, one)) is not None:
                self.spaces.setdefault(group, set()).add(space_of(bus) or one.device.id)
            if bus.kind not in deciding(one):
                raise Broken("virtio-slot")
        if self.libvirt and not item.pinned and not bus.is_root and not self.takes_hotplug(bus, item.slot):
            raise Broken("preset")

    def preference(self, one: ResolvedDevice, bus: Bus) -> int:
        if not self.q35:
            return 0
        total = int(one.chipset_place is not None and not bus.is_root)
        connector = connector_of(self.guest, one)
        if connector in ("express", "hybrid"):
            total += 4 * (bus.kind in ("conventional", "express-root"))
        return total + 4 * (connector == "legacy virtio" and bus.kind == "port")

    def spare(self, spare: SpareSlot, bus: Bus) -> None:
        if not self.takes_hotplug(bus, spare.slot):
            raise Broken("spare")
        wanted, owner = spare.spare, bus.owner
        if owner is None:
            return  # the root bus has room
        if wanted.kind == "pci":
            # whether IO needs one, too, is asked when all is placed: the window that others open may have room
            if wanted.memory > 0 and keeper_of(bus) is None:
                raise Broken("spare")
        elif wanted.io or wanted.memory:
            if owner.model != "pcie-root-port" or not owner.heeded or (wanted.io and owner.io_reserve == 0):
                raise Broken("spare")
            if wanted.memory and ("pref32-reserve" in owner.stated or beyond(owner, "pref64-reserve", wanted.memory)):
                raise Broken("spare")

    def in_acpi(self, bus: Bus, owner: Controller) -> bool:
        """Whether ACPI can offer hot-plug on the bus of `owner`. QEMU 8.0 and newer go on below ports without it."""
        place = self.places[bus]
        return place.in_acpi(owner) if self.guest.qemu_version < (8, 0) else place.expander is None

    def takes_hotplug(self, bus: Bus, slot: int) -> bool:
        owner = bus.owner
        if owner is None:
            return self.guest.machine_model.root_hotplug
        if bus.kind == "port":
            if self.guest.machine_model.family == "pc" and self.guest.chipset.acpi:
                reached = self.in_acpi(bus, owner) and self.guest.chipset.bridge_hotplug is not False
                return owner.hotplug and reached
            machine = self.guest.machine_model
            natively = self.places[bus].expander is not None or not machine.acpi_bridge_hotplug
            return owner.hotplug and (self.in_acpi(bus, owner) or (machine.native_hotplug and natively))
        if slot == 0 or owner.model not in ("pcie-pci-bridge", "pci-bridge"):
            return False
        if self.in_acpi(bus, owner) and self.guest.machine_model.acpi_bridge_hotplug:
            return True
        return owner.model == "pcie-pci-bridge" or owner.shpc

    # all together

    def near(self) -> None:
        for one, other in self.problem.near:
            first, second = self.place_of(one), self.place_of(other)
            if first is not None and second is not None and first.expander is not second.expander:
                raise Broken("near")
        for one, other in self.problem.near_switch:
            first, second = self.place_of(one), self.place_of(other)
            if first is not None and not first.upstreams:
                raise Broken("near-switch")
            if first is not None and second is not None and not set(first.upstreams) & set(second.upstreams):
                raise Broken("near-switch")

    def iommu_groups(self) -> None:
        """A group with several spaces breaks the rule; several groups in one space cost."""
        if any(len(spaces) > 1 for spaces in self.spaces.values()):
            raise Broken("iommu-group")
        self.preferences += 2 * (len(self.spaces) - len(frozenset[object]().union(*self.spaces.values())))

    def place_of(self, thing: Thing) -> Place | None:
        return None if thing.bus is None else self.places.get(thing.bus)

    def root_windows(self) -> int:
        """W in pages; adds to R on the way, and to the bytes that W must hold: no sum of windows is less."""
        total = 0
        for thing in on(self.problem.root):
            if not isinstance(thing, Controller):
                self.root_io += self.io_of(thing)
            elif thing.model == "pxb-pcie":
                total += sum(self.pages(port) for port in on(thing.offers) if isinstance(port, Controller))
            else:
                pages = self.pages(thing)
                total += pages
                self.main_root_windows += 0 if thing.is_expander else pages
        return total

    def content(self, bridge: Controller) -> int:
        """What of a bridge's window devices, spare slots and the bridges on its bus take, in pages."""
        things = list(on(bridge.offers))
        direct = sum(self.io_of(thing) for thing in things if not isinstance(thing, Controller))
        self.io_below_root += direct
        return -(-direct // PAGE) + sum(self.pages(thing) for thing in things if isinstance(thing, Controller))

    def pages(self, bridge: Controller) -> int:
        """IO window of a bridge, in pages."""
        spare = [thing for thing in on(bridge.offers) if isinstance(thing, SpareSlot)]
        reserve = bridge.io_reserve or 0 if bridge.heeded else 0
        if self.places[bridge.offers].expander is None:
            self.largest_reserve = max(self.largest_reserve, reserve)
        if bridge.offers.kind == "port" and any(thing.spare.io for thing in spare):
            reserve = max(reserve, PAGE)
        pages = self.content(bridge)
        if pages and bridge.io_reserve == 0:
            raise Broken("reserves")
        if not pages and self.seabios and self.has_shpc(bridge, bool(spare)):
            pages = 1
        return max(pages, -(-reserve // PAGE))

    def opened(self, bridge: Controller) -> int:
        """Pages that the firmware opens by itself for the bridge, whose spare slots it does not know of."""
        things = list(on(bridge.offers))
        direct = sum(self.io_of(thing) for thing in things if isinstance(thing, Item))
        pages = -(-direct // PAGE) + sum(self.pages(thing) for thing in things if isinstance(thing, Controller))
        return pages or int(self.opens_for_shpc and self.has_shpc(bridge, spare=any(spares_on(bridge.offers))))

    def has_shpc(self, bridge: Controller, spare: bool) -> bool:
        """Of a bridge without IO below: the planner sets shpc=off on such bridges of its own where it may."""
        if self.libvirt and bridge.created:
            return bridge.model in ("pci-bridge", "pcie-pci-bridge")
        if bridge.model != "pci-bridge" or not bridge.created:
            return bridge.model == "pcie-pci-bridge" or (bridge.model == "pci-bridge" and bridge.shpc)
        outside = self.in_acpi(bridge.offers, bridge)
        return spare or not (outside and self.guest.machine_model.acpi_bridge_hotplug)

    def io_of(self, thing: Thing) -> int:
        """IO BARs on its bus, in bytes. A pcie spare's io is its port's reserve instead."""
        if isinstance(thing, SpareSlot):
            return thing.spare.io if thing.spare.kind == "pci" else 0
        assert isinstance(thing, Item)
        assert thing.bus is not None
        return thing.io_on_port if thing.bus.kind == "port" else thing.io_elsewhere

    def io_space(self) -> None:
        """W + R against the firmware's limit; SeaBIOS wants less than it, OVMF rounds R up and fills it."""
        limit = LIMITS[self.guest.machine_model.family, self.guest.firmware.name, self.guest.chipset.acpi]
        windows = self.windows * PAGE
        if self.seabios and windows + self.root_io >= limit:
            raise Broken("io-space")
        if self.seabios:
            return
        root_io, first = -(-self.root_io // PAGE) * PAGE, 0x10000 - limit
        if windows + root_io > limit:
            raise Broken("io-space")
        if self.largest_reserve:
            limit = 0x10000 - -(-first // self.largest_reserve) * self.largest_reserve
        if self.main_root_windows * PAGE + root_io > limit:
            raise Broken("io-space")

    def bus_numbers(self) -> None:
        main = 1
        expanders: list[tuple[Controller, int]] = []
        for thing in on(self.problem.root):
            if isinstance(thing, Controller):
                if thing.is_expander:
                    expanders.append((thing, self.numbers(thing)))
                else:
                    main += self.numbers(thing)
        if not ranges_fit(main, expanders):
            raise Broken("bus-numbers")

    def numbers(self, controller: Controller) -> int:
        below = sum(self.numbers(thing) for thing in on(controller.offers) if isinstance(thing, Controller))
        if controller.bus_reserve is not None:
            if below >= controller.bus_reserve:
                raise Broken("reserves")
            below = controller.bus_reserve
        return below + (2 if controller.model == "pxb" else 1)


def space_of(bus: Bus) -> object:
    """What shares an address space with all that is on the bus; None where each function has its own."""
    space: object = None
    above: Bus | None = bus
    while above is not None and above.owner is not None:
        if above.kind == "conventional":
            space = above
        if above.kind == "expander" and above.owner.bypasses:
            return BYPASSED
        above = above.owner.bus
    return space


def on(bus: Bus) -> Iterator[Thing]:
    for things in bus.slots.values():
        yield from things


def spares_on(bus: Bus) -> Iterator[SpareSlot]:
    return (thing for thing in on(bus) if isinstance(thing, SpareSlot))


def keeper_of(bus: Bus) -> Controller | None:
    """Who keeps room for a pci spare slot: a pci-bridge itself, where its reserves are heeded; nobody on a
    pcie-pci-bridge, to which the guest gives nothing of what the port above keeps."""
    bridge = bus.owner
    keeps = bridge is not None and bridge.model == "pci-bridge" and bridge.heeded
    return bridge if keeps else None


def beyond(keeper: Controller, reserve: str, wanted: int) -> bool:
    """Whether the request states less than that, in bytes."""
    return reserve in keeper.stated and keeper.stated[reserve] < wanted


def ranges_fit(main: int, expanders: list[tuple[Controller, int]]) -> bool:
    """Whether disjoint ranges of bus numbers exist: those with a bus_nr stand, the others go into the gaps."""
    fixed = sorted((c.bus_nr, size) for c, size in expanders if c.bus_nr is not None)
    loose = [size for c, size in expanders if c.bus_nr is None]
    starts = [0, *(start for start, _ in fixed)]
    ends = [main, *(start + size for start, size in fixed)]
    room = [following - end for following, end in zip([*starts[1:], 256], ends, strict=True)]
    for gaps in product(range(len(room)), repeat=len(loose)):
        filled = Counter[int]()
        for gap, size in zip(gaps, loose, strict=True):
            filled[gap] += size
        if all(filled[gap] <= free for gap, free in enumerate(room)):
            return True
    return False
