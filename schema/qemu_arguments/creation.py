"""Which devices QEMU makes of a command line, in the order in which it creates them, those included that it makes by
default: where each gets the first free slot, the order says which.

Sources: QEMU 7.2, 10.0 and 11.1, started so and asked (tests/real/test_adoption.py).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from typing import Final

from ..pci.machine_types import Family, Version
from ..records import record
from .command_line import QemuOption, options_in, read_global
from .short_options import (
    Options,
    displays,
    network_cards,
    old_sound_cards,
    shared_folder,
    sound_cards,
    virtio_disk,
    watchdogs,
)
from .values import QemuArgumentError, option_text, options_of

DISPLAYS: Final = frozenset({
    "VGA", "isa-vga", "cirrus-vga", "vmware-svga", "qxl-vga", "virtio-vga", "virtio-vga-gl", "ati-vga",
    "vhost-user-vga",
})  # fmt: skip
"""Types that QEMU takes for the guest's display: where `-device` or `-global` names one, there is no VGA by default."""
CIRRUS_UNTIL: Final[Version] = (2, 1)
"""Up to these machine types the display is a cirrus-vga by default."""
E1000_UNTIL: Final[Version] = (2, 11)
"""Up to this machine type the network card of q35 is an e1000 by default, as on pc; then an e1000e."""
STANDS_FOR_DEVICE: Final[dict[str, Callable[[str], list[Options]]]] = {"virtfs": shared_folder, "watchdog": watchdogs}
BRINGS_SOUND: Final[dict[str, Callable[[str], list[Options]]]] = {"audio": sound_cards, "soundhw": old_sound_cards}


@record
class Creation:
    """Values of `-device`, by when their devices are created, and what else is said."""

    display: list[str] = field(default_factory=list)
    network: list[str] = field(default_factory=list)
    sound: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    """Of `-device`, and of options that stand for one, where they stand."""
    drives: list[str] = field(default_factory=list)
    json: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """All other words, as they are."""
    unread: list[str] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The same as a command line that says everything by `-device`."""
        devices = (*self.display, *self.network, *self.sound, *self.listed, *self.drives, *self.json)
        return [*self.others, *(word for value in devices for word in ("-device", value))]


def in_order_of_creation(words: Sequence[str], family: Family, version: Version | None) -> Creation:
    """What QEMU makes of the words on a machine type of that version; None is the newest."""
    result = Creation()
    options = list(options_in(words))
    cards: list[Options] = []
    for one in options:
        try:
            if one.name == "vga":
                result.display = list(map(option_text, displays(one.value)))
            elif one.name in ("nic", "net"):
                cards += network_cards(one.name, one.value)
            else:
                _sort(result, one)
        except QemuArgumentError as error:
            result.unread.append(str(error))
    named = {one.name for one in options}
    if not named & {"nodefaults", "vga"} and DISPLAYS.isdisjoint(_drivers_named(options)):
        old = version is not None and version <= CIRRUS_UNTIL and family == "pc"
        result.display = ["cirrus-vga" if old else "VGA"]
    if not named & {"nodefaults", "nic", "net", "netdev"}:
        cards = [{}]
    default = "e1000" if family == "pc" or (version is not None and version <= E1000_UNTIL) else "e1000e"
    result.network = [option_text({"driver": default, **card}) for card in cards]
    return result


def _sort(result: Creation, one: QemuOption) -> None:
    """Puts an option where its device is created. Raises QemuArgumentError."""
    if one.name == "device":
        (result.json if one.value.lstrip().startswith("{") else result.listed).append(one.value)
    elif one.name in STANDS_FOR_DEVICE:
        result.listed += map(option_text, STANDS_FOR_DEVICE[one.name](one.value))
    elif one.name in BRINGS_SOUND:
        result.sound += map(option_text, BRINGS_SOUND[one.name](one.value))
    elif one.name == "drive" and (disks := virtio_disk(one.value)) is not None:
        result.drives += map(option_text, disks)
    elif one.name == "usbdevice":  # the chipset's USB controller comes with it
        result.others.append("-usb")
    else:
        result.others += one.words


def _drivers_named(options: Iterable[QemuOption]) -> Iterator[str]:
    for one in options:
        try:
            if one.name == "device":
                yield str(options_of(one.value, first="driver", argument="-device").get("driver"))
            elif one.name == "global":
                yield read_global(one.value).driver
        except QemuArgumentError:  # told where the devices are read
            continue
