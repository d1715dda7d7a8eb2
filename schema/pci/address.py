"""PCI addresses as they are planned: a bus by the id of the controller that offers it, a slot and a function."""

import re
from typing import Any, NamedTuple, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

SLOTS = 32
"""Of a bus."""
FUNCTIONS = 8
"""Of a slot."""
ROUTING_IDS = SLOTS * FUNCTIONS
"""Of a bus: as many functions its first slot has where it has them all (ARI)."""
BUS_NUMBERS = 256
"""Of a guest: there is one PCI segment."""

_SLOT = re.compile(r"(?P<slot>[0-9a-fA-F]{1,2})(?:\.(?P<function>[0-9a-fA-F]))?")


def written(slot: int, function: int) -> str:
    """As lspci writes it: a slot has 8 functions, and what goes on past them is of the slots after it.

    >>> written(5, 0), written(0, 18)
    ('05.0', '02.2')
    """
    return "{:02x}.{}".format(*divmod(slot * FUNCTIONS + function, FUNCTIONS))


def as_addr(slot: int, function: int) -> str:
    """The same as QEMU's `addr`.

    >>> as_addr(5, 0), as_addr(0, 18)
    ('0x5.0', '0x2.2')
    """
    return "{:#x}.{}".format(*divmod(slot * FUNCTIONS + function, FUNCTIONS))


class Address(NamedTuple):
    """One function of one slot: `bus` is `pcie.0`, `pci.0` or a controller's id, slot 0-31, function 0-7.

    Behind a port virtual functions go on past function 7 (ARI), and are written as functions of the slots after it.

    >>> str(Address("rp1", 0, 7)), str(Address("rp1", 0, 8))
    ('rp1:00.7', 'rp1:01.0')
    """

    bus: str
    slot: int
    function: int

    def __str__(self) -> str:
        return f"{self.bus}:{written(self.slot, self.function)}"


class Pin(NamedTuple):
    """What a user fixed of an address; `None` is what the planner may choose.

    Written as in lspci, hexadecimal: `pcie.0:05.0`, `br1:1f` (any function), `.7` (any bus and slot), of virtual
    functions `.8`, too, and so on.

    >>> Pin.parse("pcie.0:1f.4")
    Pin(bus='pcie.0', slot=31, function=4)
    >>> str(Pin.parse(".7"))
    '.7'
    """

    bus: str | None
    slot: int | None
    function: int | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError, naming the part that is wrong."""
        if text.startswith(".") and ":" not in text:
            return cls(None, None, _any_function(text[1:], text))
        bus, colon, place = text.rpartition(":")
        if not colon or not bus:
            raise ValueError(f"address {text!r} names no bus: write BUS:SLOT or BUS:SLOT.FUNCTION, as in 'pcie.0:05.0'")
        match = _SLOT.fullmatch(place)
        if match is None:
            raise ValueError(f"address {text!r}: {place!r} is not SLOT or SLOT.FUNCTION in hexadecimal, as in '1f.4'")
        slot = int(match["slot"], 16)
        if slot >= SLOTS:
            raise ValueError(
                f"address {text!r}: slot {match['slot']} (hexadecimal) is above 1f, the last slot of a bus"
            )
        return cls(bus, slot, None if match["function"] is None else _function(match["function"], text))

    def __str__(self) -> str:
        if self.bus is None or self.slot is None:
            return "" if self.function is None else f".{self.function:x}"
        place = f"{self.slot:02x}" if self.function is None else written(self.slot, self.function)
        return f"{self.bus}:{place}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        pattern = r"^(\.[0-9a-fA-F]{1,2}|.+:[01]?[0-9a-fA-F](\.[0-7])?)$"
        return {"type": "string", "pattern": pattern, "examples": ["pcie.0:05.0", "br1:1f", ".7"]}

    @classmethod
    def _validate(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError(f"address {value!r} must be text in quotes, as in 'pcie.0:05.0' or '.7'")
        return cls.parse(value)


def _function(text: str, whole: str) -> int:
    if text not in set("01234567"):
        raise ValueError(f"address {whole!r}: function {text!r} is not one of 0 to 7")
    return int(text)


def _any_function(text: str, whole: str) -> int:
    """Also past 7, in hexadecimal."""
    if re.fullmatch("[0-9a-fA-F]{1,2}", text) is None:
        return _function(text, whole)
    return int(text, 16)
