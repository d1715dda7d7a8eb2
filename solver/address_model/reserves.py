"""What a bridge can reserve, and what it reserves without being asked to: facts of the request, not of a layout."""

from ...schema.firmware.budget import PAGE
from ...schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from ...schema.request.guest import Guest
from .things import Bridge
from .variables import Expression


def heeded(guest: Guest, bridge: Bridge) -> bool:
    """Whether the firmware looks at its reserves; a created pci-bridge with spare slots has SHPC."""
    if guest.firmware.name == "seabios":
        return True
    if bridge.model == "pci-bridge":
        return bridge.shpc
    return bridge.hotplug and not guest.machine_model.port_io_reserve


def may_reserve(guest: Guest, bridge: Bridge) -> bool:
    """Only these two models have such properties."""
    return bridge.model in ("pcie-root-port", "pci-bridge") and heeded(guest, bridge)


def can_keep(guest: Guest, bridge: Bridge, name: str, size: int) -> bool:
    """Whether its reserve of that name can be of so many bytes: what the request says of it stands."""
    if not may_reserve(guest, bridge) or (name == "pref64-reserve" and "pref32-reserve" in bridge.given):
        return False
    given = bridge.number(name)
    return given is None or given >= size


def io_reserve(guest: Guest, bridge: Bridge, exists: Expression, asking: Expression, most: int) -> Expression:
    """Pages, `most` at most, that it opens whatever is there; `asking`: whether its spare slot asks for IO."""
    if not may_reserve(guest, bridge):
        return 0
    given = bridge.number("io-reserve")
    if given is not None:
        return min(-(-given // PAGE), most)
    implied = guest.machine_model.port_io_reserve and bridge.is_port and bridge.hotplug
    return exists if implied else asking


def opens_by_itself(guest: Guest, bridge: Bridge) -> int:
    """Pages that the firmware opens for a bridge with SHPC where nothing there has IO: SeaBIOS does, and OVMF before
    202308. A created pci-bridge with spare slots has SHPC."""
    opens = guest.firmware.name == "seabios" or guest.firmware.number < NO_DEFAULT_IO_PADDING
    return int(opens and bridge.shpc)
