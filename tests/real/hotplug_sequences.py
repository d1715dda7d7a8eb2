"""Random layouts with room for hot-plug, and random steps: devices that come and go."""

from random import Random
from typing import Any, Final

from qslot.schema import Guest, Layout
from qslot.schema.errors import InputError
from qslot.schema.formats.hotplug import HotplugStep, plug, unplug
from qslot.solver import solve

from .this_qemu import here

KINDS: Final[tuple[tuple[dict[str, Any], ...], ...]] = (
    ({"model": "virtio-net"},),
    ({"model": "virtio-net", "virtio": "transitional"},),
    ({"model": "e1000"},),
    ({"model": "rtl8139"},),
    ({"model": "e1000e"},),
    ({"model": "virtio-scsi"},),
    ({"model": "qemu-xhci"},),
    ({"model": "megasas"},),
    ({"model": "virtio-rng"}, {"model": "virtio-rng"}),
    ({"model": "e1000"}, {"model": "virtio-rng"}),
)
"""What sits in one slot; none of it needs a backend."""


class Drawn:
    """A guest that lives: its layout now, and what comes next."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._number = 0
        q35 = seed % 2 == 0
        pcie = {"kind": "pcie", "count": self._random.randint(1, 4)}
        with_io = {"kind": "pcie", "count": self._random.randint(1, 2), "io": 4096}
        bridge = {"kind": "pci", "count": self._random.randint(2, 6)}
        machine = "q35" if q35 else "pc"
        spare = [pcie, with_io, bridge] if q35 else [bridge]
        nested = [] if q35 or self._random.random() < 0.5 else [{"id": "br1", "model": "pci-bridge"}]
        devices = [{"id": "net0", "model": "virtio-net", "hotplug": "required"}, {"id": "nic1", "model": "e1000"}]
        request = {"machine": machine, "devices": devices, "spare": spare, "controllers": nested}
        self.layout: Layout = here(solve(Guest.model_validate(request)).require())

    def plugged(self) -> HotplugStep | None:
        """A device more, if a slot takes the one that is drawn."""
        fields = self._random.choice(KINDS)
        devices = []
        for one in fields:
            self._number += 1
            devices.append({"id": f"hot{self._number}", **one})
        try:
            step = plug(self.layout, devices)
        except InputError:
            return None
        self.layout = step.layout
        return step

    def unplugged(self) -> HotplugStep | None:
        """A device less, if the one that is drawn can go."""
        try:
            names = [one.id for one in self.layout.devices] or ["net0"]
            step = unplug(self.layout, self._random.choice(names))
        except InputError:
            return None
        self.layout = step.layout
        return step

    def step(self) -> HotplugStep | None:
        """One or the other."""
        return self.plugged() if self._random.random() < 0.6 else self.unplugged()
