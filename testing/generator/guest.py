"""Whole requests and guests."""

from pydantic import ValidationError

from ...schema import Guest
from .companions import draw_groups, draw_neighbours
from .controllers import draw_controllers
from .devices import draw_devices
from .draft import Data, Draft, Size, Wanted
from .draw import Draw, SeededDraw
from .machine import draw_cpu, draw_machine
from .policy import draw_policy, with_eject
from .reserve import draw_reserve
from .spares import draw_spare
from .viommu import draw_viommu
from .virtual_functions import draw_virtual_functions


def draw_request(draw: Draw, size: Size | None = None, wanted: Wanted | None = None) -> Data:
    """A request as plain data. Some few contradict themselves: see `valid`."""
    draft = Draft(draw, size or draw_size(draw), wanted or Wanted())
    data = draw_machine(draft)
    draft.nodes = draw.integer(1, 2) if draft.themed("numa", 1, 0.15) else 0
    draw_controllers(draft)
    draw_devices(draft)
    draw_virtual_functions(draft)
    draw_groups(draft)
    draw_neighbours(draft)
    data |= {"controllers": draft.controllers, "devices": draft.devices}
    data |= {"numa_nodes": draft.nodes} if draft.nodes else {}
    data |= {"needs": needs} if (needs := _needs(draft)) else {}
    parts = {"spare": draw_spare(draft), "reserve": draw_reserve(draft), "policy": draw_policy(draft)}
    data |= {name: part for name, part in parts.items() if part}
    return with_eject(draft, data | draw_cpu(draft, data))


def _needs(draft: Draft) -> list[str]:
    needs = draw_viommu(draft)
    if draft.family == "q35" and draft.firmware == "ovmf" and draft.draw.chance(0.05):
        needs.append("secure-boot")
    return needs


def draw_size(draw: Draw) -> Size:
    """Half of the guests have up to 5 devices, the others more."""
    return Size(draw.choice((8, 8, 15, 40)), small=False, least=6) if draw.chance(0.5) else small_size(draw)


def small_size(draw: Draw) -> Size:
    """Up to 5 devices, and whatever makes their seats scarce."""
    return Size(draw.choice((2, 3, 4, 5)), small=True)


def any_size(draw: Draw) -> Size:
    """Up to 40 devices, all features."""
    return Size(draw.choice((3, 8, 15, 40)), small=False)


def valid(data: Data) -> Guest | None:
    """None where the schema refuses it."""
    try:
        return Guest.model_validate(data)
    except ValidationError:
        return None


def request(seed: int) -> Data:
    """The request that a seed names: its first draft that is valid input."""
    return _first(SeededDraw(seed), None)


def guest(seed: int) -> Guest:
    """That, validated."""
    return Guest.model_validate(request(seed))


def small_guest(seed: int) -> Guest:
    """The guest of up to 5 devices that a seed names."""
    draw = SeededDraw(seed)
    return Guest.model_validate(_first(draw, small_size(draw)))


def any_guest(seed: int) -> Guest:
    """The guest of up to 40 devices that a seed names."""
    draw = SeededDraw(seed)
    return Guest.model_validate(_first(draw, any_size(draw)))


def _first(draw: Draw, size: Size | None) -> Data:
    while valid(data := draw_request(draw, size)) is None:
        pass
    return data
