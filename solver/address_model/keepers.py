"""Who keeps room for spare slots, and what reserves cost: rules spare, reserves and io-space."""

from dataclasses import field

from ...schema.firmware.budget import PAGE, io_budget
from ...schema.pci.size import power_of_two
from ...schema.records import record
from .reserves import can_keep, may_reserve, opens_by_itself
from .things import Bridge
from .tree import Tree
from .variables import Expression, Seats
from .windows import WindowPages, rooms_on


@record
class Keepers:
    """A pci-bridge keeps room for its own spare slots; a pcie-pci-bridge has what it opens by itself."""

    seats: Seats
    tree: Tree
    windows: WindowPages
    whole: dict[str, Expression] = field(default_factory=dict)
    """Who reserves all of its window, if this is 1."""

    def __post_init__(self) -> None:
        for bridge in self.seats.bridges.values():
            self._ports(bridge)
            self._memory(bridge)
            if any(room.spare.io for room, _ in rooms_on(self.seats, bridge.key, "pci")):
                self._io(bridge)
        for bridge in self.seats.bridges.values():
            self._io_reserve(bridge)

    def _ports(self, port: Bridge) -> None:
        """Rule spare: the port of a pcie spare slot has reserves for what that asks for."""
        for room, here in rooms_on(self.seats, port.key, "pcie"):
            wanted = {"io-reserve": PAGE if room.spare.io else 0, "pref64-reserve": room.spare.memory}
            if not all(can_keep(self.seats.guest, port, name, size) for name, size in wanted.items() if size):
                self.seats.forbid(here)

    def _memory(self, bridge: Bridge) -> None:
        """Rule spare: the bridge of a pci spare slot has a mem-reserve for what that asks for."""
        rooms = [(room.spare.memory, here) for room, here in rooms_on(self.seats, bridge.key, "pci")]
        for memory, here in rooms:
            if memory and not can_keep(self.seats.guest, bridge, "mem-reserve", memory):
                self.seats.forbid(here)
        stated = bridge.number("mem-reserve")
        if stated is not None and rooms:
            self.seats.model.add(sum(memory * here for memory, here in rooms) <= stated)

    def _io(self, bridge: Bridge) -> None:
        """Where its spare slots take more pages than the firmware opens by itself, it reserves its whole window."""
        model, key, windows = self.seats.model, bridge.key, self.windows
        wanted = windows.rounded(windows.devices(key) + windows.spares(key), f"pages on {key} with spares")
        without = windows.rounded(windows.devices(key), f"pages of devices on {key}")
        nested = windows.on_bus(key)
        opened = model.new_int_var(0, 2 * windows.most, f"pages that {key} opens by itself")
        model.add_max_equality(opened, [without + nested, opens_by_itself(self.seats.guest, bridge)])
        short = model.new_bool_var(f"{key} is short of IO")
        model.add(wanted + nested <= opened).only_enforce_if(~short)
        model.add(wanted + nested >= opened + 1).only_enforce_if(short)
        if may_reserve(self.seats.guest, bridge):
            self.whole[key] = short
        else:
            model.add(short == 0)

    def _io_reserve(self, bridge: Bridge) -> None:
        """Rule reserves: 0 where no IO comes, else whole pages; and a keeper's covers its window."""
        model, key, given = self.seats.model, bridge.key, bridge.number("io-reserve")
        if given is not None and (given < 0 or given % PAGE):
            model.add_bool_or([])
        if given == 0:
            model.add(self.windows.content[key] == 0)
        if given is not None and key in self.whole:
            model.add(self.windows.of[key] <= given // PAGE).only_enforce_if(self.whole[key])

    def io_space(self) -> Expression:
        """Rule io-space; gives W, the pages of the windows on the main root bus."""
        guest = self.seats.guest
        root, budget = guest.machine_model.root, io_budget(guest.machine_model, guest.firmware.name)
        bars = self.windows.devices(root) + self.windows.spares(root) + guest.machine_model.io_bytes
        if budget.root_granule == PAGE:
            bars = PAGE * self.windows.rounded(bars, "pages of the root bus")
        pages = self.windows.on_bus(root)
        reserves = map(self.windows.reserved, self.seats.bridges.values())
        stated = (reserve for reserve in reserves if isinstance(reserve, int))
        self.seats.model.add(pages >= max(stated, default=0))  # follows, but not without search
        self.seats.model.add(PAGE * pages + bars <= budget.limit)
        # ranges of expanders may be in the ports that are lost to the main root's
        self.seats.model.add(PAGE * self.windows.on_main_root() + bars + self._lost() <= budget.limit)
        return pages

    def _lost(self) -> Expression:
        """OVMF: bytes that no window gets, as the largest io-reserve of the main complex is aligned to its size."""
        if self.seats.guest.firmware.name == "seabios":
            return 0
        budget = io_budget(self.seats.guest.machine_model, "ovmf")
        lost = self.seats.model.new_int_var(0, budget.limit, "lost to alignment")
        for key, bridge in self.seats.bridges.items():
            given, on_main = bridge.number("io-reserve"), 1 - self.tree.off_main(key)
            if not may_reserve(self.seats.guest, bridge):
                continue
            if given is not None:
                self.seats.model.add(lost >= budget.lost_to(max(PAGE, power_of_two(given))) * on_main)
                continue
            if key in self.whole:
                self._lost_to(lost, key, self.whole[key] + on_main)
        return lost

    def _lost_to(self, lost: Expression, key: str, reserves_on_main: Expression) -> None:
        """What a reserve of the whole window costs where both of that sum are 1: it is aligned to a power of two."""
        model, budget = self.seats.model, io_budget(self.seats.guest.machine_model, "ovmf")
        for step in (1, 2, 4, 8, 16):
            larger = model.new_bool_var(f"{key} reserves more than {step} pages")
            model.add(self.windows.of[key] <= step).only_enforce_if(~larger)
            model.add(lost >= budget.lost_to(PAGE * step * 2) * (larger + reserves_on_main - 2))
