"""Rule as-requested: machine, models, virtio modes and properties are those of the request."""

from collections.abc import Iterator
from typing import Final

from ..finding import Finding
from ..layout.layout import PlacedController, PlacedDevice, Platform
from ..layout.topology import port_hotplug
from ..pci.controllers import VirtioMode
from ..pci.machine import Chipset
from ..pci.qemu_properties import Properties, Scalar, canonical
from ..pci.qemu_versions import version_text
from ..request.device import Controller
from ..request.resolved import ResolvedDevice, mode_on
from .context import Context
from .ejecting import left_open


def as_requested(known: Context) -> Iterator[Finding]:
    """One finding a controller or device, whose numbers say of each field what is placed instead of what was asked."""
    platform = _platform(known)
    if platform:
        yield Finding(rule="as-requested", details=platform)
    demanded, open_ports = {controller.id: controller for controller in known.guest.controllers}, left_open(known)
    for name, placed in known.topology.controllers.items():
        asked = demanded.get(name)
        differing = _controller(asked, placed, is_open=name in open_ports) | _added(placed, asked)
        if differing:
            yield Finding(rule="as-requested", subjects=(name,), details=differing)
    for device in known.layout.devices:
        resolved = known.resolved.get(device.id)
        if resolved is not None and (differing := _device(known, resolved, device)):
            yield Finding(rule="as-requested", subjects=(device.id,), details=differing)


def _platform(known: Context) -> dict[str, Scalar]:
    """The machine itself, and what else a reader of the layout starts it with."""
    guest, layout = known.guest, known.layout
    differing: dict[str, Scalar] = {}
    if layout.machine != guest.machine:
        differing["machine"] = layout.machine
    if layout.firmware != guest.firmware:
        differing["firmware"] = f"{layout.firmware.name} {layout.firmware.version}"
    for name in Platform.model_fields:
        stated = getattr(layout.platform, name)
        if name != "qemu" and stated != (_chipset(known) if name == "chipset" else getattr(guest, name)):
            differing[name] = str(stated)
    if layout.qemu_version != guest.qemu_version:
        differing["qemu"] = version_text(layout.qemu_version)
    return differing


def _chipset(known: Context) -> Chipset:
    """The one asked for; whether pci.0 takes hot-plug says rule eject, where the policy protects from that."""
    asked, placed = known.guest.chipset, known.layout.platform.chipset
    if known.guest.policy.eject != "protect" or known.machine.family != "pc":
        return asked
    return asked.model_copy(update={"root_hotplug": placed.root_hotplug})


def _controller(asked: Controller | None, placed: PlacedController, *, is_open: bool) -> dict[str, Scalar]:
    """Where nobody asked for it (None), its ports take hot-plug; where `is_open`, rule eject says whether they do."""
    differing: dict[str, Scalar] = {}
    if asked is not None:
        differing = {} if placed.model == asked.model else {"model": placed.model}
        differing |= _changed(asked.properties, placed.properties)
    hotplug = asked is None or asked.hotplug
    if port_hotplug(placed) != hotplug and not is_open:
        differing["hotplug"] = "off" if hotplug else "on"
    return differing


_NUMBERS = frozenset({"chassis", "slot", "port", "hotplug"})
ADDED: Final = {
    "pcie-root-port": _NUMBERS | {"io-reserve", "mem-reserve", "pref64-reserve"},
    "ioh3420": _NUMBERS,
    "xio3130-downstream": _NUMBERS,
    "pci-bridge": frozenset({"chassis_nr", "shpc", "io-reserve", "mem-reserve"}),
    "pxb": frozenset({"bus_nr", "numa_node"}),
    "pxb-pcie": frozenset({"bus_nr", "numa_node"}),
}
"""Properties that a controller may have though the request says nothing of them."""


def _added(placed: PlacedController, asked: Controller | None) -> dict[str, Scalar]:
    """What nobody asked for; `asked` is None for a controller that the request does not list."""
    mine: Properties = {} if asked is None else asked.properties
    added = {name: value for name, value in placed.properties.items() if name not in mine}
    differing = {name: value for name, value in added.items() if name not in ADDED.get(placed.model, frozenset())}
    if asked is not None:
        if not added.get("shpc", True):
            differing["shpc"] = "off"  # only the planner's own bridges lose theirs
        if asked.numa is None and "numa_node" in added:
            differing["numa_node"] = added["numa_node"]
    return differing


def _device(known: Context, resolved: ResolvedDevice, placed: PlacedDevice) -> dict[str, Scalar]:
    asked = resolved.device
    bus = known.topology.buses.get(placed.bus)
    differing: dict[str, Scalar] = {} if placed.model == asked.model else {"model": placed.model}
    mode = placed.virtio
    if bus is not None:
        mode = mode_on(resolved, behind_port=bus.is_port)
    if placed.virtio != mode:
        differing["virtio"] = _word(placed.virtio)
    driver, switches = emission(resolved, placed.virtio if placed.virtio in resolved.modes else mode)
    if placed.driver != driver:
        differing["driver"] = placed.driver
    expected = {**asked.properties, **switches}
    differing |= _changed(expected, placed.properties)
    differing |= {name: value for name, value in placed.properties.items() if name not in expected}
    if placed.bars != asked.bars:
        differing["bars"] = "none" if placed.bars is None else len(placed.bars)
    if placed.rom != asked.rom:
        differing["rom"] = _word(placed.rom)
    return differing


def emission(resolved: ResolvedDevice, mode: VirtioMode | None) -> tuple[str, Properties]:
    """QEMU's name of the device type, and the properties that spell the mode out where the name does not."""
    driver, virtio = resolved.model.driver, resolved.model.virtio
    if mode is None or virtio is None:
        return driver, {}
    modern = mode is not VirtioMode.LEGACY
    passthrough: Properties = {"scsi": "off"} if modern and resolved.has_scsi_passthrough else {}
    if resolved.device.virtio_by == "slot":
        return driver, passthrough
    if mode in virtio.suffixed and resolved.device.virtio_by == "type":
        return f"{driver}-{'transitional' if mode is VirtioMode.TRANSITIONAL else 'non-transitional'}", passthrough
    if not virtio.switches:
        return driver, passthrough
    legacy = "on" if mode is VirtioMode.MODERN else "off"
    return driver, {"disable-legacy": legacy, "disable-modern": "off" if modern else "on", **passthrough}


def _word(value: Scalar | None) -> Scalar:
    return "none" if value is None else str(value) if isinstance(value, str) else value


def _changed(asked: Properties, placed: Properties) -> dict[str, Scalar]:
    """What of `asked` is placed with another value; how a value is spelled does not matter."""
    changed: dict[str, Scalar] = {}
    for name, value in asked.items():
        given = placed.get(name)
        same = type(given) is type(value) and given == value
        if given is None or not (same or canonical(name, given) == canonical(name, value)):
            changed[name] = "none" if given is None else given
    return changed
