"""Every way in which a request may spell the value of a QEMU property."""

from typing import Final

from .draw import Draw

_UNITS: Final = (("G", 30), ("M", 20), ("K", 10))
TRUE: Final[tuple[bool | str, ...]] = (True, "on", "yes", "true")
FALSE: Final[tuple[bool | str, ...]] = (False, "off", "no", "false")


def boolean(draw: Draw, value: bool) -> bool | str:
    """As itself, or as the words that QEMU takes."""
    return draw.choice(TRUE if value else FALSE)


def number(draw: Draw, value: int) -> int | str:
    """As itself, or as its digits."""
    return str(value) if draw.chance(0.3) else value


def size(draw: Draw, value: int) -> int | str:
    """Bytes as a number, as its digits, or with the largest unit letter that divides it, as QEMU's options have it."""
    unit = next(((letter, bits) for letter, bits in _UNITS if value and value % (1 << bits) == 0), None)
    ways: list[int | str] = [value, value, str(value)]
    if unit is not None:
        letter, bits = unit
        ways += [f"{value >> bits}{letter}", f"{value >> bits}{letter.lower()}"]
    return draw.choice(ways)
