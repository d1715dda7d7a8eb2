"""Where something sits, told without ids: QEMU, and a guest, know a device by its way from the root bus."""

from typing import NamedTuple

from ..layout.layout import Layout, PlacedController, Seat
from ..layout.topology import Topology, topology_of


class Step(NamedTuple):
    """A controller on the way: its model, and where it sits on the bus above."""

    model: str
    slot: int
    function: int


class Path(NamedTuple):
    """The controllers from the root bus down, then slot and function on the bus of the last one."""

    above: tuple[Step, ...]
    slot: int
    function: int

    def __str__(self) -> str:
        """Slot and function of each step, as in `02.0/00.0`."""
        steps = [*self.above, Step("", self.slot, self.function)]
        return "/".join(f"{step.slot:02x}.{step.function}" for step in steps)


def paths_of(layout: Layout, topology: Topology | None = None) -> dict[str, Path]:
    """By id, of every controller and device; without those whose bus nothing offers. Of equal ids the first counts.
    `topology` is the layout's, where that is known."""
    topology = topology_of(layout.machine_model, layout) if topology is None else topology
    ways: dict[str, tuple[Step, ...]] = {}
    for name, bus in topology.buses.items():  # parents first
        own = () if bus.controller is None else (_step(bus.controller),)
        ways[name] = own if bus.above is None else (*ways[bus.above.id], *own)
    found: dict[str, Path] = {}
    for seat in _seats(topology, layout):
        if seat.bus in ways:
            found.setdefault(seat.id, Path(ways[seat.bus], seat.slot, seat.function))
    return found


def _seats(topology: Topology, layout: Layout) -> list[Seat]:
    return [*(one for name, one in topology.controllers.items() if name in topology.buses), *layout.devices]


def _step(controller: PlacedController) -> Step:
    return Step(controller.model, controller.slot, controller.function)
