"""Bridges of their own for devices of an order that comes back to a bridge, as what is below one comes in one piece."""

from collections import Counter
from collections.abc import Iterator
from itertools import count, groupby

from ...schema.layout.layout import Layout
from ...schema.pci.address import Pin
from ...schema.pci.controllers import CONTROLLERS
from ...schema.request.device import Controller
from ...schema.request.guest import Guest


def split(guest: Guest, layout: Layout) -> Guest | None:
    """The request that lists a bridge for each run of the order that is below one of this layout's, where the order
    comes back to that. None where it never does."""
    models = {one.id: one.model for one in layout.controllers}
    own = models.keys() - {one.id for one in guest.controllers}
    buses = {one.id: one.bus for one in layout.devices}
    runs = [(bus, list(names)) for bus, names in groupby(guest.order, buses.__getitem__)]
    times = Counter(bus for bus, _ in runs)
    names = _free_names({*models, *buses})
    controllers, pins = list(guest.controllers), dict[str, Pin]()
    for bus, run in runs:
        if times[bus] > 1 and bus in own and _is_conventional(models[bus]):
            controllers.append(Controller(id=next(names), model=models[bus]))
            pins |= {one: Pin(controllers[-1].id, slot, None) for slot, one in enumerate(run, 1)}
    if not pins:
        return None
    devices = (
        one.model_copy(update={"address": pins[one.id]}) if one.id in pins and one.address is None else one
        for one in guest.devices
    )
    more = {"controllers": tuple(controllers), "devices": tuple(devices), "order": ()}
    return guest.model_copy(update=more)


def _free_names(taken: set[str]) -> Iterator[str]:
    return (name for number in count(1) if (name := f"p2p{number}") not in taken)


def _is_conventional(model: str) -> bool:
    return model in CONTROLLERS and not CONTROLLERS[model].bus.express
