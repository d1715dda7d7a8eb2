"""What a layout costs: the objective's terms and, device by device, the preferences that it does not meet."""

from collections.abc import Iterator

from ..layout.layout import Layout, Replanned
from ..layout.preference import UnmetPreference
from ..pci.controllers import Connector, VirtioMode
from ..request.fields import Term
from ..request.guest import Guest
from ..weights import WEIGHTS
from .context import Context, SeatedDevice, context_of, once
from .iommu import spaces_shared


def objective(guest: Guest, layout: Layout) -> dict[Term, int]:
    """The value of each term: weights, bytes (`io_windows`) and counts. Devices that hang on no bus cost nothing."""
    return objective_of(context_of(guest, layout))


@once
def objective_of(known: Context) -> dict[Term, int]:
    """The same of a layout in its context."""
    replanned = known.replanned or Replanned()
    return {
        "moved": len(replanned.moved),
        "guest_visible": len(replanned.guest_visible),
        "preferences": sum(one.weight for one in unmet_preferences(known)),
        "io_windows": known.io.root_level,
        "controllers": len(known.layout.controllers),
        "depth": sum(place.bus.depth for place in known.places.values()),
    }


@once
def unmet_preferences(known: Context) -> tuple[UnmetPreference, ...]:
    """Every weight that a layout pays, devices in the layout's order, then switches."""
    paid = [(name, reason) for name, place in known.places.items() for reason in reasons(known, place)]
    demanded = {controller.id for controller in known.guest.controllers}
    paid += [
        (controller.id, "switch")
        for controller in known.layout.controllers
        if controller.model == "x3130-upstream" and controller.id not in demanded
    ]
    paid += [(name, "iommu-space") for name in spaces_shared(known)]
    return tuple(UnmetPreference(who=name, reason=reason, weight=WEIGHTS[reason]) for name, reason in paid)


def reasons(known: Context, place: SeatedDevice) -> Iterator[str]:
    """What one device pays for where it sits."""
    resolved, bus = place.resolved, place.bus
    if place.item.hotplug == "preferred" and not place.takes_hotplug:
        yield "hotplug-unmet"
    if known.machine.family == "q35":
        if resolved.connector in {Connector.EXPRESS, Connector.HYBRID}:
            if bus.is_conventional:
                yield "express-on-conventional"
            elif bus.is_root:
                yield "express-on-root"
        elif bus.is_port and resolved.modes and VirtioMode.MODERN not in resolved.modes:
            yield "legacy-on-port"
    if place.shared:
        yield "shared"
    if place.item.numa is None and bus.expander is not None:
        yield "foreign-node"
    if resolved.chipset_place is not None and not bus.is_root:
        yield "chipset-place"
