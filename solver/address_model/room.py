"""What runs out: IO ports and bus numbers, and who keeps room for spare slots. IO is counted in pages of 4 KiB."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ...schema.firmware.budget import PAGE, io_budget, power_of_two
from ...schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from .things import Bridge
from .tree import Tree, is_port
from .variables import Expression, Seats

PAGES = 17
"""More than either firmware has: a layout with such a window breaks io-space."""
MOST = 255
"""Bus numbers beside the main root's own."""


@dataclass
class IoSpace:
    """Windows of every bridge, exactly; `root_windows` is W of docs/semantics.md."""

    seats: Seats
    tree: Tree
    windows: dict[str, Expression] = field(default_factory=dict)
    parts: dict[tuple[str, str], Expression] = field(default_factory=dict)
    """Of a bridge's window, what it takes on that bus: all or nothing."""
    kept: dict[str, list[Expression]] = field(default_factory=dict)
    """Bridges and ports that must have an io-reserve of their whole window, each where one of these is 1."""

    def __post_init__(self) -> None:
        self.seabios = self.seats.guest.firmware.name == "seabios"
        for key in self.seats.bridges:
            self.windows[key] = self._pages(f"window of {key}")
        for key in self.seats.bridges:
            self._divide(key)
        self.content = {key: self._bridge(bridge) for key, bridge in self.seats.bridges.items()}
        for key, bridge in self.seats.bridges.items():
            self._room_for_spares(bridge)
        for key, bridge in self.seats.bridges.items():
            self._io_reserve(bridge)
        self._io_space()

    def _pages(self, name: str, most: int = PAGES) -> Expression:
        return self.seats.model.new_int_var(0, most, name)

    def _divide(self, key: str) -> None:
        """The window counts on the bus that the bridge is on, and on no other."""
        model = self.seats.model
        for bus, here in self.seats.on[key].items():
            if isinstance(here, int):
                self.parts[key, bus] = self.windows[key]
            else:
                part = self.parts[key, bus] = self._pages(f"window of {key} on {bus}")
                model.add(part <= PAGES * here)
        mine = [self.parts[key, bus] for bus in self.seats.on[key]]
        model.add(sum(mine) == self.windows[key])

    def nested(self, bus: str) -> Expression:
        return sum(part for (_, place), part in self.parts.items() if place == bus)

    def devices(self, bus: str) -> Expression:
        """Bytes of the IO BARs of devices on the bus."""
        here, behind_port = self.seats.on_bus.get(bus, {}), is_port(self.seats, bus)
        items = [item for item in self.seats.things.items if item.key in here]
        return sum(item.io(behind_port=behind_port) * here[item.key] for item in items)

    def spares(self, bus: str) -> Expression:
        """Bytes that pci spare slots on the bus ask for."""
        here = self.seats.on_bus.get(bus, {})
        rooms = [room for room in self.seats.things.rooms if room.key in here and room.spare.kind == "pci"]
        return sum(room.spare.io * here[room.key] for room in rooms)

    def _rounded(self, size: Expression, name: str) -> Expression:
        """Bytes as whole pages."""
        pages = self._pages(name)
        self.seats.model.add(PAGE * pages >= size)
        self.seats.model.add(PAGE * pages <= size + PAGE - 1)
        return pages

    def _bridge(self, bridge: Bridge) -> Expression:
        """States its window; gives what needs it: pages on its bus and windows of the bridges there."""
        model, key = self.seats.model, bridge.key
        direct = self._rounded(self.devices(key) + self.spares(key), f"pages on {key}")
        content = direct + self.nested(key)
        if bridge.model == "pxb-pcie":
            model.add(self.windows[key] == content)  # counts what its ports have
            return content
        reserve = self._reserved(bridge)
        empty = self._opens_empty(bridge, content)
        model.add_max_equality(self.windows[key], [content + empty, reserve])
        return content

    def _opens_empty(self, bridge: Bridge, content: Expression) -> Expression:
        """SeaBIOS opens a page for a bridge with SHPC, though nothing is there."""
        if not self.seabios or bridge.model not in ("pci-bridge", "pcie-pci-bridge") or not bridge.shpc:
            return 0
        model, key = self.seats.model, bridge.key
        filled, opens = model.new_bool_var(f"{key} has IO"), model.new_bool_var(f"{key} opens for nothing")
        model.add(content >= 1).only_enforce_if(filled)
        model.add(content == 0).only_enforce_if(~filled)
        model.add(opens <= 1 - filled)
        model.add(opens <= self.seats.exists[key])
        if self.tree.keeps_shpc(bridge):
            model.add(opens >= self.seats.exists[key] - filled)
            return opens
        rooms = [self.seats.on_bus[key][room.key] for room in self.seats.things.rooms if room.key in self.seats.on_bus.get(key, {})]
        reached = self.tree.reached[key]
        for needs_shpc in (*rooms, 1 - reached):
            model.add(opens >= self.seats.exists[key] + needs_shpc - 1 - filled)
        model.add(opens <= sum(rooms) + 1 - reached)
        return opens

    def heeded(self, bridge: Bridge) -> bool:
        """Whether the firmware looks at its reserves. (A created bridge with spare slots has SHPC.)"""
        if self.seabios:
            return True
        if bridge.model == "pci-bridge":
            return bridge.shpc
        return bridge.hotplug and not self.seats.guest.platform.port_io_reserve

    def _reserved(self, bridge: Bridge) -> Expression:
        """Pages that it opens at least: what the request says, pc-q35-6.1 says, or its spare slot asks for."""
        if bridge.model not in ("pcie-root-port", "pci-bridge") or not self.heeded(bridge):
            return 0
        asked = bridge.number("io-reserve")
        if asked is not None:
            return min(-(-asked // PAGE), PAGES)
        if bridge.model == "pci-bridge":
            return 0
        if self.seats.guest.platform.port_io_reserve and bridge.hotplug:
            return 1 if not bridge.created else self.seats.exists[bridge.key]
        return sum(self._asking(bridge, "pcie"))

    def _asking(self, bridge: Bridge, kind: str) -> list[Expression]:
        """Its spare slots that ask for IO."""
        here = self.seats.on_bus.get(bridge.key, {})
        rooms = [room for room in self.seats.things.rooms if room.key in here and room.spare.kind == kind]
        return [here[room.key] for room in rooms if room.spare.io]

    def _room_for_spares(self, bridge: Bridge) -> None:
        """Rule spare: what each spare slot asks for is kept, by its port, or by the keeper of its bus."""
        here = self.seats.on_bus.get(bridge.key, {})
        for room in self.seats.things.rooms:
            if room.key not in here or not (room.spare.io or room.spare.memory):
                continue
            if room.spare.kind == "pcie":
                if not self._keeps(bridge, "pref64-reserve", room.spare.memory, "io-reserve", room.spare.io):
                    self.seats.forbid(here[room.key])
            elif room.spare.memory:
                self._needs_keeper(bridge, here[room.key], lambda one, r=room: self._keeps(one, "mem-reserve", r.spare.memory))
        if self._asking(bridge, "pci"):
            self._io_for_spares(bridge)

    def _keeps(self, bridge: Bridge, *asked: str | int) -> bool:
        """Whether it can have reserves of at least these bytes, which the firmware heeds."""
        if bridge.model not in ("pcie-root-port", "pci-bridge") or not self.heeded(bridge):
            return False
        for name, size in zip(asked[::2], asked[1::2], strict=True):
            given = bridge.number(str(name))
            if size and given is not None and given < int(size):
                return False
            if size and name == "pref64-reserve" and "pref32-reserve" in bridge.given:
                return False
        return True

    def _needs_keeper(self, bridge: Bridge, where: Expression, able: Callable[[Bridge], bool]) -> None:
        """Where `where` is 1, the bridge's keeper is able: itself, or of a pcie-pci-bridge the port above."""
        if bridge.model == "pci-bridge":
            if not able(bridge):
                self.seats.forbid(where)
            return
        for port, here in self.seats.on[bridge.key].items():
            owner = self.seats.buses[port].owner
            if owner is not None and not able(owner):
                self.seats.model.add(where + here <= 1)

    def _io_for_spares(self, bridge: Bridge) -> None:
        """Where its spare slots take more pages than the firmware opens by itself, the keeper has all of its window."""
        model, key, spares = self.seats.model, bridge.key, self._asking(bridge, "pci")
        with_spares = self._rounded(self.devices(key) + self.spares(key), f"pages on {key} with spares")
        without = self._rounded(self.devices(key), f"pages of devices on {key}")
        opened = self._pages(f"pages that {key} opens by itself")
        model.add_max_equality(opened, [without, int(self.seabios and bridge.shpc)])
        short = model.new_bool_var(f"{key} is short of IO")
        model.add(with_spares <= opened).only_enforce_if(~short)
        model.add(with_spares >= opened + 1).only_enforce_if(short)
        self._needs_reserve(bridge, short)
        asked = sum(room.spare.io for room in self.seats.things.rooms if room.spare.kind == "pci")
        for one in spares if self.seabios and asked > PAGE else ():
            self._needs_keeper(bridge, one, self._may_reserve)

    def _needs_reserve(self, bridge: Bridge, short: Expression) -> None:
        if bridge.model == "pci-bridge":
            self.kept.setdefault(bridge.key, []).append(short)
            return
        for port, here in self.seats.on[bridge.key].items():
            owner = self.seats.buses[port].owner
            if owner is None:
                continue
            both = self.seats.model.new_bool_var(f"{port} keeps for {bridge.key}")
            self.seats.model.add(both >= short + here - 1)
            self.seats.model.add(both <= short)
            self.seats.model.add(both <= here)
            self.kept.setdefault(port, []).append(both)

    def _may_reserve(self, bridge: Bridge) -> bool:
        return bridge.model in ("pcie-root-port", "pci-bridge") and self.heeded(bridge)

    def _pads(self, bridge: Bridge) -> bool:
        """Whether OVMF opens a page for a port by itself: before 202308, for what looks hot-pluggable."""
        guest = self.seats.guest
        old = guest.firmware.name == "ovmf" and guest.firmware.number < NO_DEFAULT_IO_PADDING
        return old and bridge.is_port and bridge.hotplug and "io-reserve" not in bridge.given and not guest.platform.port_io_reserve

    def _io_reserve(self, bridge: Bridge) -> None:
        """Rule reserves, and that a keeper's io-reserve covers its window."""
        model, key = self.seats.model, bridge.key
        given = bridge.number("io-reserve")
        if given is not None and (given % PAGE or given < 0):
            model.add_bool_or([])
        if given == 0:
            model.add(self.content[key] == 0)
        for keeps in self.kept.get(key, ()):
            if not self._may_reserve(bridge):
                most = 1 if self._pads(bridge) else 0
                model.add(self.windows[key] <= most).only_enforce_if(keeps)
            elif given is not None:
                model.add(self.windows[key] <= given // PAGE).only_enforce_if(keeps)

    def _io_space(self) -> None:
        seats, root = self.seats, self.seats.guest.platform.root
        budget = io_budget(seats.guest.platform, seats.guest.firmware.name)
        bars = self.devices(root) + self.spares(root) + seats.guest.platform.io_bytes
        self.root_windows = self.nested(root)
        if budget.root_granule == PAGE:
            bars = PAGE * self._rounded(bars, "pages of the root bus")
        seats.model.add(PAGE * self.root_windows + bars + self._lost() <= budget.limit)

    def _lost(self) -> Expression:
        """OVMF: bytes that no window gets, as the largest io-reserve of the main complex is aligned to its size."""
        seats = self.seats
        budget = io_budget(seats.guest.platform, seats.guest.firmware.name)
        if self.seabios:
            return 0
        lost = seats.model.new_int_var(0, budget.limit, "lost to alignment")
        for key, bridge in seats.bridges.items():
            given = bridge.number("io-reserve")
            if not self._may_reserve(bridge):
                continue
            on_main = 1 - self.tree.off_main(key)
            if given is not None:
                seats.model.add(lost >= budget.lost_to(max(PAGE, power_of_two(given))) * on_main)
                continue
            for keeps in self.kept.get(key, ()):
                self._lost_to_keeper(lost, key, keeps, on_main)
        return lost

    def _lost_to_keeper(self, lost: Expression, key: str, keeps: Expression, on_main: Expression) -> None:
        """By steps: a window of more than 1, 2, 4, 8 pages is aligned to the next power of two."""
        model = self.seats.model
        budget = io_budget(self.seats.guest.platform, "ovmf")
        for step in (1, 2, 4, 8, 16):
            bytes_lost = budget.lost_to(PAGE * step * 2)
            larger = model.new_bool_var(f"{key} reserves more than {step} pages")
            model.add(self.windows[key] <= step).only_enforce_if(~larger)
            model.add(lost >= bytes_lost * (larger + keeps + on_main - 2))


@dataclass
class BusNumbers:
    """Rule bus-numbers: counted only where the request reserves numbers or fixes a range; 256 are enough otherwise."""

    seats: Seats
    tree: Tree
    starts: dict[str, Expression] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bridges = self.seats.bridges
        speaks = any({"bus-reserve", "bus_nr"} & one.given.keys() for one in bridges.values())
        if not speaks:
            return
        self.sizes = {key: self.seats.model.new_int_var(0, MOST, f"numbers of {key}") for key in bridges}
        self.parts: dict[tuple[str, str], Expression] = {}
        for key in bridges:
            self._divide(key)
        for key, bridge in bridges.items():
            self._size(bridge)
        self._ranges()

    def _divide(self, key: str) -> None:
        model = self.seats.model
        for bus, here in self.seats.on[key].items():
            part = self.parts[key, bus] = model.new_int_var(0, MOST, f"numbers of {key} on {bus}")
            model.add(part <= MOST * here)
        model.add(sum(self.parts[key, bus] for bus in self.seats.on[key]) == self.sizes[key])

    def _below(self, bus: str) -> Expression:
        """Numbers used below a bus; an expander's are its own complex's."""
        bridges = self.seats.bridges
        return sum(part for (key, place), part in self.parts.items() if place == bus and not bridges[key].is_expander)

    def _size(self, bridge: Bridge) -> None:
        model, below, exists = self.seats.model, self._below(bridge.key), self.seats.exists[bridge.key]
        own = 2 if bridge.model == "pxb" else 1
        reserve = bridge.number("bus-reserve")
        if reserve is None:
            model.add(self.sizes[bridge.key] == own * exists + below)
        else:
            model.add(below <= reserve - 1)  # rule reserves: it exceeds the buses below
            model.add(self.sizes[bridge.key] == own + max(reserve, 0))

    def _ranges(self) -> None:
        """Each complex has its own, the main root's from 0."""
        model, root = self.seats.model, self.seats.guest.platform.root
        main = 1 + self._below(root)
        spans = []
        for bridge in self.seats.roots:
            fixed = bridge.number("bus_nr")
            start = model.new_int_var(1, MOST, f"bus_nr of {bridge.key}") if fixed is None else fixed
            end = model.new_int_var(1, 256, f"end of {bridge.key}")
            size, exists = self.sizes[bridge.key], self.seats.exists[bridge.key]
            span = model.new_optional_interval_var(start, size, end, exists, f"range of {bridge.key}")
            spans.append(span)
            self.starts[bridge.key] = start
            model.add(start >= main).only_enforce_if(exists) if bridge.created else model.add(start >= main)
            for other in self.seats.bridges.values():
                if other.number("chassis_nr") is not None:
                    model.add(start != other.number("chassis_nr"))
        model.add_no_overlap(spans)
        model.add(main + sum(self.sizes[one.key] for one in self.seats.roots) <= 256)

