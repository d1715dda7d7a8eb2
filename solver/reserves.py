"""What a bridge keeps for later: IO windows and bus numbers that properties ask for, or machine and firmware make."""

from ..schema.connect import CONTROLLERS
from ..schema.device import Controller
from ..schema.firmware.budget import PAGE
from ..schema.guest import Guest
from .buses import pages
from .chains import shpc_costs


def ports_reserve(guest: Guest) -> bool:
    """Whether root ports open a page by themselves: SeaBIOS obeys that quirk of pc-q35-6.1, OVMF does not."""
    return guest.platform.port_io_reserve and guest.firmware.name == "seabios"


def ports_look_hot(guest: Guest) -> bool:
    """Whether the firmware heeds the reserves of a port with hotplug on."""
    return guest.firmware.name == "seabios" or not guest.platform.port_io_reserve


def has_shpc(controller: Controller) -> bool:
    """Of a demanded bridge, which keeps what its properties say."""
    on = controller.properties.get("shpc", True) not in (False, "off")
    return controller.model == "pcie-pci-bridge" or (controller.model == "pci-bridge" and on)


def bus_reserve(controller: Controller) -> int | None:
    reserve = controller.properties.get("bus-reserve")
    return int(reserve) if isinstance(reserve, int) else None


def kept_by(guest: Guest, controller: Controller) -> dict[str, object]:
    """The fields of a demanded controller's bus class that say what it keeps."""
    reserve = controller.properties.get("io-reserve")
    root_port, bridge = controller.model == "pcie-root-port", controller.model == "pci-bridge"
    asked = int(reserve) if isinstance(reserve, int) else 0
    if reserve is None and root_port and controller.hotplug and ports_reserve(guest):
        asked = PAGE
    port = CONTROLLERS[controller.model].is_port
    hot = controller.hotplug and ports_look_hot(guest) if port else has_shpc(controller)
    heeded = hot or guest.firmware.name == "seabios"
    return {
        "reserve": pages(asked) if heeded else 0,
        "closed_io": reserve == 0 and reserve is not False,
        "shpc": has_shpc(controller) and shpc_costs(guest),
        "reserving": heeded and (root_port or bridge),
        "bus_reserve": bus_reserve(controller),
    }
