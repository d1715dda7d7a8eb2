"""What a seat costs in preferences: every weight that a device pays, by what it pays for.

The term `preferences` of the objective (model/objective.py) adds these up; schema/weights.py has the table and
schema/verify/objective.py a second reading, of a layout. Weights are paid by each function of an item.
"""

from ...schema.pci.controllers import Connector
from ...schema.request.device import Hotplug
from ...schema.request.resolved import ResolvedDevice
from ...schema.weights import WEIGHTS
from .places import Place


def of_place(one: ResolvedDevice, place: Place, *, needs_io: bool) -> int:
    """What one device pays for the kind of bus. `needs_io`: it must offer the virtio 0.9 interface, which has IO ports
    that a port opens a window for."""
    weight = 0
    if one.connector in (Connector.EXPRESS, Connector.HYBRID):
        weight += {
            Place.PORT: 0,
            Place.CONVENTIONAL: WEIGHTS["express-on-conventional"],
            Place.ROOT: WEIGHTS["express-on-root"],
        }[place]
    elif place is Place.PORT and needs_io:
        weight += WEIGHTS["legacy-on-port"]
    if one.chipset_place is not None and place is not Place.ROOT:
        weight += WEIGHTS["chipset-place"]
    return weight


def sharing(functions: int) -> int:
    """For a slot that others are in, too."""
    return WEIGHTS["shared"] * functions


def foreign_node(functions: int, node: int | None, *, below_expander: bool) -> int:
    """For a place below an expander, of a device that did not ask for a `node`."""
    return WEIGHTS["foreign-node"] * functions if below_expander and node is None else 0


def unmet_hotplug(functions: int, hotplug: Hotplug, *, met: bool) -> int:
    """For a place without hot-plug, of a device that would rather have it."""
    return WEIGHTS["hotplug-unmet"] * functions if hotplug == "preferred" and not met else 0
