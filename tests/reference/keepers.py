"""What bridges are told to reserve for spare slots: docs/semantics.md, rule spare.

Reserves that the request states stay as they are, so a slot beyond them is none.
"""

from qslot.schema.pci.bars import BarKind
from qslot.schema.request.bars import requested

from .measure import PAGE, Broken, Measure, beyond, keeper_of, on, spares_on
from .request import choice_of
from .tree import Bus, Controller, Item, SpareSlot

MIB = 1 << 20
Reserves = dict[str, int]


def kept(measure: Measure) -> dict[Controller, Reserves]:
    """By controller, what it says beside what the request states. Asked of complete trees that have been measured:
    a device that is added may open the window that a spare slot lacks. Raises Broken."""
    result: dict[Controller, Reserves] = {}
    for bus in measure.places:
        spares = list(spares_on(bus))
        if not spares or bus.owner is None:
            continue
        if bus.kind == "port":
            result[bus.owner] = _of_port(bus.owner, spares[0])
        else:
            keeper = keeper_of(bus)
            reserves = _io(measure, bus, keeper) | _memory(measure, bus, keeper, spares)
            if reserves:
                assert keeper is not None
                result[keeper] = reserves
    return result


def _of_port(port: Controller, one: SpareSlot) -> Reserves:
    result: Reserves = {}
    if one.spare.io and "io-reserve" not in port.stated:
        result["io-reserve"] = PAGE
    if one.spare.memory and "pref64-reserve" not in port.stated:
        result["pref64-reserve"] = power_of_two(one.spare.memory)
    return result


def _io(measure: Measure, bus: Bus, keeper: Controller | None) -> Reserves:
    """The whole window, where the firmware opens less by itself."""
    if not any(one.spare.io for one in spares_on(bus)):
        return {}
    assert bus.owner is not None
    outer = bus.owner if keeper is None else keeper
    counted, opened = measure.pages(outer), measure.opened(bus.owner)
    if outer.heeded:
        opened = max(opened, -(-(outer.io_reserve or 0) // PAGE))
    if opened >= counted:
        return {}
    if keeper is None or "io-reserve" in keeper.stated:
        raise Broken("spare")
    return {"io-reserve": PAGE * counted}


def _memory(measure: Measure, bus: Bus, keeper: Controller | None, spares: list[SpareSlot]) -> Reserves:
    asked = sum(one.spare.memory for one in spares)
    if not asked:
        return {}
    assert keeper is not None
    whole = asked + _memory_there(measure, bus)
    if beyond(keeper, "mem-reserve", whole):
        raise Broken("spare")
    return {} if "mem-reserve" in keeper.stated else {"mem-reserve": power_of_two(whole)}


def _memory_there(measure: Measure, bus: Bus) -> int:
    """Bytes of the window without prefetchable memory that others on the bus take."""
    total = 0
    for thing in on(bus):
        if isinstance(thing, Controller):
            below = _memory_there(measure, thing.offers)
            spares = list(spares_on(thing.offers))
            least = 2 * MIB if measure.seabios and measure.has_shpc(thing, spare=bool(spares)) else 0
            total += max(least, -(-below // MIB) * MIB, _kept_inside(thing, spares, below))
        elif isinstance(thing, Item):
            for one in thing.devices:
                bars = requested(one, choice_of(one, behind_port=False))
                rom = one.model.rom_bytes(one.device.properties) if one.device.rom is None else one.device.rom
                total += rom + sum(max(size, PAGE) for _, kind, size in bars if kind in (BarKind.MEM32, BarKind.MEM64))
    return total


def _kept_inside(bridge: Controller, spares: list[SpareSlot], below: int) -> int:
    """Bytes of the mem-reserve of a bridge in another's window."""
    stated = bridge.stated.get("mem-reserve")
    asked = sum(one.spare.memory for one in spares)
    return power_of_two(asked + below) if stated is None and asked else stated or 0


def power_of_two(size: int) -> int:
    """The next one from `size` on."""
    return 1 << (size - 1).bit_length()
