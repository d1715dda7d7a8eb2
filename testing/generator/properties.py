"""Properties of controllers."""

from typing import Final

from ...schema.pci.controllers import CONTROLLERS
from ...schema.pci.size import MIB
from . import spelling
from .draft import Data, Draft

_MEMORY_RESERVES: Final = (2 * MIB, MIB, 32 * MIB, 3 * MIB, 256 * MIB, 1024 * MIB)


def draw_properties(draft: Draft, name: str, model: str) -> Data:
    """Valid ones; `hotplug` and `numa_node` instead of the fields of the same meaning, now and then."""
    known = CONTROLLERS[model].properties
    result: Data = {}
    if "io-reserve" in known:
        result |= _reserves(draft)
    if "shpc" in known and draft.themed("bridges", 0.8, 0.2):
        result["shpc"] = spelling.boolean(draft.draw, draft.draw.chance(0.5))
    if "bus_nr" in known:
        result |= _expander(draft)
    if "hotplug" in known and draft.themed("hotplug", 0.25, 0.06):
        result["hotplug"] = spelling.boolean(draft.draw, draft.draw.chance(0.3))
    if draft.draw.chance(0.06):
        result |= _names(draft, name, known)
    return result


def _names(draft: Draft, name: str, known: frozenset[str]) -> Data:
    """What tells slots apart in a guest; a number of the controller's own, so that no two are the same."""
    own = 40 + int(name.lstrip("ck"))
    if "chassis" in known:
        return {"chassis": own, "slot": own} if draft.draw.chance(0.5) else {"chassis": own}
    return {"chassis_nr": own} if "chassis_nr" in known else {}


def _reserves(draft: Draft) -> Data:
    draw = draft.draw
    result: Data = {}
    if draft.themed("io", 0.7, 0.08):
        result["io-reserve"] = draw.choice(_io_reserves(draft))
    elif draft.themed("bridges", 0.2, 0.08):
        result["io-reserve"] = 0
    if draft.themed("buses", 0.6, 0.03):
        result["bus-reserve"] = draw.choice((1, 2, 3, draw.integer(120, 127), draw.integer(247, 254)))
    if draft.themed("memory", 0.5, 0.08):
        kinds = draw.choice((("mem",), ("pref64",), ("pref32",), ("mem", "pref64"), ("mem", "pref32")))
        result |= {f"{kind}-reserve": draw.choice(_MEMORY_RESERVES) for kind in kinds}
    spell = {name: spelling.number if name == "bus-reserve" else spelling.size for name in result}
    return {name: spell[name](draw, value) for name, value in result.items()}


def _io_reserves(draft: Draft) -> tuple[int, ...]:
    """A few of these fill the firmware's IO space."""
    if "io" not in draft.themes:
        return 4096, 8192
    return (16384, 32768, 8192, 16384) if draft.family == "q35" else (8192, 16384, 8192, 4096)


def _expander(draft: Draft) -> Data:
    draw = draft.draw
    result: Data = {}
    if draft.themed("buses", 0.6, 0.1):
        taken = {int(one.get("properties", {}).get("bus_nr", 0)) for one in draft.controllers}
        bus_nr = draw.choice((draw.integer(2, 5), draw.integer(2, 5), 128, draw.integer(250, 254)))
        if bus_nr not in taken:
            result["bus_nr"] = bus_nr
    if draft.nodes and draw.chance(0.5):
        result["numa_node"] = spelling.number(draw, draw.integer(0, draft.nodes - 1))
    return result
