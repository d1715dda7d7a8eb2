"""QEMU's options that bring a PCI device without `-device`, and what they bring.

Sources: QEMU 7.2, 10.0 and 11.1, started so and asked (tests/real/test_adoption.py).
"""

from collections.abc import Mapping
from typing import Any, Final

from .values import QemuArgumentError, options_of

Options = dict[str, Any]
"""A device's, as `-device` would have them; `driver` is missing where the machine chooses."""

DISPLAY_WORDS: Final[Mapping[str, str | None]] = {
    "std": "VGA",
    "cirrus": "cirrus-vga",
    "vmware": "vmware-svga",
    "qxl": "qxl-vga",
    "virtio": "virtio-vga",
    "none": None,
}
"""By the words of `-vga`."""
SOUND_CARDS: Final[Mapping[str, str | None]] = {
    "ac97": "AC97",
    "es1370": "ES1370",
    "hda": "intel-hda",
    "virtio": "virtio-sound-pci",
    **dict.fromkeys(("adlib", "cs4231a", "gus", "pcspk", "sb16")),
}
"""By the words of `-audio`; None is for what is not on PCI."""
NETWORK_CARDS: Final[Mapping[str, str | None]] = {"virtio": "virtio-net-pci", "ne2k_isa": None}
"""By the models of `-nic`, where they are not called as `-device` calls them."""
BOARD_CARD: Final = {"mac": "mac", "macaddr": "mac"}
LEGACY_CARD: Final = {"macaddr": "mac", "netdev": "netdev", "addr": "addr", "vectors": "vectors"}
"""What `-nic` and `-net nic` say of the card, by the names of its properties."""
WATCHDOGS: Final[Mapping[str, str | None]] = {"i6300esb": "i6300esb", "ib700": None}


def displays(value: str) -> list[Options]:
    """Of `-vga`. Raises QemuArgumentError."""
    return _known(DISPLAY_WORDS, value.partition(",")[0], f"-vga {value}")


def network_cards(option: str, value: str) -> list[Options]:
    """Of `-nic`, or `-net`; none where it names a backend alone. Raises QemuArgumentError."""
    options = options_of(value, first="type", argument=f"-{option}")
    if options.get("type") == "none" or (option == "net" and options.get("type") != "nic"):
        return []
    model = options.get("model")
    driver = {} if model is None else {"driver": NETWORK_CARDS.get(str(model), str(model))}
    if driver.get("driver", "") is None:
        return []
    names = LEGACY_CARD if option == "net" else BOARD_CARD
    return [{**driver, **{names[name]: one for name, one in options.items() if name in names}}]


def sound_cards(value: str) -> list[Options]:
    """Of `-audio`, which may be a backend alone. Raises QemuArgumentError."""
    model = options_of(value, first="driver", argument="-audio").get("model")
    return [] if model is None else _known(SOUND_CARDS, str(model), f"-audio {value}")


def old_sound_cards(value: str) -> list[Options]:
    """Of `-soundhw`, which QEMU had before 7.1. Raises QemuArgumentError."""
    return [card for name in value.split(",") for card in _known(SOUND_CARDS, name, f"-soundhw {value}")]


def watchdogs(value: str) -> list[Options]:
    """Of `-watchdog`, which QEMU had before 7.2. Raises QemuArgumentError."""
    return _known(WATCHDOGS, value, f"-watchdog {value}")


def shared_folder(value: str) -> list[Options]:
    """Of `-virtfs`. Raises QemuArgumentError."""
    options = options_of(value, first="fsdriver", argument="-virtfs")
    tag = str(options.get("mount_tag", ""))
    return [{"driver": "virtio-9p-pci", "fsdev": str(options.get("id", tag)), "mount_tag": tag}]


def virtio_disk(value: str) -> list[Options] | None:
    """Of `-drive if=virtio`; None of another one. Raises QemuArgumentError."""
    options = options_of(value, first="file", argument="-drive")
    if options.get("if") != "virtio":
        return None
    return [{"driver": "virtio-blk-pci", **({"drive": options["id"]} if "id" in options else {})}]


def _known(table: Mapping[str, str | None], name: str, words: str) -> list[Options]:
    if name not in table:
        raise QemuArgumentError(f"{words}: none of {', '.join(table)}")
    driver = table[name]
    return [] if driver is None else [{"driver": driver}]
