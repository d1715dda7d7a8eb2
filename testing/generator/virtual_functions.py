"""Virtual functions (SR-IOV): devices that bring some along, those that are listed, neighbours where they may be."""

from typing import Any, Final

from qslot.schema.catalog.nvme_queues import VECTORS
from qslot.schema.catalog.virtual_functions import ALWAYS_THERE, VirtualFunctions, asked_for, virtual_functions
from qslot.schema.pci.address import FUNCTIONS, SLOTS
from qslot.schema.pci.qemu_properties import Properties

from . import spelling
from .devices import SELF_DESCRIBED
from .draft import Data, Draft
from .pins import at

SHARE: Final = 0.13
"""Of the guests."""
COUNTS: Final = (1, 2, 3, 7, 3, 2, 8, 20)
"""Of an nvme: within its slot, and beyond it."""


def draw_virtual_functions(draft: Draft) -> None:
    """After devices, before groups: some become others, so that no more seats are taken, but for those listed."""
    draw = draft.draw
    if not draw.chance(SHARE):
        return
    plain = [one for one in draft.devices if one["model"] not in SELF_DESCRIBED and _root_slot(draft, one) is not None]
    for device in plain[: draw.integer(1, 2 if draft.size.small else 4)]:
        _bring_along(draft, device)
    if draft.family == "q35" and draw.chance(0.4):
        draft.devices += _card(draft)


def _bring_along(draft: Draft, device: Data) -> None:
    """An igb, or an nvme that has some, where there is PCI Express."""
    draw = draft.draw
    model = draw.choice(("igb", "nvme"))
    if "address" not in device and draw.chance(0.35):
        address = at(draft, draft.root, draw.integer(2, 4 if draft.size.small else 12))
        device |= {"address": address} if address is not None else {}
    bus = str(device.get("address", "")).rpartition(":")[0]
    if draft.family == "pc" and bus in ("", draft.root):
        model = "igb"
    elif bus and bus != draft.root and not draft.buses()[bus].express:
        return
    kept = {name: device[name] for name in ("id", "hotplug", "numa", "address") if name in device}
    device.clear()
    device |= kept | {"model": model}
    conventional = bus in ("", draft.root) and draft.family == "pc"
    properties = _ask(draft, device, conventional)
    virtual = virtual_functions(model, properties)
    if bus == draft.root and virtual is not None:
        _neighbour(draft, device["address"], virtual)


def _ask(draft: Draft, device: Data, conventional: bool) -> Properties:
    """By the wish, by the properties that QEMU takes for it, or by both; all of these."""
    draw, model = draft.draw, device["model"]
    if model in ALWAYS_THERE:
        if not conventional and draw.chance(0.3):
            device["vfs"] = draw.integer(1, ALWAYS_THERE[model].number)
        return {}
    number = draw.choice(COUNTS)
    more = {VECTORS: number * draw.integer(1, 3)} if draw.chance(0.2) else {}
    properties = asked_for(model, number, more)
    wished = draw.chance(0.4)
    if wished:
        device["vfs"] = number
    if not wished or draw.chance(0.3):
        device["properties"] = {name: spelling.number(draw, int(value)) for name, value in properties.items()}
    return properties


def _root_slot(draft: Draft, device: Data) -> int | None:
    """The slot of the root bus where it is pinned, 0 where it is not; None where an igb would go past the bus's end."""
    bus, _, place = str(device.get("address", "")).rpartition(":")
    slot = int(place.partition(".")[0], 16) if bus == draft.root else 0
    return slot if slot + 17 < SLOTS else None


def _neighbour(draft: Draft, address: str, virtual: VirtualFunctions) -> None:
    """Now and then something else is pinned to a slot of theirs, mostly to functions that they leave."""
    draw = draft.draw
    slot, _, function = address.rpartition(":")[2].partition(".")
    own = int(slot, 16)
    places = [*virtual.places(own, int(function or "0"))]
    if draw.chance(0.9):
        for one, taken in places:
            draft.pinned.setdefault((draft.root, one), set()).add(taken)
    free = [one for one in draft.devices if one["model"] not in SELF_DESCRIBED and "address" not in one]
    if free and draw.chance(0.5):
        last = places[-1][0]
        beside = at(draft, draft.root, min(draw.choice((own, last + 1, own, last + 1, last)), SLOTS - 2))
        free[-1] |= {"address": beside} if beside is not None else {}


def _card(draft: Draft) -> list[dict[str, Any]]:
    """A virtio device and its virtual functions: one group, in the order of the functions or with functions pinned."""
    draw = draft.draw
    many = draw.choice((1, 2, 3, 1, 2, 3, 9))
    virtual = [{"id": f"vf{number}", "properties": {"sriov-pf": "pf"}} for number in range(many)]
    members: list[Data] = [{"id": "pf"}, *virtual]
    if draw.chance(0.3):
        first, stride = draw.integer(0, 1), draw.integer(1, 2)
        members = [{**one, "address": f".{first + stride * number:x}"} for number, one in enumerate(members)]
        members = draw.sample(members, len(members))
    if many < FUNCTIONS and draw.chance(0.2):
        members.append({"id": "beside"})
    hotplug = {"hotplug": draw.choice(("never", "required"))} if draw.chance(0.4) else {}
    return [{"model": "virtio-net", "group": "card", **hotplug, **one} for one in members]
