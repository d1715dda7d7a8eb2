"""Which firmware a command line starts. Only the names of its files say it."""

import re
from typing import Final

from .command_line import CommandLine
from .values import QemuArgumentError, options_of

_OVMF: Final = re.compile(r"ovmf|edk2|uefi", re.IGNORECASE)
_SEABIOS: Final = re.compile(r"seabios|bios(-256k|-microvm)?\.bin", re.IGNORECASE)
FLASH_CHIP: Final = "cfi.pflash01"
"""Device type of the chips that hold OVMF; what it is told of `secure` belongs to secure boot."""


def firmware_of(line: CommandLine, unread: list[str]) -> str:
    """`ovmf` where there is a flash chip, or where `-bios` names it; else `seabios`, QEMU's default. What tells neither
    is put into `unread`."""
    if _has_flash(line):
        return "ovmf"
    images = [value for option, value in line.others if option == "bios"]
    images += [str(line.machine["firmware"])] if "firmware" in line.machine else []
    known = named_firmware(images[-1]) if images else "seabios"
    if known is None:
        unread.append(f"-bios {images[-1]}: no firmware that is known here: taken for SeaBIOS; --firmware says it")
    return known or "seabios"


def named_firmware(image: str) -> str | None:
    """The firmware that is in an image of that name; None where the name does not say it.

    >>> named_firmware("/usr/share/OVMF/OVMF_CODE.fd"), named_firmware("bios-256k.bin"), named_firmware("x")
    ('ovmf', 'seabios', None)
    """
    if not image or _SEABIOS.search(image):
        return "seabios"
    return "ovmf" if _OVMF.search(image) else None


def _has_flash(line: CommandLine) -> bool:
    if "pflash" in (option for option, _ in line.others) or {"pflash0", "pflash1"} & line.machine.keys():
        return True
    return any(option == "drive" and is_flash(value) for option, value in line.others)


def is_flash(drive: str) -> bool:
    """Whether a value of `-drive` is a flash chip, which holds the firmware or its variables."""
    try:
        return options_of(drive, first="file", argument="-drive").get("if") == "pflash"
    except QemuArgumentError:  # told by `effects`
        return False


def has_secure_boot(line: CommandLine) -> bool:
    """Whether the flash chips are shut to all but system management mode, as OVMF with secure boot wants it."""
    return any(
        one.driver == FLASH_CHIP and one.property == "secure" and one.value in ("on", "true") for one in line.globals
    )
