"""Addresses of the host's PCI, where numbers are those that the host gave."""

import re
from typing import Final, NamedTuple, Self

from .address import BUS_NUMBERS, FUNCTIONS, SLOTS

_ADDRESS: Final = re.compile(
    r"(?:(?P<domain>[0-9a-f]{1,8}):)?(?P<bus>[0-9a-f]{1,2}):(?P<slot>[01]?[0-9a-f])\.(?P<function>[0-7])", re.IGNORECASE
)


class HostAddress(NamedTuple):
    """Where it sits on the host, by numbers that the host gave.

    >>> str(HostAddress.parse("17:00.1"))
    '0000:17:00.1'
    """

    domain: int
    bus: int
    slot: int
    function: int

    @property
    def card(self) -> str:
        """The slot that it has in common with the other functions of its card, as lspci writes it."""
        return str(self).rpartition(".")[0]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """As lspci and QEMU's property `host` write it, with a domain or without; None where it is no such address."""
        found = _ADDRESS.fullmatch(text)
        return None if found is None else cls(*(int(found[part] or "0", 16) for part in cls._fields))

    @property
    def is_possible(self) -> bool:
        """Whether PCI has such numbers."""
        ends = (1 << 32, BUS_NUMBERS, SLOTS, FUNCTIONS)
        return all(0 <= number < end for number, end in zip(self, ends, strict=True))

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function}"
