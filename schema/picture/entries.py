"""What stands where in a layout, and what is known of it: read once, for the tree in text and for pictures."""

from collections import defaultdict
from typing import Literal

from ..catalog.virtual_functions import physical_function, virtual_functions
from ..firmware import Prediction, predict
from ..hotplug import free_places
from ..layout.layout import IoWindow, Layout, PlacedController, PlacedDevice
from ..pci.address import written
from ..records import record

EntryKind = Literal["chipset", "controller", "device", "spare", "free"]


@record(frozen=True)
class BusEntry:
    """What stands at an address of a bus: something, or a slot that is free. Empty text is what nobody knows."""

    kind: EntryKind
    order: tuple[int, int]
    """Slot and function, by which a bus is sorted."""
    place: str
    """The same as text, `01.0`; `06.*` is a slot, `08.* to 1f.*` are several."""
    id: str = ""
    model: str = ""
    """Of the chipset the names of its functions, of free slots `pci` or `pcie`."""
    count: int = 1
    """How many slots these are."""
    offers: str | None = None
    """The bus that it offers, by id."""
    number: int | None = None
    """The guest's number of that bus."""
    node: int | None = None
    """NUMA node of a controller."""
    guest_address: str = ""
    interface: str = ""
    """A Linux guest's name of it."""
    mode: str = ""
    """Virtio mode."""
    window: str = ""
    """IO window or IO reserve, with its ports."""
    virtual: str = ""
    """Where its virtual functions are, or whose virtual function it is."""


def predicted(layout: Layout, *, memory: bool) -> Prediction | None:
    """What the firmware makes of it; None for a layout that no firmware would number: `show` draws those too."""
    ids = [seat.id for seat in (*layout.controllers, *layout.devices)]
    if len(set(ids)) < len(ids):
        return None
    try:
        return predict(layout, memory=memory)
    except (KeyError, ValueError):  # a model that nothing describes
        return None


def entries_of(layout: Layout, prediction: Prediction | None) -> dict[str, list[BusEntry]]:
    """By bus, and there by address: the chipset, controllers, devices, spare slots. Any layout is read: buses that do
    not exist are there, too, if something names them. What is asked for and not there is empty."""
    buses: dict[str, list[BusEntry]] = defaultdict(list)
    numbers = {} if prediction is None else prediction.secondary
    padding = frozenset[str]() if prediction is None else prediction.padding
    windows = {window.controller: window for window in layout.io_windows}
    machine = layout.machine_model
    for slot, names in _chipset(machine.taken).items():
        buses[machine.root].append(BusEntry("chipset", (slot, -1), f"{slot:02x}.*", model=names))
    for controller in layout.controllers:
        window = _window(windows.get(controller.id), padding)
        buses[controller.bus].append(_controller(controller, numbers.get(controller.id), window))
    for device in layout.devices:
        buses[device.bus].append(_device(device, layout.guest_addresses, layout.guest_names))
    for spare in layout.spare:
        place = f"{spare.slot:02x}.*"
        buses[spare.bus].append(BusEntry("spare", (spare.slot, 8), place, model=spare.kind))
    for parts in buses.values():
        parts.sort(key=lambda part: part.order)
    return buses


def with_free(buses: dict[str, list[BusEntry]], layout: Layout) -> dict[str, list[BusEntry]]:
    """The same with the free hot-pluggable slots that nobody asked to spare, those in a row as one part."""
    spare = {(one.bus, one.slot) for one in layout.spare}
    runs: dict[str, list[list[int]]] = defaultdict(list)
    kinds = {}
    for place in free_places(layout):
        if (place.bus.id, place.slot) in spare:
            continue
        kinds[place.bus.id] = place.kind
        here = runs[place.bus.id]
        if here and here[-1][-1] + 1 == place.slot:
            here[-1].append(place.slot)
        else:
            here.append([place.slot])
    more = defaultdict(list, {bus: list(parts) for bus, parts in buses.items()})
    for bus, slots in runs.items():
        more[bus] += [_free(kinds[bus], run) for run in slots]
        more[bus].sort(key=lambda part: part.order)
    return more


def _free(kind: str, slots: list[int]) -> BusEntry:
    place = f"{slots[0]:02x}.*" if len(slots) == 1 else f"{slots[0]:02x}.* to {slots[-1]:02x}.*"
    return BusEntry("free", (slots[0], 8), place, model=kind, count=len(slots))


def _chipset(taken: dict[tuple[int, int], str]) -> dict[int, str]:
    names: dict[int, list[str]] = defaultdict(list)
    for (slot, _), name in sorted(taken.items()):
        if name not in names[slot]:
            names[slot].append(name)
    return {slot: ", ".join(group) for slot, group in names.items()}


def _controller(controller: PlacedController, number: int | None, window: str) -> BusEntry:
    return BusEntry(
        "controller",
        (controller.slot, controller.function),
        f"{controller.slot:02x}.{controller.function}",
        id=controller.id,
        model=controller.model,
        offers=controller.id,
        number=number,
        node=controller.numa,
        window=window,
    )


def _window(window: IoWindow | None, padding: frozenset[str]) -> str:
    """`padding` are the bridges whose window is nothing but the firmware's default reservation."""
    if window is None:
        return ""
    name = "IO reserve" if window.controller in padding else "IO window"
    if window.base is None:
        return f"{name} of {window.size >> 10}K"
    return f"{name} {window.base:04x}-{window.base + window.size - 1:04x}"


def _device(device: PlacedDevice, addresses: dict[str, str | None], names: dict[str, str | None]) -> BusEntry:
    return BusEntry(
        "device",
        (device.slot, device.function),
        written(device.slot, device.function),
        id=device.id,
        model=device.model,
        guest_address=addresses.get(device.id) or "",
        interface=names.get(device.id) or "",
        mode=device.virtio.value if device.virtio else "",
        virtual=_virtual(device),
    )


def _virtual(device: PlacedDevice) -> str:
    if (physical := physical_function(device.properties)) is not None:
        return f"virtual function of {physical}"
    virtual = virtual_functions(device.model, device.properties)
    if virtual is None:
        return ""
    places = [f"{slot:02x}.{function}" for slot, function in virtual.places(device.slot, device.function)]
    return f"virtual function {places[0]}" if len(places) == 1 else f"virtual functions {places[0]} to {places[-1]}"
