"""How deep pci-bridges that the planner creates may nest with any use.

Two levels hold all that bus numbers allow. But an empty bridge with SHPC opens a window with SeaBIOS unless a bridge
below it has one: there a chain of empty bridges above one with IO saves windows.
"""

from typing import Final

from ...schema.firmware.budget import io_budget
from ...schema.pci.controllers import CONTROLLERS
from ...schema.request.guest import Guest
from .items import Items, wished_nodes
from .places import Place

BRIDGE_LEVELS: Final = 2
"""A slot holds 8 bridges of 31 slots with 8 functions each, more than bus numbers allow."""

MAX_NESTING: Final = 24
"""Longest chain that is looked at; past that nothing is proved by looking."""

BRIDGE_SLOTS: Final = 31
"""Of a created bridge."""


def shpc_costs(guest: Guest) -> bool:
    """Whether the firmware opens an IO window for an empty bridge with SHPC."""
    return io_budget(guest.machine_model, guest.firmware.name).empty_shpc_window > 0


def turns_shpc_off(guest: Guest) -> bool:
    """Whether the planner does, on bridges of its own that ACPI reaches; libvirt never does."""
    return guest.machine_model.acpi_bridge_hotplug and guest.policy.preset != "libvirt"


def useful_nesting(guest: Guest, items: Items, *, acpi_reaches: bool) -> int:
    """Levels of created pci-bridges that may save windows, where ACPI offers hot-plug or elsewhere: one for each
    bridge that would be empty, and the two that hold everything. Where the planner turns SHPC off, only spare slots
    keep it on, and they may as well be together on the deepest bridges that have any."""
    if not shpc_costs(guest):
        return BRIDGE_LEVELS
    kinds = [(kind, len(members)) for kind, members in items.free.items() if Place.CONVENTIONAL in kind.allowed]
    wanted = max(BRIDGE_LEVELS, -(-sum(count for _, count in kinds) // BRIDGE_SLOTS) + 1)
    if acpi_reaches and turns_shpc_off(guest):
        spares = sum(count for kind, count in kinds if kind.spare is not None)
        apart = any(kind.near_switch is not None for kind in items.free)
        wanted = min(wanted, BRIDGE_LEVELS + (spares if apart else -(-spares // BRIDGE_SLOTS)))
    return wanted


def may_nest_deeper(guest: Guest, items: Items) -> bool:
    """Whether more levels of created bridges than two may be of use."""
    apart = bool(wished_nodes(guest, items)) or any(
        CONTROLLERS[c.model].is_expander or not c.hotplug for c in (*guest.controllers, *items.open.controllers)
    )
    return useful_nesting(guest, items, acpi_reaches=True) > BRIDGE_LEVELS or (
        apart and useful_nesting(guest, items, acpi_reaches=False) > BRIDGE_LEVELS
    )
