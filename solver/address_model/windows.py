"""IO windows of every bridge, exactly, in pages of 4 KiB."""

from dataclasses import field

from ...schema.firmware.budget import PAGE, io_budget
from ...schema.records import record
from .reserves import io_reserve
from .things import BRIDGES_WITH_SHPC, Bridge, SpareRoom
from .tree import Tree, is_port
from .variables import Expression, Seats


@record
class WindowPages:
    """`of` is each bridge's window; `content` what needs it: pages on its bus, and windows of the bridges there."""

    seats: Seats
    tree: Tree
    of: dict[str, Expression] = field(default_factory=dict)
    content: dict[str, Expression] = field(default_factory=dict)
    most: int = field(init=False)
    """Pages of the largest window that keeps rule io-space."""
    _parts: dict[str, dict[str, Expression]] = field(default_factory=dict)
    """What each bridge's window takes on a bus, by that bus: all, or nothing."""

    def __post_init__(self) -> None:
        guest = self.seats.guest
        self.most = io_budget(guest.machine_model, guest.firmware.name).limit // PAGE
        for key in self.seats.bridges:
            self.of[key] = self.seats.model.new_int_var(0, self.most, f"window of {key}")
            self._divide(key)
        for bridge in self.seats.bridges.values():
            self._state(bridge)
        self._enclose()

    def _divide(self, key: str) -> None:
        """The window counts on the bus that the bridge is on, and on no other."""
        model, parts = self.seats.model, []
        for bus, here in self.seats.on[key].items():
            part = model.new_int_var(0, self.most, f"window of {key} on {bus}")
            model.add(part <= self.most * here)
            self._parts.setdefault(bus, {})[key] = part
            parts.append(part)
        model.add(sum(parts) == self.of[key])

    def _enclose(self) -> None:
        """What reserves ports inside a bridge, however deep, is in its window beside what is on its bus; and it is on a
        root bus, or inside a bridge that is. Follows, but where several reserve not without search."""
        seats = self.seats
        roots = {seats.guest.machine_model.root, *(root.key for root in seats.roots)}
        outermost = {key: sum(here for bus, here in seats.on[key].items() if bus in roots) for key in seats.bridges}
        reserving = [key for key, one in seats.bridges.items() if one.number("io-reserve") and key not in roots]
        for key in reserving if len(reserving) > 1 else ():
            above = self.tree.above[key] - roots - {key}
            around = [self._inside_outermost(key, one, outermost[one]) for one in seats.bridges if one in above]
            seats.model.add(outermost[key] + sum(around) == seats.exists[key])

    def _inside_outermost(self, key: str, holder: str, outermost: Expression) -> Expression:
        """Whether it is inside that one, and that one is on a root bus."""
        model, inside = self.seats.model, self.tree.inside(holder)[key]
        beside = self.content[holder] - self.on_bus(holder)
        model.add(self.of[holder] >= beside + self.of[key]).only_enforce_if(inside)
        model.add(inside + self.tree.inside(key)[holder] <= 1)
        both = model.new_bool_var(f"{key} < {holder} on a root bus")
        self.seats.implies(both, inside)
        self.seats.implies(both, outermost)
        model.add(both >= inside + outermost - 1)
        return both

    def on_bus(self, bus: str) -> Expression:
        """Of all bridges there."""
        return sum(self._parts.get(bus, {}).values())

    def on_main_root(self) -> Expression:
        """Of the bridges there that are no expanders."""
        parts = self._parts.get(self.seats.guest.machine_model.root, {})
        return sum(part for key, part in parts.items() if not self.seats.bridges[key].is_expander)

    def devices(self, bus: str) -> Expression:
        """Bytes of the IO BARs of devices on the bus."""
        here, behind_port = self.seats.on_bus.get(bus, {}), is_port(self.seats, bus)
        items = [item for item in self.seats.things.items if item.key in here]
        return sum(item.io(behind_port=behind_port) * here[item.key] for item in items)

    def spares(self, bus: str) -> Expression:
        """Bytes that pci spare slots on the bus ask for."""
        rooms = rooms_on(self.seats, bus, "pci")
        return sum(room.spare.io * here for room, here in rooms)

    def rounded(self, size: Expression, name: str) -> Expression:
        """Bytes as whole pages."""
        pages = self.seats.model.new_int_var(0, self.most, name)
        self.seats.model.add(PAGE * pages >= size)
        self.seats.model.add(PAGE * pages <= size + PAGE - 1)
        return pages

    def _state(self, bridge: Bridge) -> None:
        model, key = self.seats.model, bridge.key
        direct = self.rounded(self.devices(key) + self.spares(key), f"pages on {key}")
        content = self.content[key] = direct + self.on_bus(key)
        if bridge.model == "pxb-pcie":
            model.add(self.of[key] == content)  # a root bus of its own: what its ports have
            return
        model.add_max_equality(self.of[key], [content + self._for_nothing(bridge), self.reserved(bridge)])

    def reserved(self, bridge: Bridge) -> Expression:
        """Pages that it opens at least: by the request, by the machine, or for its pcie spare slot."""
        asking = [here for room, here in rooms_on(self.seats, bridge.key, "pcie") if room.spare.io]
        return io_reserve(self.seats.guest, bridge, self.seats.exists[bridge.key], sum(asking), self.most + 1)

    def _for_nothing(self, bridge: Bridge) -> Expression:
        """SeaBIOS opens a page for a bridge with SHPC, though nothing there has IO."""
        if self.seats.guest.firmware.name != "seabios" or bridge.model not in BRIDGES_WITH_SHPC or not bridge.shpc:
            return 0
        model, key, exists = self.seats.model, bridge.key, self.seats.exists[bridge.key]
        filled, opens = model.new_bool_var(f"{key} has IO"), model.new_bool_var(f"{key} opens for nothing")
        model.add(self.content[key] >= 1).only_enforce_if(filled)
        model.add(self.content[key] == 0).only_enforce_if(~filled)
        model.add(opens <= 1 - filled)
        model.add(opens <= exists)
        needs_shpc = self._needs_shpc(bridge)
        for need in needs_shpc:
            model.add(opens >= exists + need - 1 - filled)
        model.add(opens <= sum(needs_shpc))
        return opens

    def _needs_shpc(self, bridge: Bridge) -> list[Expression]:
        """Each a reason why it has SHPC; the planner turns off that of its own bridges where there is none."""
        if self.tree.keeps_shpc(bridge):
            return [1]
        spare = [here for _, here in rooms_on(self.seats, bridge.key, "pci")]
        return [*spare, 1 - self.tree.reached[bridge.key]]


def rooms_on(seats: Seats, bus: str, kind: str) -> list[tuple[SpareRoom, Expression]]:
    """Spare slots of a kind that may be on the bus, each with whether it is."""
    here = seats.on_bus.get(bus, {})
    return [(room, here[room.key]) for room in seats.things.rooms if room.key in here and room.spare.kind == kind]
