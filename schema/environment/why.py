"""Why a device has its virtio mode, and is told it as it is: a line a device."""

from ..layout.layout import Layout, PlacedDevice
from ..pci.controllers import CONTROLLERS, VirtioMode
from .candidates import Candidate
from .target import Environment
from .virtio_modes import SAY_A_MODE, Choice


def reason(candidate: Candidate, seat: PlacedDevice, layout: Layout, environment: Environment) -> str:
    """Of what is not virtio, only where it sits."""
    place = _place(seat, layout)
    if seat.virtio is None:
        return f"not virtio; {place}"
    choice = candidate.choices.get(seat.id)
    if choice is None:
        return f"{_only(seat, environment)}; {place}"
    told = _told(choice, seat, environment)
    return "; ".join(part for part in (_driven(choice, seat, environment), told, place) if part)


def _only(seat: PlacedDevice, environment: Environment) -> str:
    driven = environment.drives(seat.model)
    if environment.os is not None and driven is not None and seat.virtio not in driven:
        return f"{environment.os.id} has no driver for it"
    return "as the request says" if seat.virtio is not VirtioMode.MODERN else "virtio 1.0 is all that it offers"


def _driven(choice: Choice, seat: PlacedDevice, environment: Environment) -> str:
    os, driven = environment.os, environment.drives(seat.model)
    if os is None or not choice.by_os:
        by = "machine type" if seat.virtio is VirtioMode.LEGACY else "slot"
        return f"QEMU's choice for its {by}, as no OS is given" if choice.mode is None else "mode as the request says"
    if driven is None:
        return f"nothing is known of {os.id}'s drivers for it"
    if not driven:
        packaged = os.modes(seat.model, "packages")
        why = ", so it is as QEMU has it by default" if choice.mode is None else ""
        return f"{os.id} has no {'in-box ' if packaged else ''}driver for it{why}"
    early, late = VirtioMode.TRANSITIONAL in driven, VirtioMode.MODERN in driven
    if early and late:
        return f"{os.id} drives virtio 0.9 and 1.0"
    return f"{os.id} drives virtio {'0.9' if early else '1.0'} only"


def _told(choice: Choice, seat: PlacedDevice, environment: Environment) -> str:
    """Where that is not simply by the type."""
    assert seat.virtio is not None
    if choice.means == "type" or (choice.mode is None and seat.virtio is VirtioMode.LEGACY):
        return ""
    lacking = [
        host.words
        for host in environment.hosts
        if not host.takes(seat.model, seat.virtio, "type")
        and (choice.means == "property" or not any(host.takes(seat.model, seat.virtio, means) for means in SAY_A_MODE))
    ]
    if choice.means == "property":
        return f"told by disable-legacy and disable-modern{_as(lacking, 'is not known to have the device types')}"
    if environment.hosts and not lacking:
        return "told by its slot alone, as its hosts have no other means in common"
    return f"told by its slot alone{_as(lacking, 'is not known to take more')}"


def _as(hosts: list[str], what: str) -> str:
    return f", as {' and '.join(hosts)} {what}" if hosts else ""


def _place(seat: PlacedDevice, layout: Layout) -> str:
    model = next((one.model for one in layout.controllers if one.id == seat.bus), None)
    early = seat.virtio in (VirtioMode.LEGACY, VirtioMode.TRANSITIONAL)
    if model is None:
        return "on the root bus" + (", where its IO ports open no window" if early else "")
    if CONTROLLERS[model].is_port:
        return "behind a port" + (", which opens an IO window for it alone" if early else "")
    return "on a conventional bus" + (", which shares one IO window" if early else "")
