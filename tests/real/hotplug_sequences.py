"""Random layouts with room for hot-plug, and random steps: devices that come and go."""

from collections.abc import Callable

from qslot.schema import Guest, Layout
from qslot.schema.formats.hotplug import HotplugStep
from qslot.solver import solve
from qslot.testing.generator import SeededDraw
from qslot.testing.generator.hotplug_steps import draw_plugged, draw_step, draw_unplugged

from .this_qemu import here


class Drawn:
    """A guest that lives: its layout now, and what comes next."""

    def __init__(self, seed: int) -> None:
        self._draw = SeededDraw(seed)
        self._number = 0
        q35 = seed % 2 == 0
        integer = self._draw.integer
        pcie = {"kind": "pcie", "count": integer(1, 4)}
        with_io = {"kind": "pcie", "count": integer(1, 2), "io": 4096}
        bridge = {"kind": "pci", "count": integer(2, 6)}
        machine = "q35" if q35 else "pc"
        spare = [pcie, with_io, bridge] if q35 else [bridge]
        nested = [{"id": "br1", "model": "pci-bridge"}] if not q35 and self._draw.chance(0.5) else []
        devices = [{"id": "net0", "model": "virtio-net", "hotplug": "required"}, {"id": "nic1", "model": "e1000"}]
        request = {"machine": machine, "devices": devices, "spare": spare, "controllers": nested}
        self.layout: Layout = here(solve(Guest.model_validate(request)).require())

    def plugged(self) -> HotplugStep | None:
        """A device more, if a slot takes the one that is drawn."""
        return self._done(lambda: draw_plugged(self._draw, self.layout, self._number))

    def unplugged(self) -> HotplugStep | None:
        """A device less, if the one that is drawn can go."""
        return self._done(lambda: draw_unplugged(self._draw, self.layout))

    def step(self) -> HotplugStep | None:
        """One or the other."""
        return self._done(lambda: draw_step(self._draw, self.layout, self._number))

    def _done(self, drawn: Callable[[], HotplugStep | None]) -> HotplugStep | None:
        self._number += 1
        step = drawn()
        if step is not None:
            self.layout = step.layout
        return step
