"""`qslot hotplug`: one device more, or less, in a running guest."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .completion import DEVICES
from .exits import CliError, Exit, message, warn
from .request import read_yaml
from .source import SOURCE, GuestCommand
from .streams import interruptible, reading, result

if TYPE_CHECKING:
    from qslot.schema.formats.hotplug import HotplugStep
    from qslot.schema.formats.placed import PlacedGuest
    from qslot.schema.formats.sources import Source

    Device = str | list[dict[str, Any]]


@click.command(cls=GuestCommand)
@click.argument("layout", type=SOURCE)
@click.argument("device", required=False)
@click.option("--unplug", metavar="ID", shell_complete=DEVICES, help="Give this device's slot back.")
@click.option(
    "--to",
    type=click.Choice(["qmp", "libvirt"]),
    help="Commands for QEMU's monitor, or the element for virsh attach-device (detach-device). Default: qmp, but "
    "libvirt where DEVICE is an element.",
)
@click.option(
    "--layout-to", type=click.Path(path_type=Path), metavar="FILE", help="Write the layout then there, as JSON."
)
def hotplug(layout: "Source", device: str | None, unplug: str | None, to: str | None, layout_to: Path | None) -> None:
    """Find the slot for DEVICE in a guest that runs with LAYOUT, a layout or a domain, and print the commands for
    QEMU's monitor (QMP), a line each, or the element for virsh attach-device.

    DEVICE is a file, or the text itself: `{id: net1, model: virtio-net, properties: {netdev: hn1}}`; a list is the
    functions of one slot. For libvirt it may be an element as well, which is kept and gets its address. No controller
    is added, and only what the firmware has reserved is given out. What the guest will see, and what changes at its
    next reboot, is told on standard error; of what cannot be, what would make it possible.

    \b
    Examples:
      qslot hotplug layout.json '{id: net1, model: virtio-net}'
      qslot hotplug layout.json --unplug net0 --layout-to layout.json
      qslot hotplug domain.xml nic.xml > addressed.xml && virsh attach-device DOMAIN addressed.xml --live
    """
    from qslot.schema.formats.placed import read_placed
    from qslot.schema.formats.written import to_json

    if (device is None) == (unplug is None):
        raise click.UsageError("give either DEVICE or --unplug")
    with reading(layout):
        placed = read_placed(layout)
    warn(placed.warnings)
    step = _plugged(placed, _device(device), to) if device is not None else _unplugged(placed, str(unplug), to)
    message("\n".join(step.notes))
    if layout_to is not None:
        result(to_json(step.layout), layout_to)
    result(step.element or "".join(f"{json.dumps(command)}\n" for command in step.commands))


def _plugged(placed: "PlacedGuest", device: "Device", to: str | None) -> "HotplugStep":
    """Raises CliError, with what would help, where no slot takes it."""
    from qslot.schema.formats.hotplug import NoSlotError, plug
    from qslot.schema.formats.hotplug_libvirt import attach

    if isinstance(device, str) and to == "qmp":
        raise click.UsageError("--to qmp: an element does not say what QEMU is told; write {id: net1, model: ...}")
    try:
        if to == "libvirt" or isinstance(device, str):
            return attach(placed, device)
        return plug(placed.layout, device)
    except NoSlotError as refused:
        from ..hotplug_remedies import plug_remedies

        with interruptible():
            _refuse(refused, plug_remedies(placed.layout, refused.devices))


def _unplugged(placed: "PlacedGuest", name: str, to: str | None) -> "HotplugStep":
    """Raises CliError, with what would help, where the slot takes no hot-plug."""
    from qslot.schema.formats.hotplug import FixedSlotError, unplug
    from qslot.schema.formats.hotplug_libvirt import detach

    try:
        return detach(placed, name) if to == "libvirt" else unplug(placed.layout, name)
    except FixedSlotError as refused:
        from ..hotplug_remedies import unplug_remedies

        with interruptible():
            _refuse(refused, unplug_remedies(placed.layout, name))


def _refuse(error: Exception, remedies: Iterable[str]) -> NoReturn:
    raise CliError("\n".join((str(error), *(f"hint: {one}" for one in remedies))), Exit.INPUT)


def _device(text: str) -> "Device":
    """In a file, or as it stands: an element, or the fields of devices."""
    from qslot.schema.formats.sources import is_xml_text, text_of

    if not text.lstrip().startswith(("{", "[", "<")):
        text = text_of(text)[1]
    if is_xml_text(text):
        return text
    data = read_yaml(text, "device")
    devices: list[Any] = data if isinstance(data, list) else [data]
    if not all(isinstance(one, dict) for one in devices):
        raise CliError("device: write a device's fields, as in {id: net1, model: virtio-net}", Exit.INPUT)
    return devices
