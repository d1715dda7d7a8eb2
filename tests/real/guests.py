"""Random guests that together have every controller, in every combination with a virtio mode and a hot-plug need."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from qslot.schema import Guest, Infeasible, Layout, VirtioMode
from qslot.schema.pci.controllers import CONTROLLERS, ENDPOINT
from qslot.schema.pci.machine_types import family_of
from qslot.schema.request.firmware import FirmwareName
from qslot.solver import Options, solve
from qslot.testing.generator import Data, SeededDraw, any_size, draw_request, valid

from .this_qemu import firmware, machines, name, said_here

NEEDS: Final = ("never", "preferred", "required")
TIME_LIMIT: Final = 2.0
"""Seconds for a plan. One that is not proved by then is booted all the same: it keeps every rule."""
UNBOOTED: Final = ("memory", "pci_hole64", "phys_bits")
"""What the machine that runs the tests may not have."""


@dataclass(frozen=True)
class Wish:
    """What a guest must have beside what is drawn; all but `spare` is about one controller and one interface more."""

    family: str
    controller: str
    mode: VirtioMode
    need: str
    firmware: FirmwareName = "seabios"
    spare: bool = False

    def add_to(self, data: Data) -> Data:
        interface: Data = {"id": "wished", "model": "virtio-net", "virtio": self.mode.value, "hotplug": self.need}
        if (slot := self.seat) is not None:
            interface["address"] = f"wish:{slot:02x}"
        return data | {
            "firmware": firmware(self.firmware).model_dump(),
            "qemu": name(),
            "controllers": [*data["controllers"], {"id": "wish", "model": self.controller}],
            "devices": [*data["devices"], interface],
        }

    @property
    def seat(self) -> int | None:
        """The slot for the interface on the controller's own bus, where endpoints with this need may sit there."""
        bus = CONTROLLERS[self.controller].bus
        cold = self.controller in ("i82801b11-bridge", "pxb")
        if not bus.provides & ENDPOINT or (cold and self.need == "required"):
            return None
        return bus.last_slot

    def met_by(self, layout: Layout) -> bool:
        """Whether the plan has them; where the interface gets its hot-plug is the verifier's business."""
        models = {controller.id: controller.model for controller in layout.controllers}
        interface = next(device for device in layout.devices if device.id == "wished")
        seated = self.seat is None or interface.bus == "wish"
        return models["wish"] == self.controller and interface.virtio is self.mode and seated


def drawn(wish: Wish, first: int) -> Iterator[tuple[int, Guest]]:
    """Guests of the wish that this QEMU can have, with the seeds that name them: on its newest machine type where it
    lacks the drawn one, so that QEMU 11.1, which has half of them, finds a guest as soon as others."""
    for seed in count(first):
        draw = SeededDraw(seed)
        data = draw_request(draw, any_size(draw))
        fits = family_of(data["machine"])[0] == wish.family
        if fits and ("spare" in data or not wish.spare):
            kept = {name: part for name, part in data.items() if name not in UNBOOTED}
            kept["machine"] = data["machine"] if data["machine"] in machines() else wish.family
            guest = valid(said_here(wish.add_to(kept)))
            if guest is not None:
                yield seed, guest


def planned(wish: Wish, first: int) -> tuple[int, Layout]:
    """The first guest from a seed on that has a plan, and its seed."""
    for seed, guest in drawn(wish, first):
        outcome = solve(guest, Options(time_limit=TIME_LIMIT))
        if not isinstance(outcome, Infeasible) and outcome.layout is not None:
            return seed, outcome.layout
    raise AssertionError("unreachable")
