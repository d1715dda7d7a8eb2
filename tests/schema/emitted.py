"""`-device` arguments read back, so that what is emitted can be held against its layout."""

from collections.abc import Iterator, Sequence

from qslot.schema.formats.qemu import Emission, Emitted
from qslot.schema.pci.controllers import CONTROLLERS
from qslot.schema.qemu_arguments import read_device


def parse(words: Sequence[str]) -> Emission:
    """Reads the `-device` arguments among `words`, both forms, back into seats; other arguments are passed over.

    So are devices without `bus` and `addr`, which are not PCI or left to QEMU. Raises ValueError for a device with only
    one of the two, without id, or at an address that QEMU would refuse.
    """
    seats = [seat for value in _values(words) if (seat := _read(value)) is not None]
    return Emission(
        tuple(seat for seat in seats if seat.driver in CONTROLLERS),
        tuple(seat for seat in seats if seat.driver not in CONTROLLERS),
    )


def _values(words: Sequence[str]) -> Iterator[str]:
    following = iter(words)
    for word in following:
        if word in ("-device", "--device"):
            value = next(following, None)
            if value is None:
                raise ValueError(f"{word} has no value")
            yield value


def _read(value: str) -> Emitted | None:
    one = read_device(value)
    if one.bus is None and one.slot is None:
        return None
    if one.id is None or one.bus is None or one.slot is None:
        raise ValueError(f"-device {value}: id, bus or addr is missing")
    return Emitted(
        driver=one.driver,
        id=one.id,
        bus=one.bus,
        slot=one.slot,
        function=one.function,
        multifunction=one.multifunction,
        properties=one.properties,
    )
