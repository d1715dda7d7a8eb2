"""Small guests of machine pc with PCI Express in them: what is proved of them, held against the second opinions.

Slots are few, so that ports and pci-bridges, pinned and open, meet on pci.0.
"""

import random
from typing import Any

import pytest

from qslot.schema import Guest, Infeasible
from qslot.schema.verify import verify
from qslot.solver import solve
from qslot.testing.generator import valid

from ..opinions import addresses, oracle

GUESTS = 8
"""For each number of a test."""
ROOTS = ("ioh3420", "pcie-root-port")
DEVICES = ("e1000", "nvme", "virtio-net", "AC97")


def drawn(draw: random.Random) -> dict[str, Any]:
    """A request, which may be invalid."""
    slots = draw.randint(2, 5)
    first = 2
    reserve = [f"pci.0:{slot:02x}" for slot in range(first + slots, 0x20)]
    controllers = [controller(draw, f"c{n}", slots) for n in range(draw.randint(1, 4))]
    ports = [one["id"] for one in controllers if one["model"] in ROOTS]
    for number, port in enumerate(ports):
        if draw.random() < 0.35:
            model = draw.choice(["pcie-pci-bridge", "x3130-upstream", "pcie-pci-bridge"])
            place = {"address": f"{port}:00.0"} if draw.random() < 0.5 else {}
            controllers.append({"id": f"b{number}", "model": model, **place})
            if model == "x3130-upstream" and draw.random() < 0.6:
                place = {"address": draw.choice([f"b{number}:00.0", f"b{number}:01", ".1"])}
                controllers.append({"id": f"d{number}", "model": "xio3130-downstream", **place})
    devices = [device(draw, f"n{n}", ports, slots) for n in range(draw.randint(1, 5))]
    chipset = draw.choice([{}, {}, {"bridge_hotplug": False}, {"acpi": False}, {"root_hotplug": False}])
    spare = draw.choice([{}, {}, {"pci": 1}, {"pci": 2}])
    return {
        "machine": "pc",
        "firmware": draw.choice(["seabios", "seabios", "ovmf"]),
        "chipset": chipset,
        "reserve": reserve,
        "controllers": controllers,
        "devices": devices,
        "spare": spare,
    }


def controller(draw: random.Random, name: str, slots: int) -> dict[str, Any]:
    model = draw.choice([*ROOTS, *ROOTS, "pci-bridge"])
    slot = f"pci.0:{draw.randint(2, 1 + slots):02x}"
    places = [{}, {}, {"address": slot}, {"address": f"{slot}.{draw.choice([0, 0, 1, 2])}"}, {"address": ".1"}]
    off = {"hotplug": False} if model in ROOTS and draw.random() < 0.2 else {}
    return {"id": name, "model": model, **draw.choice(places), **off}


def device(draw: random.Random, name: str, ports: list[str], slots: int) -> dict[str, Any]:
    place = {}
    if ports and draw.random() < 0.35:
        place = {"address": f"{draw.choice(ports)}:00"}
    elif draw.random() < 0.3:
        place = {"address": f"pci.0:{draw.randint(2, 1 + slots):02x}"}
    need = draw.choice(["never", "never", "preferred", "required"])
    return {"id": name, "model": draw.choice(DEVICES), "hotplug": need, **place}


@pytest.mark.parametrize("number", range(12))
def test_second_opinions(number: int) -> None:
    draw = random.Random(number)
    judged = 0
    while judged < GUESTS:
        guest = valid(drawn(draw))
        if guest is not None:
            judged += 1
            hold(guest)


def hold(guest: Guest) -> None:
    outcome = solve(guest)
    if not isinstance(outcome, Infeasible):
        assert [one for one in verify(guest, outcome.require()) if one.severity == "error"] == []
    for opinion in (oracle.opinion, addresses.opinion):
        told = opinion(guest, outcome)
        assert told == "agree" or told.startswith("n/a"), (told, guest.model_dump_json(exclude_defaults=True))
