"""What is known of functions of the host's PCI."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Final, Protocol

from ..pci.host_address import HostAddress
from ..records import record
from ..request.device import Bar


@record(frozen=True)
class HostDevice:
    """What a source says of a function; None where it says nothing."""

    express: bool | None = None
    """Whether it has the PCI Express capability."""
    bars: tuple[Bar, ...] | None = None
    """All its BARs."""
    rom: int | None = None
    """Size of its option ROM in bytes, 0 without one."""
    iommu_group: int | None = None
    """Number of its IOMMU group."""

    def or_else(self, other: "HostDevice") -> "HostDevice":
        """With what only the other one knows."""
        mine = {one.name: getattr(self, one.name) for one in fields(self)}
        return HostDevice(**{name: getattr(other, name) if value is None else value for name, value in mine.items()})


class HostDevices(Protocol):
    """Where to look a function of the host up."""

    def find(self, address: HostAddress) -> HostDevice | None:
        """None where the source does not have it."""


@record(frozen=True)
class Listed:
    """Functions that a text lists."""

    functions: Mapping[HostAddress, HostDevice]

    def find(self, address: HostAddress) -> HostDevice | None:
        """None for one that is not listed."""
        return self.functions.get(address)


NO_HOST: Final = Listed({})
"""Of a host of which nothing is known."""


@record(frozen=True)
class Several:
    """Sources of one host: what the first does not say, the next may."""

    sources: Sequence[HostDevices]

    def find(self, address: HostAddress) -> HostDevice | None:
        """None where no source has it."""
        known = [found for source in self.sources if (found := source.find(address)) is not None]
        if not known:
            return None
        result = known[0]
        for other in known[1:]:
            result = result.or_else(other)
        return result
