"""A guest that asks for an order, and requests whose layouts may answer it: with pins, reserves, more controllers."""

from typing import Any

from qslot.schema import Guest
from qslot.testing.generator.draw import Draw
from qslot.testing.generator.guest import valid

BRIDGES = {"q35": ("pcie-pci-bridge", "pci-bridge", "pcie-root-port"), "pc": ("pci-bridge",)}


def in_an_order(draw: Draw, guest: Guest) -> Guest | None:
    """The guest with two to four of its devices in any order; None where it has fewer, or says one already."""
    names = [one.id for one in guest.devices]
    if len(names) < 2 or guest.order:
        return None
    order = draw.sample(names, draw.integer(2, min(4, len(names))))
    return valid(guest.model_dump(mode="json", exclude_defaults=True) | {"order": order})


def answering(draw: Draw, guest: Guest) -> Guest | None:
    """A request without the order, that asks for more: its layouts may be ones of the guest. None where it contradicts
    itself."""
    data = guest.model_dump(mode="json", exclude_defaults=True, exclude={"order", "policy"})
    root, family = guest.machine_model.root, guest.machine_model.family
    controllers: list[dict[str, Any]] = data.setdefault("controllers", [])
    extra = [{"id": f"extra{n}", "model": draw.choice(BRIDGES[family])} for n in range(draw.integer(0, 3))]
    controllers += extra
    for one in extra:
        if draw.chance(0.5) and one["model"] != "pcie-pci-bridge":
            one["address"] = f"{root}:{draw.integer(2, 9):02x}.0"
    for one in data["devices"]:
        if one["id"] in guest.order and "address" not in one and "group" not in one and draw.chance(0.6):
            bus = draw.choice([root, *(other["id"] for other in controllers)])
            behind_port = any(other["id"] == bus and "port" in other["model"] for other in controllers)
            one["address"] = f"{bus}:00" if behind_port else f"{bus}:{draw.integer(1, 12):02x}"
    if draw.chance(0.5):
        data["devices"] = draw.sample(data["devices"], len(data["devices"]))
    return valid(data)
